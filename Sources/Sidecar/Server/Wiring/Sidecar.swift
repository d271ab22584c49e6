// SPDX-License-Identifier: Apache-2.0

import AlertRules
import DependencyChecks
import EventLoop
import Exposition
import HTTPClient
package import HealthChecks
import Journal
package import Logging
import Notifications
package import PromQL
import SQLiteClient
import Scraping
import Synchronization
import TimeSeries
import YAMLDocument

/// The whole program, put together: one store, one I/O loop, a thread each for rules and notifications, the web server.
///
/// Made once, from a configuration that was read and checked; `run` (in `Sidecar+Run.swift`) lives until the process is
/// asked to stop.
package final class Sidecar: Sendable {
    /// What the command line says.
    package struct Options: Sendable {
        package var configurationPath: String?
        package var targets: [String] = []
        package var listen: ListenAddress?
        package var dataDirectory: String?
        package var features: FeatureSet = []
        package var version: String
        package var flags: [(name: String, value: String)] = []

        package init(version: String) { self.version = version }

        /// Reads the configuration anew, with what the command line adds.
        package func read(_ files: FileAccess = .system) -> SidecarConfiguration.Reading {
            var reading: SidecarConfiguration.Reading
            if let path = configurationPath {
                reading = SidecarConfiguration.read(file: path, files: files, features: features)
            } else {
                reading = SidecarConfiguration.Reading(configuration: SidecarConfiguration(), problems: [])
            }
            do throws(UsageProblem) {
                try reading.configuration?.add(targets: targets)
            } catch {
                reading.problems.append(.init(file: "command line", line: 1, column: 1, message: error.description))
                reading.configuration = nil
            }
            if let listen { reading.configuration?.web.listen = listen }
            if let dataDirectory { reading.configuration?.storage.path = dataDirectory }
            return reading
        }
    }

    let options: Options
    let initial: SidecarConfiguration
    let logger: Logger
    let clock: HealthClock
    let startedAt: HealthTime
    let io: EventLoop
    let rulesThread: EventLoop
    let notificationsThread: EventLoop
    let client: HTTPClient
    let journal: JournalWriter
    let store: TimeSeriesStore
    let disk: DiskLoop
    let registry: HealthRegistry
    let engine: QueryEngine
    let pool: QueryPool
    let targets = TargetBoard()
    let metadata = MetadataBoard()
    let rules: RuleLoop
    let notifications: NotificationLoop
    let forwarding: ForwardingLoop
    let own: OwnMetrics
    let heartbeats: HeartbeatKeeper
    let deliveries: WorkRunner<DeliveryAttempt>
    let forwardings: WorkRunner<ForwardingLoop.Post>
    let remoteWrite: RemoteWriteLoop
    /// Keeps others out of the data directory.
    let directoryLock: DirectoryLock?
    let attempts: WorkRunner<(CheckScheduler.Attempt, any HealthCheck)>
    let core: LoopBound<Core>
    let discovery: DiscoveryLoop
    let access: WebAccess
    /// What is in place now.
    let current: Mutex<SidecarConfiguration>
    /// Whether everything has started.
    let isServing = Mutex(false)

    /// What lives on the I/O loop's thread.
    final class Core {
        let conductor: Conductor
        let inputs: InputSet
        let scrapes: ScrapeSet
        let ownSeries: OwnSeriesWriter
        let conditions: ReadinessConditions

        init(
            conductor: Conductor,
            inputs: InputSet,
            scrapes: ScrapeSet,
            ownSeries: OwnSeriesWriter,
            conditions: ReadinessConditions
        ) {
            self.conditions = conditions
            self.conductor = conductor
            self.inputs = inputs
            self.scrapes = scrapes
            self.ownSeries = ownSeries
        }
    }

    /// Why the program cannot start.
    package struct StartProblem: Error, CustomStringConvertible, Sendable {
        package let description: String
    }

    package init(
        options: Options,
        configuration: SidecarConfiguration,
        logger: Logger,
        clock: HealthClock = .system
    ) throws {
        self.options = options
        self.logger = logger
        let steady = SteadyClock(clock)
        let clock = steady.clock
        self.clock = clock
        initial = configuration
        current = Mutex(configuration)
        startedAt = clock.now()
        let files = DataDirectory(
            configuration.storage.path,
            environment: FileAccess.system.environment,
            logger: logger
        )
        // Before there are threads: who finds another process here ends.
        directoryLock = try Self.lock(files)
        io = try EventLoop(name: "io")
        rulesThread = try EventLoop(name: "rules")
        notificationsThread = try EventLoop(name: "notifications")
        client = try HTTPClient(loop: io)
        journal = JournalWriter()
        var storeConfiguration = StoreConfiguration()
        storeConfiguration.retention = configuration.storage.retention
        storeConfiguration.memoryLimit = configuration.storage.memory ?? MachineMemory(FileAccess.system).storeLimit
        storeConfiguration.maximumSeries = configuration.storage.maximumSeries
        let store = TimeSeriesStore(storeConfiguration)
        self.store = store
        registry = HealthRegistry(version: options.version, startedAt: startedAt)
        var engineConfiguration = QueryEngine.Configuration(features: options.features)
        engineConfiguration.subqueryStep = configuration.global.evaluationInterval
        engine = QueryEngine(configuration: engineConfiguration)
        pool = try QueryPool(threads: configuration.web.queryConcurrency)

        disk = try DiskLoop(store: store, logger: logger)
        var recovery = RecoveryReport()
        if let path = files.path {
            let report = store.openLog(path: path + "/samples")
            recovery = report
            for problem in report.problems { logger.error("storage.damaged", metadata: ["problem": .string(problem)]) }
        }
        let unixSeconds = startedAt.unixMilliseconds / 1_000
        let started = Timestamp(milliseconds: startedAt.unixMilliseconds)

        let performer = DeliveryPerformer(client: client, journal: journal)
        let notificationsBox = Handover<NotificationLoop>()
        let deliveries = WorkRunner<DeliveryAttempt>(grace: Self.deliveryGrace) { attempt in
            let outcome = await performer.perform(attempt)
            notificationsBox.value?.complete(attempt, outcome)
        }
        self.deliveries = deliveries
        var notificationConfiguration = configuration.notifications
        notificationConfiguration.externalURL = Self.externalURL(configuration)
        notificationConfiguration.usesJournalByDefault = journal.isReachable
        let notificationEngine = try NotificationEngine(
            configuration: notificationConfiguration,
            database: try files.open("notifications.db", unixSeconds: unixSeconds),
            random: { UInt64.random(in: .min ... .max) },
            at: started
        )
        let receipt = notificationEngine.storedReceipt
        let rulesBox = Handover<RuleLoop>()
        let notifications = NotificationLoop(
            loop: notificationsThread,
            clock: clock,
            engine: notificationEngine,
            perform: { deliveries.submit($0) },
            confirm: { rulesBox.value?.confirm(news: $0) },
            report: { [reporter = NotificationReporter(logger: logger, journal: journal)] in reporter.report($0) }
        )
        notificationsBox.value = notifications
        self.notifications = notifications
        let forwardingBox = Handover<ForwardingLoop>()
        let forwardings = WorkRunner<ForwardingLoop.Post>(grace: Self.deliveryGrace) { post in
            let outcome = await performer.post(post.delivery)
            forwardingBox.value?.complete(post, outcome)
        }
        self.forwardings = forwardings
        let forwarding = ForwardingLoop(
            loop: notificationsThread,
            clock: clock,
            logger: logger,
            settings: Self.forwardingSettings(configuration),
            perform: { forwardings.submit($0) }
        )
        forwardingBox.value = forwarding
        self.forwarding = forwarding

        let coreBox = Handover<LoopBound<Core>>()
        let io = io
        let environment = StoreRuleEnvironment(store: store, engine: engine)
        let state = try AlertStateStore(try files.open("alerts.db", unixSeconds: unixSeconds))
        let manager = RuleManager(context: Self.ruleContext(configuration), environment: environment, state: state)
        let rules = RuleLoop(
            loop: rulesThread,
            clock: clock,
            steps: { steady.steps },
            logger: logger,
            manager: manager,
            receipt: receipt,
            notify: {
                notifications.process($0, number: $1)
                forwarding.process($0)
            },
            reconcile: { notifications.reconcile(active: $0) },
            firing: { firing in io.execute { coreBox.value?.value.conditions.observeAlerts(firing: firing) } }
        )
        rulesBox.value = rules
        self.rules = rules
        own = OwnMetrics(
            version: options.version,
            startedAt: startedAt,
            store: store,
            registry: registry,
            targets: targets,
            rules: rules,
            journal: journal
        )
        own.update { $0.storageInMemory = files.isMemoryOnly }
        own.addSource { forwarding.addMetrics(&$0) }
        do throws(WebAccess.Problem) {
            access = try WebAccess(configuration.web, clock: clock, logger: logger)
        } catch {
            throw StartProblem(description: error.description)
        }
        let access = access
        own.addSource { access.addMetrics(&$0) }
        let remoteWrite = RemoteWriteLoop(
            store: store,
            metadata: metadata,
            client: client,
            clock: clock,
            path: files.path.map { $0 + "/remote_write" },
            logger: logger
        )
        self.remoteWrite = remoteWrite
        own.addSource { remoteWrite.addMetrics(&$0) }
        let found = recovery
        own.addSource { StoreLogMetrics.add(found, store.logStatistics, &$0) }

        let heartbeats = try HeartbeatKeeper(
            loop: notificationsThread,
            database: try files.open("heartbeats.db", unixSeconds: unixSeconds),
            clock: clock,
            logger: logger
        )
        self.heartbeats = heartbeats
        own.addSource { heartbeats.addMetrics(&$0) }

        let attempts = WorkRunner<(CheckScheduler.Attempt, any HealthCheck)> { attempt, check in
            let result = await check.check(deadline: attempt.deadline)
            io.execute { coreBox.value?.value.conductor.finish(attempt, result) }
        }
        self.attempts = attempts
        core = LoopBound(
            Self.makeCore(
                io: io,
                client: client,
                store: store,
                registry: registry,
                targets: targets,
                metadata: metadata,
                own: own,
                rules: rules,
                notifications: notifications,
                clock: clock,
                logger: logger,
                listen: configuration.web.listen,
                attempts: attempts,
                expressions: StoredExpressions(store: store, engine: engine, clock: clock, features: options.features),
                heartbeats: heartbeats.board,
                edge: { check in io.execute { coreBox.value?.value.conductor.hurry(check: check) } }
            ),
            on: io
        )
        coreBox.value = core
        discovery = try Self.makeDiscovery(core, board: targets, logger: logger, clock: clock)
    }

    /// What is on its way at a shutdown may arrive, so that nobody is told twice; what is not yet, the next process sends.
    private static var deliveryGrace: Duration { .seconds(3) }

    /// How others reach this sidecar; links in notifications begin with it.
    static func externalURL(_ configuration: SidecarConfiguration) -> String {
        if let url = configuration.web.externalURL { return url }
        guard case .tcp(let host, let port) = configuration.web.listen else { return "http://localhost" }
        let scheme = configuration.web.access.tls == nil ? "http" : "https"
        let shown = host == "0.0.0.0" || host == "::" ? HostName.current : host.contains(":") ? "[\(host)]" : host
        return "\(scheme)://\(shown):\(port)"
    }

    static func forwardingSettings(_ configuration: SidecarConfiguration) -> ForwardingLoop.Settings {
        ForwardingLoop.Settings(
            alerting: configuration.alerting,
            externalLabels: configuration.global.externalLabels,
            evaluationInterval: configuration.global.evaluationInterval
        )
    }

    static func ruleContext(_ configuration: SidecarConfiguration) -> RuleContext {
        var context = RuleContext()
        context.externalLabels = configuration.global.externalLabels
        context.externalURL = externalURL(configuration)
        context.queryOffset = configuration.global.ruleQueryOffset
        context.evaluationInterval = configuration.global.evaluationInterval
        return context
    }
}

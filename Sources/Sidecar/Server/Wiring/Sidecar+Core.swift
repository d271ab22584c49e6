// SPDX-License-Identifier: Apache-2.0

import AlertRules
import DependencyChecks
import EventLoop
import HTTPClient
import HealthChecks
import Journal
import Logging
import Notifications
import Scraping
import TimeSeries

extension Sidecar {
    /// Puts together what lives on the I/O loop's thread.
    static func makeCore(
        io: EventLoop,
        client: HTTPClient,
        store: TimeSeriesStore,
        registry: HealthRegistry,
        targets: TargetBoard,
        metadata: MetadataBoard,
        own: OwnMetrics,
        rules: RuleLoop,
        notifications: NotificationLoop,
        clock: HealthClock,
        logger: Logger,
        listen: ListenAddress,
        attempts: WorkRunner<(CheckScheduler.Attempt, any HealthCheck)>,
        expressions: any ExpressionEvaluating,
        heartbeats: HeartbeatBoard,
        edge: @escaping @Sendable (String) -> Void
    ) -> Core {
        let epoch = clock.now().uptime
        let ownSeries = OwnSeriesWriter(store: store, instance: listen.description)
        let conditions = ReadinessConditions(
            store: store,
            registry: registry,
            board: targets,
            clock: clock,
            logger: logger,
            publish: { own.publish($0, of: $1) }
        )
        let conductor = Conductor(
            loop: io,
            clock: clock,
            epoch: epoch,
            checks: { reference in
                CheckLoop(
                    loop: io,
                    store: store,
                    registry: registry,
                    epoch: epoch,
                    clock: clock,
                    timestamp: { reference.timestamp(of: $0) },
                    start: { attempts.submit(($0, $1)) },
                    publish: { own.publish($0, of: $1) },
                    finished: { reference.finished($0) }
                )
            },
            actions: Conductor.Actions(
                evaluate: { rules.evaluate($0, at: $1) },
                evaluateEdge: { rules.evaluateEdge(metrics: $0, at: $1) },
                collectOwn: { timestamp in
                    conditions.tick()
                    _ = registry.refresh(at: clock.now())
                    ownSeries.commit(own.ownSamples(), at: timestamp)
                    Self.askNotifications(notifications, own)
                },
                scraped: { conditions.observeTargets() },
                missed: { member, count in
                    own.update { $0.missedTicks &+= UInt64(max(0, count)) }
                    if case .rules(let interval) = member { rules.missed(interval, count: count) }
                }
            )
        )
        let inputs = InputSet(
            environment: CheckEnvironment(
                loop: io,
                http: client,
                connectionClosed: edge,
                expressions: expressions,
                heartbeats: heartbeats
            )
        )
        let scrapes = ScrapeSet(
            store: store,
            client: client,
            board: targets,
            metadata: metadata,
            logger: logger,
            random: { UInt64.random(in: .min ... .max) }
        )
        return Core(
            conductor: conductor,
            inputs: inputs,
            scrapes: scrapes,
            ownSeries: ownSeries,
            conditions: conditions
        )
    }

    /// Fetches the notifications' figures for the next reading of the metrics.
    private static func askNotifications(_ notifications: NotificationLoop, _ own: OwnMetrics) {
        notifications.read { engine, now in
            let statistics = engine.statistics
            let condition = engine.condition(at: now)
            own.update {
                $0.notifications = statistics
                $0.condition = condition
            }
        }
    }

    /// Puts a configuration in place, on the I/O loop: all of it, or none when a check cannot be made.
    func apply(_ configuration: SidecarConfiguration, isFirst: Bool) async throws {
        // Before anything commits; later not before the rest is known to be good.
        if isFirst { await applyRemoteWrites(configuration) }
        let outcome: Result<Void, StartProblem>? = await io.run { [self] in
            let core = core.value
            do {
                let entries = try core.inputs.checks(configuration.checks)
                let conditions = ReadinessConditions.descriptors(configuration)
                try core.conductor.configure(checks: entries, conditions: conditions)
                core.conditions.configure(configuration)
            } catch let error as CheckConfigurationError {
                return .failure(StartProblem(description: error.description))
            } catch let error as DependencyGraph.Problem {
                return .failure(StartProblem(description: error.description))
            } catch {
                return .failure(StartProblem(description: "the checks cannot be made"))
            }
            let clock = clock
            let scrapes = core.scrapes.configure(
                configuration.scrapes,
                at: Timestamp(milliseconds: clock.now().unixMilliseconds),
                clock: { Timestamp(milliseconds: clock.now().unixMilliseconds) },
                edge: { core.conductor.edgeScrapeFinished($0) }
            )
            let intervals = Set(
                configuration.ruleGroups.map { $0.interval ?? configuration.global.evaluationInterval }
            )
            core.conductor.configure(
                scrapes: scrapes,
                ruleIntervals: intervals,
                ownInterval: configuration.global.scrapeInterval
            )
            return .success(())
        }
        guard let outcome else { throw StartProblem(description: "the I/O loop has stopped") }
        try outcome.get()
        discovery.configure(configuration.scrapes)
        if !isFirst { await applyRemoteWrites(configuration) }
        for path in configuration.brokenRuleFiles {
            logger.error("rules.file_broken", metadata: ["file": .string(path)])
        }
        rules.load(
            configuration.ruleGroups,
            unreadable: Set(configuration.brokenRuleFiles),
            context: Self.ruleContext(configuration),
            restoring: isFirst,
            tellsFiring: !configuration.probes.alerts.isEmpty
        )
        if !isFirst {
            var new = configuration.notifications
            new.externalURL = Self.externalURL(configuration)
            new.usesJournalByDefault = journal.isReachable
            notifications.reload(new)
            forwarding.reload(Self.forwardingSettings(configuration))
        }
        let now = Timestamp(milliseconds: clock.now().unixMilliseconds)
        own.update {
            $0.reloadSucceeded = configuration.brokenRuleFiles.isEmpty
            $0.brokenRuleFiles = configuration.brokenRuleFiles.count
            $0.reloadTime = now
        }
    }

    private func applyRemoteWrites(_ configuration: SidecarConfiguration) async {
        await remoteWrite.apply(configuration.remoteWrites, externalLabels: configuration.global.externalLabels)
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
package import HealthChecks
import HealthProbes
package import Hummingbird
package import Logging
import NIOPosix
import ServiceLifecycle
import UnixSignals

/// The whole service, put together but not running. The executable and the tests use the same.
package struct BookingApplication: Sendable {
    package static let version = "0.1.0"

    package let http: Application<RouterResponder<BookingRequestContext>>
    package let database: BookingDatabase
    package let registry: HealthRegistry
    package let metrics: BookingMetrics
    package let hub: AvailabilityHub
    package let worker: OutboxWorker
    package let authority: TokenAuthority
    private let drain: DrainService
    private let drainDelay: Duration

    /// Opens the file, or makes ready to connect to the server, and puts everything together.
    package init(
        configuration: BookingConfiguration,
        clock: HealthClock = .system,
        logger: Logger,
        mail: (any MailSink)? = nil,
        onBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) async throws {
        let metrics = BookingMetrics()
        try FileManager.default.createDirectory(
            atPath: configuration.dataDirectory,
            withIntermediateDirectories: true
        )
        let database = BookingDatabase(try configuration.databaseEngine(clock: clock), clock: clock, metrics: metrics)
        let registry = HealthRegistry(version: Self.version, startedAt: clock.now())
        let hub = AvailabilityHub(limit: configuration.limits.streams, metrics: metrics)
        let authority = await TokenAuthority(secret: try configuration.tokenSecret().bytes)
        let sink = mail ?? Self.sink(configuration.mail, logger: logger)
        let worker = OutboxWorker(
            database: database,
            sink: sink,
            workers: configuration.mail.workers,
            metrics: metrics,
            logger: logger
        )
        let runner = HealthCheckRunner(
            registry: registry,
            checks: [HealthCheckRunner.Entry(database.check, settings: CheckSettings(interval: .seconds(1)))],
            clock: clock,
            logger: logger
        )
        let probes = ProbeResponder(registry: registry, clock: clock)
        let activity = ProbeActivity(clock: clock)
        let parts = Parts(
            configuration: configuration,
            database: database,
            cache: Cache(
                capacity: configuration.cache.capacity,
                lifetime: configuration.cache.lifetime,
                clock: clock,
                metrics: metrics
            ),
            hub: hub,
            limiter: RateLimiter(perHour: configuration.limits.bookingsPerHour, clock: clock),
            authority: authority,
            metrics: metrics,
            registry: registry,
            probes: probes,
            activity: activity
        )
        registry.addLiveness(EventLoopStallDetector(group: MultiThreadedEventLoopGroup.singleton, clock: clock))
        http = Application(
            router: parts.router(),
            server: .http1(probes: probes, onProbe: { activity.note() }),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                serverName: "booking-service",
                backlog: 1_024
            ),
            services: [hub, worker, runner],
            onServerRunning: { await onBound($0.localAddress?.port ?? 0) },
            logger: logger
        )
        drainDelay = configuration.drainDelay
        drain = DrainService(
            registry: registry,
            delay: { activity.isRecent ? configuration.drainDelay : .zero },
            clock: clock,
            logger: logger,
            onDrained: { hub.close() }
        )
        self.database = database
        self.registry = registry
        self.metrics = metrics
        self.hub = hub
        self.worker = worker
        self.authority = authority
    }

    /// Runs until SIGTERM or SIGINT: readiness fails, the drain delay passes, the server stops, then what is behind it.
    package func run(logger: Logger) async throws {
        var configuration = ServiceGroupConfiguration(
            services: [
                ServiceGroupConfiguration.ServiceConfiguration(service: http),
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: drain,
                    successTerminationBehavior: .gracefullyShutdownGroup
                ),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        configuration.maximumGracefulShutdownDuration = drainDelay + .seconds(15)
        configuration.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: configuration).run()
        try await database.close()
    }

    private static func sink(_ settings: BookingConfiguration.MailSettings, logger: Logger) -> any MailSink {
        switch settings.sink {
        case .log: LogMailSink(logger: logger)
        case .smtp(let host, let port): SMTPMailSink(host: host, port: port, from: settings.from)
        }
    }
}

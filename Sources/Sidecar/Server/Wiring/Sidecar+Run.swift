// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import HealthProbes
import Journal
import Logging
import NIOCore
import NIOPosix
import Scraping
import ServiceLifecycle
import Synchronization
import TimeSeries
import UnixSignals
import YAMLDocument

extension Sidecar {
    /// Runs until SIGTERM or SIGINT, drains, and returns.
    package func run() async throws {
        DescriptorLimit.raise()
        // One loop turns 80,000 probes a second; a second one would only compete with it for the processor.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let stalls = EventLoopStallDetector(group: group, interval: .seconds(1), clock: clock)
        registry.addLiveness(stalls)
        // A heavy rule group or a slow disk may take its time; the I/O loop may not.
        LoopBeats.start(
            [
                ("io", io, .seconds(5)), ("rules", rulesThread, .seconds(60)),
                ("notifications", notificationsThread, .seconds(60)),
            ],
            registry: registry,
            clock: clock
        )
        let probes = ProbeResponder(registry: registry, clock: clock)
        let drain = DrainControl(registry: registry, clock: clock)
        let web = initial.web
        var services: [any Service] = [
            deliveries, forwardings, remoteWrite, attempts, PipelineService(sidecar: self),
            ReloadService(sidecar: self),
            WatchdogService(sidecar: self), drain,
        ]
        if let address = web.haproxyAgentListen {
            let weight = AgentWeight(
                expressions: StoredExpressions(store: store, engine: engine, clock: clock, features: options.features),
                pool: pool,
                logger: logger,
                expression: { [self] in current.withLock { $0.probes.load } }
            )
            services.append(weight)
            services.append(
                HAProxyAgentServer(
                    address: try address.socketAddress(),
                    group: group,
                    registry: registry,
                    clock: clock,
                    weight: {
                        drain.noteProbe()
                        return weight.percent
                    }
                )
            )
        }
        if let address = web.grpcListen {
            services.append(
                GRPCHealthServer(
                    address: try address.socketAddress(),
                    group: group,
                    probes: probes,
                    onProbe: { drain.noteProbe() }
                )
            )
        }
        services += webServers(group: group, probes: probes, drain: drain)
        services.append(
            DrainService(
                registry: registry,
                delay: { web.drainDelay ?? (drain.wasProbedRecently ? .seconds(5) : .zero) },
                clock: clock,
                logger: logger
            )
        )
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: NamelessService(service: $0),
                    successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup
                )
            },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        configuration.maximumGracefulShutdownDuration = (web.drainDelay ?? .seconds(5)) + .seconds(15)
        configuration.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: configuration).run()
        stalls.stop()
        await stop()
        try await group.shutdownGracefully()
    }

    /// Starts everything that ticks.
    func start() async throws {
        try await apply(initial, isFirst: true)
        // The rules look for when their alerts were last evaluated, which the markers below would hide.
        _ = await rules.access { _ in }
        // What the log brought back and nobody writes any more ends here.
        let now = Timestamp(milliseconds: clock.now().unixMilliseconds)
        _ = await io.run { [store] in store.retireUnclaimed(at: now) }
        disk.start(syncing: { [remoteWrite] in remoteWrite.sync() })
        notifications.start()
        registry.setPhase(.serving, at: clock.now())
        isServing.withLock { $0 = true }
        ServiceNotifier().notify(.ready, .status("serving"))
        logger.notice(
            "sidecar.started",
            metadata: [
                "targets": .stringConvertible(targets.active.count), "checks": .stringConvertible(initial.checks.count),
                "rule_groups": .stringConvertible(initial.ruleGroups.count),
            ]
        )
    }

    /// Stops what ticks, lets the notifications hand over what they hold, and ends the threads.
    private func stop() async {
        await discovery.stop()
        _ = await io.run { [self] in
            core.value.conductor.stop()
            core.value.scrapes.stop()
            core.value.inputs.stop()
        }
        _ = await rules.access { _ in }
        notifications.stop()
        forwarding.stop()
        _ = await notifications.access { _, _ in }
        for thread in [rulesThread, notificationsThread, io] { thread.stop() }
        await disk.stop()
        pool.stop()
        logger.notice("sidecar.stopped")
    }

    /// Reads the configuration again and puts it in place; the old one stays when anything is wrong.
    ///
    /// - Returns: nil when that went well, otherwise all problems.
    func reload() async -> String? {
        let reading = options.read()
        var failure: String?
        if var configuration = reading.configuration {
            configuration.keepRules(ofBrokenFilesFrom: current.withLock { $0 })
            do {
                try await apply(configuration, isFirst: false)
                current.withLock { [configuration] in $0 = configuration }
                if !reading.isGood {
                    failure =
                        reading.problems.map(\.description).joined(separator: "\n")
                        + "\nthese rule files stay as they were; everything else is in place"
                }
            } catch {
                failure = "\(error)"
            }
        } else {
            failure = reading.problems.map(\.description).joined(separator: "\n")
        }
        if let failure {
            own.update { $0.reloadSucceeded = false }
            logger.error("configuration.reload_failed", metadata: ["problems": .string(failure)])
        } else {
            logger.notice("configuration.reloaded")
        }
        return failure
    }
}

/// A service as the group may see it. For its log the group writes each service out, by reflection through all that hangs on
/// it: a tenth of the time to the first answer.
private struct NamelessService: Service, CustomStringConvertible {
    let service: any Service
    var description: String { "service" }

    func run() async throws { try await service.run() }
}

/// Starts the ticking, and holds its place in the order of shutdown.
private struct PipelineService: Service {
    let sidecar: Sidecar

    func run() async throws {
        try await sidecar.start()
        try? await gracefulShutdown()  // throws when the group is cancelled, which means the same here
    }
}

/// SIGHUP reads the configuration again.
private struct ReloadService: Service {
    let sidecar: Sidecar

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            _ = await sidecar.reload()
        }
    }
}

/// Feeds systemd's watchdog as long as the loops turn: by progress, not by a bare timer.
private struct WatchdogService: Service {
    let sidecar: Sidecar

    func run() async throws {
        let notifier = ServiceNotifier()
        guard let interval = notifier.watchdogInterval else {
            try? await gracefulShutdown()
            return
        }
        try? await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                // Each of the three threads has to answer before systemd hears anything.
                _ = await sidecar.io.run {}
                _ = await sidecar.rulesThread.run {}
                _ = await sidecar.notificationsThread.run {}
                notifier.notify(.watchdog)
                try await Task.sleep(for: interval)
            }
        }
    }
}

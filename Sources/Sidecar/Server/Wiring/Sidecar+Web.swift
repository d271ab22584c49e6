// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import EventLoop
import HTTPTypes
import HealthChecks
import HealthProbes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import PromQL
import ServiceLifecycle
import Synchronization
import TimeSeries
import YAMLDocument

extension Sidecar {
    /// The listeners, each a service of its own: the public one, and the one for administration where there is one.
    func webServers(group: any EventLoopGroup, probes: ProbeResponder, drain: DrainControl) -> [any Service] {
        let web = initial.web
        let trusted = access.identifiesClients ? ChangePolicy.anybody : .local
        let policy = web.adminListen == nil ? trusted : .elsewhere
        var servers = [webServer(on: web.listen, policy: policy, group: group, probes: probes, drain: drain)]
        if let address = web.adminListen {
            // Who may write to a Unix socket is the file system's affair.
            let policy: ChangePolicy = if case .unix = address { .anybody } else { trusted }
            servers.append(webServer(on: address, policy: policy, group: group, probes: probes, drain: drain))
        }
        return servers
    }

    /// One listener: probes in front, then the APIs.
    private func webServer(
        on address: ListenAddress,
        policy: ChangePolicy,
        group: any EventLoopGroup,
        probes: ProbeResponder,
        drain: DrainControl
    ) -> any Service {
        var configuration = ApplicationConfiguration(
            address: address.bindAddress,
            serverName: nil,
            availableConnectionsDelegate: MaximumAvailableConnections(initial.web.maximumConnections)
        )
        configuration.reuseAddress = true
        let (logger, access) = (logger, access)
        // A Unix socket carries neither TLS nor passwords: its file's permissions say who may.
        let isLocal = if case .unix = address { true } else { false }
        let gatekeeper = isLocal ? nil : access.gatekeeper
        let queries = queryRoutes
        // A query may keep its client waiting for as long as queries may take.
        let idleLimit = TimeAmount(max(.seconds(120), initial.web.queryTimeout + .seconds(10)))
        let prepare: @Sendable (any Channel) throws -> Void = { channel in
            if !isLocal { try access.prepare(channel) }
            try IdleConnectionCloser.add(to: channel, after: idleLimit)
            let handler = LightQueryHandler(queries, gatekeeper: gatekeeper)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
        return Application(
            router: router(
                probes: probes,
                policy: policy,
                gatekeeper: gatekeeper,
                isAdministration: address == initial.web.adminListen,
                drain: drain
            ),
            server: .http1(
                probes: probes,
                onProbe: { drain.noteProbe() },
                prepare: prepare
            ),
            configuration: configuration,
            onServerRunning: { channel in
                address.restrictAccess()
                logger.notice("web.listening", metadata: ["address": .string("\(address.bound(by: channel))")])
            },
            eventLoopGroupProvider: .shared(group),
            logger: logger
        )
    }

    private func router(
        probes: ProbeResponder,
        policy: ChangePolicy,
        gatekeeper: Gatekeeper?,
        isAdministration: Bool,
        drain: DrainControl
    ) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        if let gatekeeper { router.add(middleware: AuthenticationMiddleware(gatekeeper: gatekeeper)) }
        router.add(
            middleware: ProbeMiddleware(
                probes,
                showsDetails: { [self] _, _ in
                    isAdministration || current.withLock { $0.probes.details == .always }
                },
                onProbe: { drain.noteProbe() }
            )
        )
        router.add(middleware: ChangeGuardMiddleware(policy: policy))
        router.add(middleware: APIErrorMiddleware())
        queryRoutes.register(on: router)
        SeriesRoutes(store: store, pool: pool).register(on: router)
        StateRoutes(rules: rules).register(on: router)
        TargetRoutes(targets: targets, metadata: metadata).register(on: router)
        FeatureRoutes(features: options.features).register(on: router)
        let own = own
        StatusRoutes(
            store: store,
            pool: pool,
            version: options.version,
            startedAt: startedAt,
            flags: options.flags,
            retention: initial.storage.retention,
            configuration: { [self] in current.withLock { $0.shownText } },
            reload: { (own.state.reloadSucceeded, own.state.reloadTime) },
            alertmanagers: { [forwarding] in forwarding.peers.map(\.url) }
        ).register(on: router)
        AlertmanagerRoutes(notifications: notifications, version: options.version, startedAt: startedAt)
            .register(on: router)
        SidecarRoutes(
            registry: registry,
            targets: targets,
            notifications: notifications,
            rules: rules,
            clock: clock
        ).register(on: router)
        DrillRoutes(rules: rules, notifications: notifications, clock: clock).register(on: router)
        MetricsRoutes(own: own, store: store).register(on: router)
        StatusPage(version: options.version, registry: registry, targets: targets, rules: rules, own: own)
            .register(on: router)
        ProbeRoutes(
            configuration: { [self] in current.withLock { $0.probes } },
            attempt: { [self] in await attempt($0, deadline: $1, log: $2) },
            showsDetails: { [self] in isAdministration || current.withLock { $0.probes.details == .always } }
        ).register(on: router)
        HeartbeatRoutes(
            keeper: heartbeats,
            hurry: { [io, core] check in io.execute { core.value.conductor.hurry(check: check) } }
        ).register(on: router)
        ManagementRoutes(
            isReady: { [self] in isServing.withLock { $0 } },
            reload: { [self] in await reload() },
            drain: { drain.begin(andStops: $0) },
            cancelDrain: { drain.cancel() }
        ).register(on: router)
        return router
    }

    private var queryRoutes: QueryRoutes {
        QueryRoutes(
            store: store,
            engine: engine,
            pool: pool,
            clock: clock,
            features: options.features,
            timeout: initial.web.queryTimeout
        )
    }

    /// One attempt of a check that stands in no schedule; nil when the sidecar is stopping.
    private func attempt(_ definition: CheckDefinition, deadline: Duration, log: StepLog?) async -> CheckResult? {
        let made = await io.run { [core] () -> Result<any DependencyCheck, CheckConfigurationError> in
            do throws(CheckConfigurationError) {
                let trace = log.map { log in { @Sendable in log.add($0) } }
                return .success(try core.value.inputs.single(definition, trace: trace))
            } catch {
                return .failure(error)
            }
        }
        switch made {
        case nil: return nil
        case .failure(let error): return .down(.misconfigured, error.description, duration: .zero)
        case .success(let check):
            defer { check.close() }
            return await check.check(deadline: deadline)
        }
    }
}

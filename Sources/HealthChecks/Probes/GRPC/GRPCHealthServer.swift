// SPDX-License-Identifier: Apache-2.0

import HealthChecks
public import NIOCore
import NIOHTTP2
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// gRPC's health service, `grpc.health.v1.Health`, on a port of its own: HTTP/2 with prior knowledge, without TLS.
///
/// For the `grpc` probes of Kubernetes, `grpc_health_probe`, and clients that balance by health. `Check`, `Watch` and
/// `List`; answers come from the registry's snapshot. The empty service name is readiness.
public struct GRPCHealthServer: Service {
    /// Connections at a time; further ones are closed at once.
    private static let connectionLimit = 1_024
    /// Calls at a time on one connection.
    private static let streamLimit = 100

    private let address: SocketAddress
    private let group: any EventLoopGroup
    private let statuses: ServingStatuses
    private let onProbe: @Sendable () -> Void
    private let onBound: @Sendable (SocketAddress?) -> Void

    /// Creates the server.
    ///
    /// - Parameters:
    ///   - address: where to listen.
    ///   - group: whose event loops to use.
    ///   - probes: where the answers come from.
    ///   - services: names of the application's own services, whose status is readiness.
    ///   - onProbe: called for every call answered.
    ///   - onBound: gets the address that was bound, for port 0.
    public init(
        address: SocketAddress,
        group: any EventLoopGroup,
        probes: ProbeResponder,
        services: [String] = [],
        onProbe: @escaping @Sendable () -> Void = {},
        onBound: @escaping @Sendable (SocketAddress?) -> Void = { _ in }
    ) {
        self.address = address
        self.group = group
        statuses = ServingStatuses(probes, services: services)
        self.onProbe = onProbe
        self.onBound = onBound
    }

    /// Listens until graceful shutdown or cancellation; then closes the connections, which ends the watches.
    public func run() async throws {
        let connections = ConnectionSet(limit: Self.connectionLimit)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [statuses, onProbe] channel in
                guard connections.insert(channel) else { return channel.close() }
                return Self.configure(channel, statuses: statuses, onProbe: onProbe)
            }
            .bind(to: address).get()
        onBound(channel.localAddress)
        try? await gracefulShutdown()  // throws when cancelled, which means the same here
        try await channel.close()
        connections.closeAll()
    }

    private static func configure(
        _ channel: any Channel,
        statuses: ServingStatuses,
        onProbe: @escaping @Sendable () -> Void
    ) -> EventLoopFuture<Void> {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: streamLimit),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 16_384),
        ]
        return channel.configureHTTP2Pipeline(
            mode: .server,
            connectionConfiguration: connection,
            streamConfiguration: NIOHTTP2Handler.StreamConfiguration()
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                let handler = GRPCHealthStreamHandler(statuses: statuses, onProbe: onProbe)
                try stream.pipeline.syncOperations.addHandler(handler)
            }
        }.map { _ in }
    }
}

/// The open connections of a server, of bounded number.
private final class ConnectionSet: Sendable {
    private let limit: Int
    private let open = Mutex<[ObjectIdentifier: any Channel]>([:])

    init(limit: Int) { self.limit = limit }

    func insert(_ channel: any Channel) -> Bool {
        let identity = ObjectIdentifier(channel)
        let isTaken = open.withLock { open in
            guard open.count < limit else { return false }
            open[identity] = channel
            return true
        }
        if isTaken {
            channel.closeFuture.whenComplete { [self] _ in open.withLock { _ = $0.removeValue(forKey: identity) } }
        }
        return isTaken
    }

    func closeAll() {
        for channel in open.withLock({ Array($0.values) }) { channel.close(promise: nil) }
    }
}

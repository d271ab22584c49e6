// SPDX-License-Identifier: Apache-2.0

public import HealthChecks
public import NIOCore
import NIOPosix
public import ServiceLifecycle

/// The TCP port that HAProxy's `agent-check` connects to: one line, then the end of the connection.
///
/// List it in the service group before the HTTP server, so that it answers until the drain is over.
public struct HAProxyAgentServer: Service {
    private let address: SocketAddress
    private let group: any EventLoopGroup
    private let reply: @Sendable () -> String
    private let onBound: @Sendable (SocketAddress?) -> Void

    /// Creates the server.
    ///
    /// - Parameters:
    ///   - address: where to listen.
    ///   - group: whose event loops to use.
    ///   - registry: says whether traffic may come.
    ///   - clock: the time.
    ///   - weight: percent of the configured weight, from the load.
    ///   - onBound: gets the address that was bound, for port 0.
    public init(
        address: SocketAddress,
        group: any EventLoopGroup,
        registry: HealthRegistry,
        clock: HealthClock = .system,
        weight: @escaping @Sendable () -> Int = { 100 },
        onBound: @escaping @Sendable (SocketAddress?) -> Void = { _ in }
    ) {
        self.address = address
        self.group = group
        self.onBound = onBound
        reply = {
            let failure = registry.snapshot.readinessFailure(at: clock.now().uptime)
            return HAProxyAgent.reply(failure: failure, weight: weight())
        }
    }

    /// Listens until graceful shutdown or cancellation.
    public func run() async throws {
        let reply = reply
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AgentReplyHandler(reply: reply))
                }
            }
            .bind(to: address).get()
        onBound(channel.localAddress)
        try? await gracefulShutdown()  // throws when cancelled, which means the same here
        try await channel.close()
    }
}

/// Writes the line as soon as the connection stands; whatever HAProxy sends is not looked at.
///
/// The sending side is closed first and the rest when HAProxy has read the line, or after a second: closing with unread
/// input would reset the connection and could lose the line.
private final class AgentReplyHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let reply: @Sendable () -> String

    init(reply: @escaping @Sendable () -> String) { self.reply = reply }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: reply())), promise: nil)
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
    }
}

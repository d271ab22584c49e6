// SPDX-License-Identifier: Apache-2.0

public import HummingbirdCore
public import Logging
public import NIOCore

/// An HTTP/1.1 connection that answers plain probes before parsing HTTP, and everything else as usual.
///
/// ```swift
/// Application(router: router, server: .http1(probes: ProbeResponder(registry: registry)))
/// ```
public struct ProbedHTTPChannel: ServerChildChannel {
    /// What the HTTP/1.1 channel yields.
    public typealias Value = HTTP1Channel.Value

    private let base: HTTP1Channel
    private let probes: RenderedProbes
    private let onProbe: @Sendable () -> Void
    private let prepare: (@Sendable (any Channel) throws -> Void)?

    init(
        base: HTTP1Channel,
        probes: RenderedProbes,
        onProbe: @escaping @Sendable () -> Void,
        prepare: (@Sendable (any Channel) throws -> Void)?
    ) {
        self.base = base
        self.prepare = prepare
        self.probes = probes
        self.onProbe = onProbe
    }

    /// Puts the probe handler in front of the HTTP handlers.
    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try prepare?(channel)
            try channel.pipeline.syncOperations.addHandler(ProbeHandler(probes, onProbe: onProbe))
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    /// Handles the requests that are no plain probes.
    public func handle(value: Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

extension HTTPServerBuilder {
    /// An HTTP/1.1 server that answers probes before the router. The router still needs ``ProbeMiddleware`` for probes
    /// with a query, with `Accept: application/json`, or on a connection that has carried other requests.
    ///
    /// - Parameters:
    ///   - probes: makes the answers.
    ///   - configuration: of the HTTP/1.1 channel.
    ///   - onProbe: called for every probe answered here, on the connection's event loop.
    ///   - prepare: called first for each connection, on its event loop: the place to add TLS. Throwing closes the connection.
    public static func http1(
        probes: ProbeResponder,
        configuration: HTTP1Channel.Configuration = .init(),
        onProbe: @escaping @Sendable () -> Void = {},
        prepare: (@Sendable (any Channel) throws -> Void)? = nil
    ) -> HTTPServerBuilder {
        let rendered = RenderedProbes(probes)
        return HTTPServerBuilder { responder in
            let base = HTTP1Channel(responder: responder, configuration: configuration)
            return ProbedHTTPChannel(base: base, probes: rendered, onProbe: onProbe, prepare: prepare)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Answers probes on a connection before its bytes reach an HTTP parser.
///
/// It stands first in the pipeline. As long as a connection carries nothing but plain probe requests they are answered
/// with ready-made bytes; the first other request makes the handler step out of the pipeline for good, so that answers
/// can never overtake each other and other connections pay for one comparison.
public final class ProbeHandler: ChannelInboundHandler, RemovableChannelHandler {
    /// Raw bytes of the connection.
    public typealias InboundIn = ByteBuffer
    /// Raw bytes that are not a probe's.
    public typealias InboundOut = ByteBuffer
    /// Responses.
    public typealias OutboundOut = ByteBuffer

    private let probes: RenderedProbes
    private let onProbe: @Sendable () -> Void
    private var isClosing = false
    private var isActive = true

    init(_ probes: RenderedProbes, onProbe: @escaping @Sendable () -> Void) {
        self.probes = probes
        self.onProbe = onProbe
    }

    /// Answers, or passes on and leaves.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard isActive, !isClosing else {
            if !isClosing { context.fireChannelRead(data) }
            return
        }
        var bytes = unwrapInboundIn(data)
        while bytes.readableBytes > 0 {
            guard let match = unsafe bytes.withUnsafeReadableBytes({ unsafe ProbeRequestParser.match($0) }) else {
                stepOut(context: context, bytes)
                return
            }
            bytes.moveReaderIndex(forwardBy: match.length)
            let response = probes.response(to: match.question, method: match.method, closing: match.closes)
            onProbe()
            context.write(wrapOutboundOut(response), promise: nil)
            if match.closes {
                isClosing = true
                context.flush()
                context.close(mode: .all, promise: nil)
                return
            }
        }
        context.flush()
    }

    private func stepOut(context: ChannelHandlerContext, _ bytes: ByteBuffer) {
        isActive = false
        context.flush()
        context.fireChannelRead(wrapInboundOut(bytes))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

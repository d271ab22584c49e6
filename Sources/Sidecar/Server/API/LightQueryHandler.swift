// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import HealthProbes
import NIOCore

/// Answers instant queries about a few known series on the connection's event loop, before HTTP is parsed.
///
/// A connection that has carried anything else goes the long way from then on, so that no answer overtakes another. The
/// same question gets the same answer there; only the hand-over between threads is saved, which takes longer than a
/// light query itself.
final class LightQueryHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let queries: QueryRoutes
    /// Where users have to say who they are, nothing is answered here.
    private let gatekeeper: Gatekeeper?
    private var isActive = true
    private var isClosing = false

    init(_ queries: QueryRoutes, gatekeeper: Gatekeeper?) {
        self.queries = queries
        self.gatekeeper = gatekeeper
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isClosing { return }
        guard isActive else {
            context.fireChannelRead(data)
            return
        }
        let bytes = unwrapInboundIn(data)
        guard gatekeeper?.isOpen ?? true, let answer = answer(bytes) else {
            isActive = false
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
            return
        }
        isClosing = answer.closes
        context.writeAndFlush(wrapOutboundOut(answer.response), promise: nil)
        if isClosing { context.close(mode: .all, promise: nil) }
    }

    private static let path = Array("/api/v1/query?".utf8)

    /// The whole response; nil for what is not one light query and nothing more.
    private func answer(_ bytes: ByteBuffer) -> (response: ByteBuffer, closes: Bool)? {
        unsafe bytes.withUnsafeReadableBytes { bytes in
            var query: ArraySlice<UInt8> = []
            let request = unsafe PlainRequest(bytes) { method, target in
                guard method == .get, unsafe target.starts(with: Self.path) else { return false }
                query = unsafe ArraySlice(target.dropFirst(Self.path.count))
                return true
            }
            guard let request, request.length == bytes.count, let body = queries.answerAtOnce(query) else { return nil }
            return (response(body, closing: request.closes), request.closes)
        }
    }

    private func response(_ body: [UInt8], closing: Bool) -> ByteBuffer {
        let seconds = queries.clock.now().unixMilliseconds / 1_000
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
            + "X-Content-Type-Options: nosniff\r\nContent-Length: \(body.count)\r\n"
            + (closing ? "Connection: close\r\n" : "")
            + "Date: \(InstantText.http(unixSeconds: seconds))\r\n\r\n"
        var buffer = ByteBuffer()
        buffer.reserveCapacity(head.utf8.count + body.count)
        buffer.writeString(head)
        buffer.writeBytes(body)
        return buffer
    }
}

// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK
import NIOHTTP2

/// One HTTP/2 stream of gRPC's health service.
final class GRPCHealthStreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// How fast a watcher learns of a change.
    private static let watchInterval = TimeAmount.milliseconds(100)

    private let statuses: ServingStatuses
    private let onProbe: @Sendable () -> Void
    private var call: GRPCHealthCall?
    private var isAnswered = false
    private var watching: RepeatedTask?
    private var last: ServingStatus?

    init(statuses: ServingStatuses, onProbe: @escaping @Sendable () -> Void) {
        self.statuses = statuses
        self.onProbe = onProbe
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let headers): begin(headers, context: context)
        case .data(let data):
            guard case .byteBuffer(let bytes) = data.data else { return }
            receive(bytes.readableBytesView, isLast: data.endStream, context: context)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        watching?.cancel()
        watching = nil
        context.fireChannelInactive()
    }

    private func begin(_ headers: HTTP2Frame.FramePayload.Headers, context: ChannelHandlerContext) {
        guard call == nil, !isAnswered else { return }  // trailers of the client
        let fields = headers.headers
        guard fields.first(name: "content-type")?.hasPrefix("application/grpc") == true else {
            isAnswered = true
            let head: HPACKHeaders = [":status": "415"]
            write(.headers(.init(headers: head, endStream: true)), context: context)
            return
        }
        guard fields.first(name: ":method") == "POST",
            let method = fields.first(name: ":path").flatMap({ GRPCHealthCall.Method(path: $0) })
        else {
            return fail(.unimplemented, "unknown method", context: context)
        }
        call = GRPCHealthCall(method: method, statuses: statuses)
        if headers.endStream { receive([], isLast: true, context: context) }
    }

    private func receive(_ bytes: some Collection<UInt8>, isLast: Bool, context: ChannelHandlerContext) {
        guard !isAnswered, let action = call?.receive(bytes, isLast: isLast) else { return }
        switch action {
        case .wait: break
        case .fail(let code, let message): fail(code, message, context: context)
        case .answer(let message):
            isAnswered = true
            onProbe()
            writeHead(context: context)
            write(message, context: context)
            write(
                .headers(.init(headers: ["grpc-status": "0"], endStream: true)),
                context: context
            )
        case .watch(let service):
            isAnswered = true
            onProbe()
            writeHead(context: context)
            watch(service, context: context)
        }
    }

    private func watch(_ service: String, context: ChannelHandlerContext) {
        tell(service, context: context)
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        let handler = NIOLoopBound(self, eventLoop: context.value.eventLoop)
        watching = context.value.eventLoop.scheduleRepeatedTask(
            initialDelay: Self.watchInterval,
            delay: Self.watchInterval
        ) { _ in handler.value.tell(service, context: context.value) }
    }

    /// Sends the status unless it was the last one sent. A watcher that does not read is not written to.
    private func tell(_ service: String, context: ChannelHandlerContext) {
        let status = statuses.status(of: service) ?? .serviceUnknown
        guard status != last, context.channel.isActive, context.channel.isWritable else { return }
        last = status
        write(HealthMessages.response(status), context: context)
    }

    private func writeHead(context: ChannelHandlerContext) {
        write(
            .headers(.init(headers: [":status": "200", "content-type": "application/grpc"])),
            context: context
        )
    }

    private func write(_ message: [UInt8], context: ChannelHandlerContext) {
        write(.data(.init(data: .byteBuffer(ByteBuffer(bytes: GRPCHealthCall.frame(message))))), context: context)
    }

    private func fail(_ code: GRPCHealthCall.Code, _ message: String, context: ChannelHandlerContext) {
        isAnswered = true
        let head: HPACKHeaders = [
            ":status": "200", "content-type": "application/grpc", "grpc-status": "\(code.rawValue)",
            "grpc-message": message,
        ]
        write(.headers(.init(headers: head, endStream: true)), context: context)
    }

    private func write(_ payload: HTTP2Frame.FramePayload, context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(payload), promise: nil)
    }
}

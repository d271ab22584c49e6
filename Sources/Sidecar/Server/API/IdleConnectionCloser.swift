// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Closes a connection on which nothing was read or written for a while, however its requests are answered.
final class IdleConnectionCloser: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Adds what a connection needs, on its event loop; behind TLS, in front of all that answers.
    static func add(to channel: any Channel, after limit: TimeAmount) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(IdleStateHandler(allTimeout: limit))
        try pipeline.addHandler(IdleConnectionCloser())
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(mode: .all, promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}

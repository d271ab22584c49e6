// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Hummingbird

/// Live availability of a venue as server-sent events.
struct StreamRoutes: Sendable {
    let hub: AvailabilityHub
    let database: BookingDatabase

    func add(to router: some RouterMethods<BookingRequestContext>) {
        router.get("venues/:venue/stream", use: stream)
    }

    @Sendable
    private func stream(request: Request, context: BookingRequestContext) async throws -> Response {
        let venue = try await database.venue(context.parameters.require("venue"))
        guard let (id, messages) = hub.subscribe(venue: venue.id) else {
            throw BookingError.unavailable("the stream")
        }
        let body = ResponseBody { writer in
            defer { hub.unsubscribe(id) }
            try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
            try await request.body.consumeWithInboundCloseHandler { _ in
                for await message in messages { try await writer.write(Self.render(message)) }
            } onInboundClosed: {
                hub.unsubscribe(id)
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: body
        )
    }

    private static func render(_ message: AvailabilityHub.Message) throws -> ByteBuffer {
        switch message {
        case .heartbeat: return ByteBuffer(string: ":\n\n")
        case .resync: return ByteBuffer(string: "event: resync\ndata: {}\n\n")
        case .change(let change):
            let data = String(decoding: try Answers.encode(change), as: UTF8.self)
            return ByteBuffer(string: "event: availability\ndata: \(data)\n\n")
        }
    }
}

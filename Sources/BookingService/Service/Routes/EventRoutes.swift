// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Events with seats.
struct EventRoutes: Sendable {
    let database: BookingDatabase
    let cache: Cache

    func add(to router: some RouterMethods<BookingRequestContext>) {
        router.group("events")
            .get(use: list)
            .post(use: create)
            .get(":event", use: show)
    }

    @Sendable
    private func create(request: Request, context: BookingRequestContext) async throws -> Response {
        let owner = try context.requireIdentity().user
        let new = try await request.decode(as: NewEvent.self, context: context)
        let event = try await database.createEvent(new, owner: owner)
        cache.invalidate(Cache.Group(.events))
        return Answers.json(
            try Answers.encode(event),
            status: .created,
            headers: [.location: "/v1/events/\(event.id)"]
        )
    }

    @Sendable
    private func list(request: Request, context: BookingRequestContext) async throws -> Response {
        let (cursor, limit) = (try request.cursor(), try request.limit())
        let minute: Int64 = 60_000
        let from = try request.time("from") ?? database.now / minute * minute
        let body = try await cache.answer(in: Cache.Group(.events), key: "\(from)\u{0}\(cursor.text)\u{0}\(limit)") {
            try Answers.encode(await database.events(from: from, after: cursor, limit: limit))
        }
        return Answers.json(body)
    }

    @Sendable
    private func show(request: Request, context: BookingRequestContext) async throws -> Response {
        let id = try context.parameters.require("event")
        let body = try await cache.answer(in: Cache.Group(.events, id), key: "") {
            try Answers.encode(await database.event(id))
        }
        return Answers.json(body)
    }
}

// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HealthChecks
import Hummingbird

/// Venues and their slots. Lists are answered from the cache.
struct VenueRoutes: Sendable {
    let database: BookingDatabase
    let cache: Cache
    let hub: AvailabilityHub

    func add(to router: some RouterMethods<BookingRequestContext>) {
        router.group("venues")
            .get(use: list)
            .post(use: create)
            .get(":venue", use: show)
            .get(":venue/slots", use: slots)
            .post(":venue/slots", use: createSlots)
    }

    @Sendable
    private func create(request: Request, context: BookingRequestContext) async throws -> Response {
        let owner = try context.requireIdentity().user
        let new = try await request.decode(as: NewVenue.self, context: context)
        let venue = try await database.createVenue(new, owner: owner)
        cache.invalidate(Cache.Group(.venues))
        return Answers.json(
            try Answers.encode(venue),
            status: .created,
            headers: [.location: "/v1/venues/\(venue.id)"]
        )
    }

    @Sendable
    private func list(request: Request, context: BookingRequestContext) async throws -> Response {
        let cursor = try request.cursor()
        let limit = try request.limit()
        let (sport, location) = (request.text("sport"), request.text("location"))
        let key = "\(sport ?? "")\u{0}\(location ?? "")\u{0}\(cursor.text)\u{0}\(limit)"
        let body = try await cache.answer(in: Cache.Group(.venues), key: key) {
            try Answers.encode(
                await database.venues(sport: sport, location: location, after: cursor, limit: limit)
            )
        }
        return Answers.json(body)
    }

    @Sendable
    private func show(request: Request, context: BookingRequestContext) async throws -> Response {
        let id = try context.parameters.require("venue")
        let body = try await cache.answer(in: Cache.Group(.venues, id), key: "") {
            try Answers.encode(await database.venue(id))
        }
        return Answers.json(body)
    }

    @Sendable
    private func createSlots(request: Request, context: BookingRequestContext) async throws -> Response {
        let owner = try context.requireIdentity().user
        let venue = try context.parameters.require("venue")
        let new = try await request.decode(as: NewSlots.self, context: context)
        let slots = try await database.createSlots(new, venue: venue, owner: owner)
        cache.invalidate(Cache.Group(.slots, venue))
        return Answers.json(try Answers.encode(Page(items: slots, next: nil)), status: .created)
    }

    /// Free slots from now on; `from`, `to` and `available=false` widen that.
    @Sendable
    private func slots(request: Request, context: BookingRequestContext) async throws -> Response {
        let venue = try context.parameters.require("venue")
        let (cursor, limit) = (try request.cursor(), try request.limit())
        let minute: Int64 = 60_000
        let from = try request.time("from") ?? database.now / minute * minute
        let to = try request.time("to") ?? Int64.max
        let onlyAvailable = request.text("available") != "false"
        let key = "\(from)\u{0}\(to)\u{0}\(onlyAvailable)\u{0}\(cursor.text)\u{0}\(limit)"
        let body = try await cache.answer(in: Cache.Group(.slots, venue), key: key) {
            try Answers.encode(
                await database.slots(
                    venue: venue,
                    from: from,
                    to: to,
                    onlyAvailable: onlyAvailable,
                    after: cursor,
                    limit: limit
                )
            )
        }
        return Answers.json(body)
    }
}

// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import HTTPTypes
import HealthChecks
import Hummingbird

/// Booking and cancelling.
struct BookingRoutes: Sendable {
    let database: BookingDatabase
    let cache: Cache
    let hub: AvailabilityHub
    let limiter: RateLimiter
    let metrics: BookingMetrics

    func add(to router: some RouterMethods<BookingRequestContext>) {
        router.group("bookings")
            .get(use: list)
            .post(use: book)
            .get(":booking", use: show)
            .delete(":booking", use: cancel)
    }

    /// Books. With an `Idempotency-Key` the same request may be sent again and books once.
    @Sendable
    private func book(request: Request, context: BookingRequestContext) async throws -> Response {
        let receipt = try await metrics.countingFailures {
            let user = try context.requireIdentity().user
            try limiter.take(user)
            let bytes = try await request.body.collect(upTo: context.maxUploadSize)
            let new = try JSONDecoder().decode(NewBooking.self, from: Data(bytes.readableBytesView))
            return try await database.book(new, user: user, key: try Self.key(request, new))
        }
        metrics.booking(receipt.change == nil ? .replayed : .confirmed)
        announce(receipt.change)
        var headers: HTTPFields = [.location: "/v1/bookings/\(receipt.booking.id)"]
        if receipt.change == nil { headers[.idempotencyReplayed] = "true" }
        return Answers.json(try Answers.encode(receipt.booking), status: .created, headers: headers)
    }

    @Sendable
    private func cancel(request: Request, context: BookingRequestContext) async throws -> Response {
        let receipt = try await metrics.countingFailures {
            let user = try context.requireIdentity().user
            return try await database.cancel(try context.parameters.require("booking"), user: user)
        }
        if receipt.change != nil { metrics.booking(.cancelled) }
        announce(receipt.change)
        return Answers.json(try Answers.encode(receipt.booking))
    }

    @Sendable
    private func show(request: Request, context: BookingRequestContext) async throws -> Response {
        let user = try context.requireIdentity().user
        let booking = try await database.booking(try context.parameters.require("booking"), user: user)
        return Answers.json(try Answers.encode(booking))
    }

    @Sendable
    private func list(request: Request, context: BookingRequestContext) async throws -> Response {
        let user = try context.requireIdentity().user
        let page = try await database.bookings(user: user, after: request.cursor(), limit: request.limit())
        return Answers.json(try Answers.encode(page))
    }

    /// The commit is done: now drop what the caches say about it, and tell the streams.
    private func announce(_ change: AvailabilityChange?) {
        guard let change else { return }
        if change.slotId != nil { cache.invalidate(Cache.Group(.slots, change.venueId)) }
        if let event = change.eventId {
            cache.invalidate(Cache.Group(.events, event))
            cache.invalidate(Cache.Group(.events))
        }
        hub.publish(change)
    }

    /// The fingerprint is of what the body says, not of how it is written: a client may encode its repeat differently.
    private static func key(_ request: Request, _ new: NewBooking) throws -> BookingDatabase.IdempotencyKey? {
        guard let key = request.headers[.idempotencyKey] else { return nil }
        guard (1...255).contains(key.utf8.count) else {
            throw BookingError.invalid("Idempotency-Key has to have 1 to 255 bytes")
        }
        let digest = SHA256.hash(data: try Answers.encode(new))
        let fingerprint = digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return BookingDatabase.IdempotencyKey(key: key, fingerprint: fingerprint)
    }
}

extension HTTPField.Name {
    static let idempotencyKey = named("Idempotency-Key")
    static let idempotencyReplayed = named("Idempotency-Replayed")

    private static func named(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("not a header name: \(name)") }
        return name
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a booking or a cancellation has changed, for caches and live streams.
package struct AvailabilityChange: Sendable, Equatable, Codable {
    package var venueId: String
    package var slotId: String?
    package var eventId: String?
    /// Whether the slot can be booked; nil for an event.
    package var isAvailable: Bool?
    /// Seats left; nil for a slot.
    package var seatsLeft: Int?

    package init(
        venueId: String,
        slotId: String? = nil,
        eventId: String? = nil,
        isAvailable: Bool? = nil,
        seatsLeft: Int? = nil
    ) {
        self.venueId = venueId
        self.slotId = slotId
        self.eventId = eventId
        self.isAvailable = isAvailable
        self.seatsLeft = seatsLeft
    }
}

/// The result of a transaction on a booking.
package struct BookingReceipt: Sendable, Equatable {
    package var booking: Booking
    /// Nil when nothing changed: the answer of an earlier request, or a second cancellation.
    package var change: AvailabilityChange?
}

extension BookingDatabase {
    /// A client's key for one request, and what identifies the request.
    package struct IdempotencyKey: Sendable {
        package var key: String
        package var fingerprint: String

        package init(key: String, fingerprint: String) {
            self.key = key
            self.fingerprint = fingerprint
        }
    }

    /// Books in one transaction: the booking, its confirmation mail, its audit entry and its idempotency key are all
    /// there or none is. A slot that is taken is refused by the unique index, whatever runs at the same time.
    package func book(_ new: NewBooking, user: String, key: IdempotencyKey?) async throws -> BookingReceipt {
        try new.validate()
        let now = now
        let booking = Booking(
            id: identifiers.next(),
            slotId: new.slotId,
            eventId: new.eventId,
            seats: new.seats ?? 1,
            user: user,
            email: new.email,
            status: .confirmed,
            createdAt: Date(milliseconds: now),
            cancelledAt: nil
        )
        return try await write { session in
            if let key {
                // Two requests with one key at the same time take turns: the second one finds what the first has done.
                try session.lock("idempotency \(user) \(key.key)")
                if let earlier = try Self.earlier(key, user: user, session) {
                    return BookingReceipt(booking: earlier, change: nil)
                }
            }
            let change =
                if let slot = new.slotId {
                    try Self.takeSlot(slot, for: booking, now: now, session)
                } else {
                    try Self.takeSeats(of: new.eventId ?? "", for: booking, now: now, session)
                }
            if let key {
                try session.execute(
                    """
                    INSERT INTO idempotency ("user", key, fingerprint, booking_id, created_at) VALUES (?, ?, ?, ?, ?)
                    """,
                    [user, key.key, key.fingerprint, booking.id, now]
                )
            }
            try Self.enqueueMail(about: booking, now: now, session)
            try Self.audit(session, now, actor: user, "booking.confirmed", booking.id)
            return BookingReceipt(booking: booking, change: change)
        }
    }

    /// Cancels; doing so twice is the same as once.
    package func cancel(_ id: String, user: String) async throws -> BookingReceipt {
        let now = now
        return try await write { session in
            var booking = try Self.fetch(id, user: user, session)
            let changed = try session.changes(
                "UPDATE bookings SET status = 'cancelled', cancelled_at = ? WHERE id = ? AND status = 'confirmed'",
                [now, id]
            )
            guard changed == 1 else {
                return BookingReceipt(booking: try Self.fetch(id, user: user, session), change: nil)
            }
            booking.status = .cancelled
            booking.cancelledAt = Date(milliseconds: now)
            let change = try Self.release(booking, session)
            try Self.enqueueMail(about: booking, now: now, session)
            try Self.audit(session, now, actor: user, "booking.cancelled", id)
            return BookingReceipt(booking: booking, change: change)
        }
    }

    package func booking(_ id: String, user: String) async throws -> Booking {
        try await read { try Self.fetch(id, user: user, $0) }
    }

    /// A user's bookings in the order they were made.
    package func bookings(user: String, after cursor: Cursor, limit: Int) async throws -> Page<Booking> {
        try await read { session in
            let rows = try session.rows(
                """
                SELECT * FROM bookings WHERE "user" = ? AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?
                """,
                [user, cursor.sortValue, cursor.id, limit + 1]
            )
            return try Page(rows: rows, limit: limit, sortedBy: "created_at", Booking.init(row:))
        }
    }

    private static func fetch(_ id: String, user: String, _ session: any DatabaseSession) throws -> Booking {
        guard let row = try session.row("SELECT * FROM bookings WHERE id = ?", [id]) else {
            throw BookingError.notFound("booking")
        }
        let booking = try Booking(row: row)
        guard booking.user == user else { throw BookingError.notFound("booking") }
        return booking
    }

    private static func earlier(
        _ key: IdempotencyKey,
        user: String,
        _ session: any DatabaseSession
    ) throws -> Booking? {
        let row = try session.row(
            "SELECT fingerprint, booking_id FROM idempotency WHERE \"user\" = ? AND key = ?",
            [user, key.key]
        )
        guard let row else { return nil }
        guard try row.text("fingerprint") == key.fingerprint else { throw BookingError.idempotencyMismatch }
        return try fetch(try row.text("booking_id"), user: user, session)
    }

    private static func takeSlot(
        _ slot: String,
        for booking: Booking,
        now: Int64,
        _ session: any DatabaseSession
    ) throws -> AvailabilityChange {
        guard let row = try session.row("SELECT venue_id, starts_at FROM slots WHERE id = ?", [slot]) else {
            throw BookingError.notFound("slot")
        }
        guard try row.integer("starts_at") > now else { throw BookingError.invalid("this slot has begun") }
        do {
            try insert(booking, now, session)
        } catch is UniqueViolation {
            throw BookingError.slotTaken
        }
        return AvailabilityChange(venueId: try row.text("venue_id"), slotId: slot, isAvailable: false)
    }

    private static func takeSeats(
        of event: String,
        for booking: Booking,
        now: Int64,
        _ session: any DatabaseSession
    ) throws -> AvailabilityChange {
        guard let row = try session.row("SELECT starts_at FROM events WHERE id = ?", [event]) else {
            throw BookingError.notFound("event")
        }
        guard try row.integer("starts_at") > now else { throw BookingError.invalid("this event has begun") }
        let taken = try session.row(
            "UPDATE events SET taken = taken + ? WHERE id = ? AND taken + ? <= seats RETURNING *",
            [booking.seats, event, booking.seats]
        )
        guard let taken else { throw BookingError.soldOut }
        try insert(booking, now, session)
        return try change(of: Event(row: taken))
    }

    private static func release(_ booking: Booking, _ session: any DatabaseSession) throws -> AvailabilityChange? {
        if let slot = booking.slotId {
            let row = try session.row("SELECT venue_id FROM slots WHERE id = ?", [slot])
            return try row.map {
                AvailabilityChange(venueId: try $0.text("venue_id"), slotId: slot, isAvailable: true)
            }
        }
        let row = try session.row(
            "UPDATE events SET taken = taken - ? WHERE id = ? RETURNING *",
            [booking.seats, booking.eventId]
        )
        return try row.map { change(of: try Event(row: $0)) }
    }

    private static func change(of event: Event) -> AvailabilityChange {
        AvailabilityChange(venueId: event.venueId, eventId: event.id, seatsLeft: event.seatsLeft)
    }

    private static func insert(_ booking: Booking, _ now: Int64, _ session: any DatabaseSession) throws {
        try session.execute(
            """
            INSERT INTO bookings (id, slot_id, event_id, seats, "user", email, status, created_at)
            VALUES (?, ?, ?, ?, ?, ?, 'confirmed', ?)
            """,
            [booking.id, booking.slotId, booking.eventId, booking.seats, booking.user, booking.email, now]
        )
    }
}

extension Booking {
    init(row: SQLRow) throws {
        self.init(
            id: try row.text("id"),
            slotId: row.optionalText("slot_id"),
            eventId: row.optionalText("event_id"),
            seats: try row.int("seats"),
            user: try row.text("user"),
            email: row.optionalText("email"),
            status: Status(rawValue: try row.text("status")) ?? .confirmed,
            createdAt: Date(milliseconds: try row.integer("created_at")),
            cancelledAt: row.optionalInteger("cancelled_at").map(Date.init(milliseconds:))
        )
    }
}

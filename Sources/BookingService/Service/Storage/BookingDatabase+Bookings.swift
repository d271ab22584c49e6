// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

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
        return try await write { database in
            if let key, let earlier = try Self.earlier(key, user: user, database) {
                return BookingReceipt(booking: earlier, change: nil)
            }
            let change =
                if let slot = new.slotId {
                    try Self.takeSlot(slot, for: booking, now: now, database)
                } else {
                    try Self.takeSeats(of: new.eventId ?? "", for: booking, now: now, database)
                }
            if let key {
                try database.execute(
                    sql: """
                        INSERT INTO idempotency (user, key, fingerprint, booking_id, created_at) VALUES (?, ?, ?, ?, ?)
                        """,
                    arguments: [user, key.key, key.fingerprint, booking.id, now]
                )
            }
            try Self.enqueueMail(about: booking, now: now, database)
            try Self.audit(database, now, actor: user, "booking.confirmed", booking.id)
            return BookingReceipt(booking: booking, change: change)
        }
    }

    /// Cancels; doing so twice is the same as once.
    package func cancel(_ id: String, user: String) async throws -> BookingReceipt {
        let now = now
        return try await write { database in
            var booking = try Self.fetch(id, user: user, database)
            guard booking.status == .confirmed else { return BookingReceipt(booking: booking, change: nil) }
            booking.status = .cancelled
            booking.cancelledAt = Date(milliseconds: now)
            try database.execute(
                sql: "UPDATE bookings SET status = 'cancelled', cancelled_at = ? WHERE id = ?",
                arguments: [now, id]
            )
            let change = try Self.release(booking, database)
            try Self.enqueueMail(about: booking, now: now, database)
            try Self.audit(database, now, actor: user, "booking.cancelled", id)
            return BookingReceipt(booking: booking, change: change)
        }
    }

    package func booking(_ id: String, user: String) async throws -> Booking {
        try await read { try Self.fetch(id, user: user, $0) }
    }

    /// A user's bookings in the order they were made.
    package func bookings(user: String, after cursor: Cursor, limit: Int) async throws -> Page<Booking> {
        try await read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM bookings WHERE user = ? AND (created_at, id) > (?, ?)
                    ORDER BY created_at, id LIMIT ?
                    """,
                arguments: [user, cursor.sortValue, cursor.id, limit + 1]
            )
            return Page(rows: rows, limit: limit, sortedBy: "created_at", Booking.init(row:))
        }
    }

    private static func fetch(_ id: String, user: String, _ database: Database) throws -> Booking {
        guard let row = try Row.fetchOne(database, sql: "SELECT * FROM bookings WHERE id = ?", arguments: [id]) else {
            throw BookingError.notFound("booking")
        }
        let booking = Booking(row: row)
        guard booking.user == user else { throw BookingError.notFound("booking") }
        return booking
    }

    private static func earlier(_ key: IdempotencyKey, user: String, _ database: Database) throws -> Booking? {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT fingerprint, booking_id FROM idempotency WHERE user = ? AND key = ?",
            arguments: [user, key.key]
        )
        guard let row else { return nil }
        guard row["fingerprint"] == key.fingerprint else { throw BookingError.idempotencyMismatch }
        return try fetch(row["booking_id"], user: user, database)
    }

    private static func takeSlot(
        _ slot: String,
        for booking: Booking,
        now: Int64,
        _ database: Database
    ) throws -> AvailabilityChange {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT venue_id, starts_at FROM slots WHERE id = ?",
            arguments: [slot]
        )
        guard let row else { throw BookingError.notFound("slot") }
        guard row["starts_at"] > now else { throw BookingError.invalid("this slot has begun") }
        do {
            try insert(booking, now, database)
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw BookingError.slotTaken
        }
        return AvailabilityChange(venueId: row["venue_id"], slotId: slot, isAvailable: false)
    }

    private static func takeSeats(
        of event: String,
        for booking: Booking,
        now: Int64,
        _ database: Database
    ) throws -> AvailabilityChange {
        let row = try Row.fetchOne(database, sql: "SELECT * FROM events WHERE id = ?", arguments: [event])
        guard let row else { throw BookingError.notFound("event") }
        guard row["starts_at"] > now else { throw BookingError.invalid("this event has begun") }
        try database.execute(
            sql: "UPDATE events SET taken = taken + ? WHERE id = ? AND taken + ? <= seats",
            arguments: [booking.seats, event, booking.seats]
        )
        guard database.changesCount == 1 else { throw BookingError.soldOut }
        try insert(booking, now, database)
        return AvailabilityChange(
            venueId: row["venue_id"],
            eventId: event,
            seatsLeft: Event(row: row).seatsLeft - booking.seats
        )
    }

    private static func release(_ booking: Booking, _ database: Database) throws -> AvailabilityChange? {
        if let slot = booking.slotId {
            let venue = try String.fetchOne(
                database,
                sql: "SELECT venue_id FROM slots WHERE id = ?",
                arguments: [slot]
            )
            return AvailabilityChange(venueId: venue ?? "", slotId: slot, isAvailable: true)
        }
        try database.execute(
            sql: "UPDATE events SET taken = taken - ? WHERE id = ?",
            arguments: [booking.seats, booking.eventId]
        )
        let row = try Row.fetchOne(database, sql: "SELECT * FROM events WHERE id = ?", arguments: [booking.eventId])
        return row.map(Event.init(row:)).map {
            AvailabilityChange(venueId: $0.venueId, eventId: $0.id, seatsLeft: $0.seatsLeft)
        }
    }

    private static func insert(_ booking: Booking, _ now: Int64, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO bookings (id, slot_id, event_id, seats, user, email, status, created_at)
                VALUES (?, ?, ?, ?, ?, ?, 'confirmed', ?)
                """,
            arguments: [
                booking.id, booking.slotId, booking.eventId, booking.seats, booking.user, booking.email, now,
            ]
        )
    }
}

extension Booking {
    init(row: Row) {
        let cancelledAt: Int64? = row["cancelled_at"]
        self.init(
            id: row["id"],
            slotId: row["slot_id"],
            eventId: row["event_id"],
            seats: row["seats"],
            user: row["user"],
            email: row["email"],
            status: Status(rawValue: row["status"]) ?? .confirmed,
            createdAt: Date(milliseconds: row["created_at"]),
            cancelledAt: cancelledAt.map(Date.init(milliseconds:))
        )
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation

extension BookingDatabase {
    /// Adds a row of slots to a venue; all or none.
    package func createSlots(_ new: NewSlots, venue: String, owner: String) async throws -> [Slot] {
        let now = now
        try new.validate(now: Date(milliseconds: now))
        let first = new.startsAt.milliseconds
        let slots = (0..<new.number).map { index in
            Slot(
                id: identifiers.next(),
                venueId: venue,
                startsAt: Date(milliseconds: first + Int64(index * new.length) * 60_000),
                minutes: new.length,
                priceCents: new.priceCents ?? 0,
                isAvailable: true
            )
        }
        try await write { session in
            try Self.check(owner, owns: venue, session)
            for slot in slots { try Self.insert(slot, session) }
            try Self.audit(session, now, actor: owner, "slots.created", venue)
        }
        return slots
    }

    /// Only the owner of a venue adds to it.
    static func check(_ owner: String, owns venue: String, _ session: any DatabaseSession) throws {
        guard let row = try session.row("SELECT owner FROM venues WHERE id = ?", [venue]) else {
            throw BookingError.notFound("venue")
        }
        guard try row.text("owner") == owner else { throw BookingError.forbidden }
    }

    private static func insert(_ slot: Slot, _ session: any DatabaseSession) throws {
        do {
            try session.execute(
                "INSERT INTO slots (id, venue_id, starts_at, minutes, price_cents) VALUES (?, ?, ?, ?, ?)",
                [slot.id, slot.venueId, slot.startsAt.milliseconds, slot.minutes, slot.priceCents]
            )
        } catch is UniqueViolation {
            throw BookingError.duplicateSlot
        }
    }

    /// The slots of a venue by time.
    package func slots(
        venue: String,
        from: Int64,
        to: Int64,
        onlyAvailable: Bool,
        after cursor: Cursor,
        limit: Int
    ) async throws -> Page<Slot> {
        try await read { session in
            guard try session.row("SELECT id FROM venues WHERE id = ?", [venue]) != nil else {
                throw BookingError.notFound("venue")
            }
            let rows = try session.rows(
                """
                SELECT slots.*, bookings.id IS NULL AS available FROM slots
                LEFT JOIN bookings ON bookings.slot_id = slots.id AND bookings.status = 'confirmed'
                WHERE venue_id = ? AND starts_at >= ? AND starts_at < ? AND (starts_at, slots.id) > (?, ?)
                AND (? OR bookings.id IS NULL) ORDER BY starts_at, slots.id LIMIT ?
                """,
                [venue, from, to, cursor.sortValue, cursor.id, !onlyAvailable, limit + 1]
            )
            return try Page(rows: rows, limit: limit, sortedBy: "starts_at", Slot.init(row:))
        }
    }
}

extension Slot {
    init(row: SQLRow) throws {
        self.init(
            id: try row.text("id"),
            venueId: try row.text("venue_id"),
            startsAt: Date(milliseconds: try row.integer("starts_at")),
            minutes: try row.int("minutes"),
            priceCents: try row.int("price_cents"),
            isAvailable: try row.flag("available")
        )
    }
}

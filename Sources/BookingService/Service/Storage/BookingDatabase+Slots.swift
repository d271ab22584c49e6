// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

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
        try await write { database in
            let found = try String.fetchOne(database, sql: "SELECT owner FROM venues WHERE id = ?", arguments: [venue])
            guard let found else { throw BookingError.notFound("venue") }
            guard found == owner else { throw BookingError.forbidden }
            for slot in slots { try Self.insert(slot, database) }
            try Self.audit(database, now, actor: owner, "slots.created", venue)
        }
        return slots
    }

    private static func insert(_ slot: Slot, _ database: Database) throws {
        do {
            try database.execute(
                sql: "INSERT INTO slots (id, venue_id, starts_at, minutes, price_cents) VALUES (?, ?, ?, ?, ?)",
                arguments: [slot.id, slot.venueId, slot.startsAt.milliseconds, slot.minutes, slot.priceCents]
            )
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
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
        try await read { database in
            let exists = try Bool.fetchOne(
                database,
                sql: "SELECT EXISTS (SELECT 1 FROM venues WHERE id = ?)",
                arguments: [venue]
            )
            guard exists == true else { throw BookingError.notFound("venue") }
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT slots.*, bookings.id IS NULL AS available FROM slots
                    LEFT JOIN bookings ON bookings.slot_id = slots.id AND bookings.status = 'confirmed'
                    WHERE venue_id = ? AND starts_at >= ? AND starts_at < ? AND (starts_at, slots.id) > (?, ?)
                    AND (? OR bookings.id IS NULL) ORDER BY starts_at, slots.id LIMIT ?
                    """,
                arguments: [venue, from, to, cursor.sortValue, cursor.id, !onlyAvailable, limit + 1]
            )
            return Page(rows: rows, limit: limit, sortedBy: "starts_at") { row in
                Slot(
                    id: row["id"],
                    venueId: row["venue_id"],
                    startsAt: Date(milliseconds: row["starts_at"]),
                    minutes: row["minutes"],
                    priceCents: row["price_cents"],
                    isAvailable: row["available"]
                )
            }
        }
    }
}

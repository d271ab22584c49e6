// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

extension BookingDatabase {
    package func createEvent(_ new: NewEvent, owner: String) async throws -> Event {
        let now = now
        try new.validate(now: Date(milliseconds: now))
        let event = Event(
            id: identifiers.next(),
            venueId: new.venueId,
            title: new.title,
            startsAt: new.startsAt,
            seats: new.seats,
            seatsLeft: new.seats
        )
        try await write { database in
            let found = try String.fetchOne(
                database,
                sql: "SELECT owner FROM venues WHERE id = ?",
                arguments: [new.venueId]
            )
            guard let found else { throw BookingError.notFound("venue") }
            guard found == owner else { throw BookingError.forbidden }
            try database.execute(
                sql: "INSERT INTO events (id, venue_id, title, starts_at, seats) VALUES (?, ?, ?, ?, ?)",
                arguments: [event.id, event.venueId, event.title, event.startsAt.milliseconds, event.seats]
            )
            try Self.audit(database, now, actor: owner, "event.created", event.id)
        }
        return event
    }

    package func event(_ id: String) async throws -> Event {
        try await read { database in
            guard let row = try Row.fetchOne(database, sql: "SELECT * FROM events WHERE id = ?", arguments: [id]) else {
                throw BookingError.notFound("event")
            }
            return Event(row: row)
        }
    }

    /// Events from a time on, the next ones first.
    package func events(from: Int64, after cursor: Cursor, limit: Int) async throws -> Page<Event> {
        try await read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM events WHERE starts_at >= ? AND (starts_at, id) > (?, ?)
                    ORDER BY starts_at, id LIMIT ?
                    """,
                arguments: [from, cursor.sortValue, cursor.id, limit + 1]
            )
            return Page(rows: rows, limit: limit, sortedBy: "starts_at", Event.init(row:))
        }
    }
}

extension Event {
    init(row: Row) {
        let seats: Int = row["seats"]
        let taken: Int = row["taken"]
        self.init(
            id: row["id"],
            venueId: row["venue_id"],
            title: row["title"],
            startsAt: Date(milliseconds: row["starts_at"]),
            seats: seats,
            seatsLeft: seats - taken
        )
    }
}

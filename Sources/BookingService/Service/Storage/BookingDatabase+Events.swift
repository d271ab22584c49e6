// SPDX-License-Identifier: Apache-2.0

import Foundation

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
        try await write { session in
            try Self.check(owner, owns: new.venueId, session)
            try session.execute(
                "INSERT INTO events (id, venue_id, title, starts_at, seats) VALUES (?, ?, ?, ?, ?)",
                [event.id, event.venueId, event.title, event.startsAt.milliseconds, event.seats]
            )
            try Self.audit(session, now, actor: owner, "event.created", event.id)
        }
        return event
    }

    package func event(_ id: String) async throws -> Event {
        try await read { session in
            guard let row = try session.row("SELECT * FROM events WHERE id = ?", [id]) else {
                throw BookingError.notFound("event")
            }
            return try Event(row: row)
        }
    }

    /// Events from a time on, the next ones first.
    package func events(from: Int64, after cursor: Cursor, limit: Int) async throws -> Page<Event> {
        try await read { session in
            let rows = try session.rows(
                """
                SELECT * FROM events WHERE starts_at >= ? AND (starts_at, id) > (?, ?) ORDER BY starts_at, id LIMIT ?
                """,
                [from, cursor.sortValue, cursor.id, limit + 1]
            )
            return try Page(rows: rows, limit: limit, sortedBy: "starts_at", Event.init(row:))
        }
    }
}

extension Event {
    init(row: SQLRow) throws {
        let seats = try row.int("seats")
        self.init(
            id: try row.text("id"),
            venueId: try row.text("venue_id"),
            title: try row.text("title"),
            startsAt: Date(milliseconds: try row.integer("starts_at")),
            seats: seats,
            seatsLeft: seats - (try row.int("taken"))
        )
    }
}

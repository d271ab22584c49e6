// SPDX-License-Identifier: Apache-2.0

import Foundation

extension BookingDatabase {
    package func createVenue(_ new: NewVenue, owner: String) async throws -> Venue {
        try new.validate()
        let now = now
        let venue = Venue(
            id: identifiers.next(),
            name: new.name,
            sport: new.sport ?? "any",
            location: new.location ?? "any",
            owner: owner,
            createdAt: Date(milliseconds: now)
        )
        try await write { session in
            try session.execute(
                "INSERT INTO venues (id, name, sport, location, owner, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                [venue.id, venue.name, venue.sport, venue.location, venue.owner, now]
            )
            try Self.audit(session, now, actor: owner, "venue.created", venue.id)
        }
        return venue
    }

    package func venue(_ id: String) async throws -> Venue {
        try await read { session in
            guard let row = try session.row("SELECT * FROM venues WHERE id = ?", [id]) else {
                throw BookingError.notFound("venue")
            }
            return try Venue(row: row)
        }
    }

    /// Venues in the order they were made, narrowed by sport and location.
    package func venues(
        sport: String?,
        location: String?,
        after cursor: Cursor,
        limit: Int
    ) async throws -> Page<Venue> {
        try await read { session in
            let rows = try session.rows(
                """
                SELECT * FROM venues WHERE (created_at, id) > (?, ?) AND (? IS NULL OR sport = ?)
                AND (? IS NULL OR location = ?) ORDER BY created_at, id LIMIT ?
                """,
                [cursor.sortValue, cursor.id, sport, sport, location, location, limit + 1]
            )
            return try Page(rows: rows, limit: limit, sortedBy: "created_at", Venue.init(row:))
        }
    }

    static func audit(
        _ session: any DatabaseSession,
        _ now: Int64,
        actor: String,
        _ action: String,
        _ subject: String
    ) throws {
        try session.execute(
            "INSERT INTO audit (at, actor, action, subject) VALUES (?, ?, ?, ?)",
            [now, actor, action, subject]
        )
    }
}

extension Venue {
    init(row: SQLRow) throws {
        self.init(
            id: try row.text("id"),
            name: try row.text("name"),
            sport: try row.text("sport"),
            location: try row.text("location"),
            owner: try row.text("owner"),
            createdAt: Date(milliseconds: try row.integer("created_at"))
        )
    }
}

extension Page {
    /// Cuts the row that was read beyond the limit, and makes the cursor from the last one kept.
    init(rows: [SQLRow], limit: Int, sortedBy column: String, _ make: (SQLRow) throws -> Item) throws {
        let kept = rows.prefix(limit)
        let last = rows.count > limit ? kept.last : nil
        self.init(
            items: try kept.map(make),
            next: try last.map { Cursor(sortValue: try $0.integer(column), id: try $0.text("id")).text }
        )
    }
}

extension Date {
    init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1_000) }

    var milliseconds: Int64 { Int64(exactly: (timeIntervalSince1970 * 1_000).rounded()) ?? 0 }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

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
        try await write { database in
            try database.execute(
                sql: "INSERT INTO venues (id, name, sport, location, owner, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [venue.id, venue.name, venue.sport, venue.location, venue.owner, now]
            )
            try Self.audit(database, now, actor: owner, "venue.created", venue.id)
        }
        return venue
    }

    package func venue(_ id: String) async throws -> Venue {
        try await read { database in
            guard let row = try Row.fetchOne(database, sql: "SELECT * FROM venues WHERE id = ?", arguments: [id]) else {
                throw BookingError.notFound("venue")
            }
            return Venue(row: row)
        }
    }

    /// Venues in the order they were made, narrowed by sport and location.
    package func venues(
        sport: String?,
        location: String?,
        after cursor: Cursor,
        limit: Int
    ) async throws -> Page<Venue> {
        try await read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM venues WHERE (created_at, id) > (?, ?) AND (? IS NULL OR sport = ?)
                    AND (? IS NULL OR location = ?) ORDER BY created_at, id LIMIT ?
                    """,
                arguments: [cursor.sortValue, cursor.id, sport, sport, location, location, limit + 1]
            )
            return Page(rows: rows, limit: limit, sortedBy: "created_at", Venue.init(row:))
        }
    }

    static func audit(_ database: Database, _ now: Int64, actor: String, _ action: String, _ subject: String) throws {
        try database.execute(
            sql: "INSERT INTO audit (at, actor, action, subject) VALUES (?, ?, ?, ?)",
            arguments: [now, actor, action, subject]
        )
    }
}

extension Venue {
    init(row: Row) {
        self.init(
            id: row["id"],
            name: row["name"],
            sport: row["sport"],
            location: row["location"],
            owner: row["owner"],
            createdAt: Date(milliseconds: row["created_at"])
        )
    }
}

extension Page {
    /// Cuts the row that was read beyond the limit, and makes the cursor from the last one kept.
    init(rows: [Row], limit: Int, sortedBy column: String, _ make: (Row) -> Item) {
        let kept = rows.prefix(limit)
        let last = rows.count > limit ? kept.last : nil
        self.init(
            items: kept.map(make),
            next: last.map { Cursor(sortValue: $0[column], id: $0["id"]).text }
        )
    }
}

extension Date {
    init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1_000) }

    var milliseconds: Int64 { Int64(exactly: (timeIntervalSince1970 * 1_000).rounded()) ?? 0 }
}

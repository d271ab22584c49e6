// SPDX-License-Identifier: Apache-2.0

/// One transaction. The statements are SQL that SQLite and PostgreSQL both know, with `?` for each argument.
package protocol DatabaseSession {
    /// Runs a statement that answers with rows.
    ///
    /// - Throws: ``UniqueViolation``, or what the database has to say.
    func rows(_ sql: String, _ arguments: [any SQLArgument]) throws -> [SQLRow]

    /// Runs a statement without an answer; the number of rows that it has inserted, changed or deleted.
    ///
    /// - Throws: as `rows`.
    func changes(_ sql: String, _ arguments: [any SQLArgument]) throws -> Int

    /// Waits until no other transaction holds this name, and holds it to the end of this one.
    func lock(_ name: String) throws

    /// Ends a `SELECT` of rows that several processes want to take, each a different one.
    var takingUnlocked: String { get }
}

extension DatabaseSession {
    func execute(_ sql: String, _ arguments: [any SQLArgument]) throws { _ = try changes(sql, arguments) }

    func row(_ sql: String, _ arguments: [any SQLArgument]) throws -> SQLRow? { try rows(sql, arguments).first }
}

/// A row was refused because one with the same key is there.
struct UniqueViolation: Error {}

// SPDX-License-Identifier: Apache-2.0

import GRDB
package import HealthChecks

/// A SQLite file: a pool of readers and one writer.
///
/// A commit is on the disk when `write` returns (write-ahead log, `synchronous=FULL`).
package final class SQLiteEngine: DatabaseEngine {
    package let name = "database"
    package let isShared = false
    package let connections: Int
    package let path: String
    private let pool: DatabasePool
    private let opened: FileIdentity?
    private let clock: HealthClock

    /// Opens the file, creating it when missing, and brings its schema up to date.
    package init(path: String, readers: Int, clock: HealthClock) throws {
        var configuration = GRDB.Configuration()
        configuration.label = "booking"
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = max(readers, 1)
        pool = try DatabasePool(path: path, configuration: configuration)
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        try SQLiteSchema.migrator.migrate(pool)
        self.path = path
        self.clock = clock
        opened = FileIdentity(of: path)
        connections = configuration.maximumReaderCount + 1
    }

    package var check: any HealthCheck { SQLiteCheck(self, clock: clock) }

    package func prepare() async throws {}

    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any DatabaseSession) throws -> Value
    ) async throws -> Value {
        try await pool.read { try body(SQLiteSession(database: $0)) }
    }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any DatabaseSession) throws -> Value
    ) async throws -> Value {
        try await pool.write { try body(SQLiteSession(database: $0)) }
    }

    package func isFailure(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode != .SQLITE_CONSTRAINT
    }

    /// Whether the path still leads to the open file. What is written to one that was taken away or replaced is lost with the
    /// next start.
    var isInPlace: Bool { FileIdentity(of: path) == opened }

    package func close() async throws { try pool.close() }
}

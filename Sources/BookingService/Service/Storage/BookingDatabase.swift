// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import HealthChecks

/// The SQLite file behind the service: a pool of readers and one writer, guarded by a circuit breaker.
///
/// A commit is on the disk when `write` returns (write-ahead log, `synchronous=FULL`).
package final class BookingDatabase: Sendable {
    private let pool: DatabasePool
    private let breaker: Breaker
    private let metrics: BookingMetrics
    package let clock: HealthClock
    package let identifiers: IdentifierSource
    package let path: String
    private let opened: FileIdentity?

    /// Opens the file, creating it when missing, and brings its schema up to date.
    package init(path: String, readers: Int, clock: HealthClock, metrics: BookingMetrics) throws {
        var configuration = GRDB.Configuration()
        configuration.label = "booking"
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = max(readers, 1)
        pool = try DatabasePool(path: path, configuration: configuration)
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        try Schema.migrator.migrate(pool)
        self.path = path
        opened = FileIdentity(of: path)
        self.clock = clock
        self.metrics = metrics
        identifiers = IdentifierSource(unixMilliseconds: { clock.now().unixMilliseconds })
        breaker = Breaker(dependency: "database", clock: clock, metrics: metrics)
        metrics.setPool(size: configuration.maximumReaderCount + 1)
    }

    /// Now, as it is stored.
    package var now: Int64 { clock.now().unixMilliseconds }

    /// Reads from a consistent state of the database.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await breaker.call(isFailure: Self.isFailure) {
            try await self.pool.read { database in
                try self.metrics.whileUsingConnection { try body(database) }
            }
        }
    }

    /// Runs a transaction; it is rolled back when the closure throws.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await breaker.call(isFailure: Self.isFailure) {
            try await self.pool.write { database in
                try self.metrics.whileUsingConnection { try body(database) }
            }
        }
    }

    /// Asks past the breaker whether the file can be read; for the health check.
    func ping() async throws {
        try await pool.read { _ = try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_schema") }
    }

    /// Whether the path still leads to the open file. What is written to one that was taken away or replaced is lost with the
    /// next start.
    var isInPlace: Bool { FileIdentity(of: path) == opened }

    /// Closes the connections; nothing may be called afterwards.
    package func close() throws { try pool.close() }

    /// What our own rules refuse says nothing about the database.
    private static func isFailure(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode != .SQLITE_CONSTRAINT
    }
}

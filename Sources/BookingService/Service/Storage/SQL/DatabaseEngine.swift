// SPDX-License-Identifier: Apache-2.0

package import HealthChecks

/// Where the data is kept: a SQLite file of this process, or a PostgreSQL server that several of them share.
package protocol DatabaseEngine: Sendable {
    /// What breaker and readiness call it.
    var name: String { get }
    /// Whether other processes work on the same data.
    var isShared: Bool { get }
    /// Transactions that can run at once.
    var connections: Int { get }
    /// Asks, past the breaker, how it is.
    var check: any HealthCheck { get }

    /// Brings the schema up to date; the first use does so too.
    func prepare() async throws

    /// Reads from a consistent state.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any DatabaseSession) throws -> Value
    ) async throws -> Value

    /// Runs a transaction, on the disk when this returns; it is rolled back when the closure throws.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any DatabaseSession) throws -> Value
    ) async throws -> Value

    /// Whether an error says something about the database, and not only about what it was asked.
    func isFailure(_ error: any Error) -> Bool

    /// Ends the connections; nothing may be called afterwards.
    func close() async throws
}

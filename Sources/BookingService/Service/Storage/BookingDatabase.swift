// SPDX-License-Identifier: Apache-2.0

package import HealthChecks

/// What the service keeps for good, guarded by a circuit breaker.
package final class BookingDatabase: Sendable {
    let engine: any DatabaseEngine
    /// How the database is, asked past the breaker.
    let check: any HealthCheck
    private let breaker: Breaker
    private let metrics: BookingMetrics
    package let clock: HealthClock
    package let identifiers: IdentifierSource

    package init(_ engine: any DatabaseEngine, clock: HealthClock, metrics: BookingMetrics) {
        self.engine = engine
        self.clock = clock
        self.metrics = metrics
        identifiers = IdentifierSource(unixMilliseconds: { clock.now().unixMilliseconds })
        breaker = Breaker(dependency: engine.name, clock: clock, metrics: metrics)
        check = RecoveryCheck(check: engine.check, breaker: breaker)
        metrics.setPool(size: engine.connections)
    }

    /// Now, as it is stored.
    package var now: Int64 { clock.now().unixMilliseconds }

    /// Reads from a consistent state of the database.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any DatabaseSession) throws -> Value
    ) async throws -> Value {
        try await breaker.call(isFailure: engine.isFailure) {
            try await self.engine.read { session in
                try self.metrics.whileUsingConnection { try body(session) }
            }
        }
    }

    /// Runs a transaction; it is rolled back when the closure throws.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any DatabaseSession) throws -> Value
    ) async throws -> Value {
        try await breaker.call(isFailure: engine.isFailure) {
            try await self.engine.write { session in
                try self.metrics.whileUsingConnection { try body(session) }
            }
        }
    }

    /// Brings the schema up to date.
    package func prepare() async throws { try await engine.prepare() }

    /// Closes the connections; nothing may be called afterwards.
    package func close() async throws { try await engine.close() }
}

// SPDX-License-Identifier: Apache-2.0

public import Logging

/// Records what a service asks of a database, and logs what took long.
///
/// ```swift
/// let database = DatabaseMetrics(registry: registry, system: "postgresql", logger: logger)
/// let rows = try await database.measure("SELECT bookings") { try await connection.query(…) }
/// ```
public final class DatabaseMetrics: Sendable {
    private let system: String
    private let slowThreshold: Duration?
    private let logger: Logger
    private let duration: Family<OperationLabels, Histogram>
    private let slow: Counter

    private struct OperationLabels: LabelSet {
        static let labelNames = ["db_system_name", "db_operation_name", "error_type"]
        var system: String
        var operation: String
        var errorType: String

        func encode(to values: inout some LabelEncoder) {
            values.append(system)
            values.append(operation)
            values.append(errorType)
        }
    }

    /// Registers the metrics.
    /// - Parameters:
    ///   - registry: where.
    ///   - system: `sqlite`, `postgresql`, `redis`, …
    ///   - slowThreshold: operations that take longer are logged; nil logs none.
    ///   - logger: where they are logged, at level warning.
    ///   - buckets: of the duration in seconds.
    public init(
        registry: MetricsRegistry,
        system: String,
        slowThreshold: Duration? = .milliseconds(250),
        logger: Logger,
        buckets: HistogramConfiguration = .fastLatency
    ) {
        self.system = system
        self.slowThreshold = slowThreshold
        self.logger = logger
        duration = registry.histogram(
            "db_client_operation_duration_seconds",
            help: "Duration of database operations.",
            unit: .seconds,
            labels: OperationLabels.self,
            buckets
        )
        slow = registry.counter("db_client_slow_operations_total", help: "Database operations logged as slow.")
    }

    /// Runs an operation and records it, also when it throws.
    /// - Parameters:
    ///   - operation: one of few names, such as `SELECT bookings`; never a statement with values in it.
    ///   - body: the operation.
    /// - Returns: what `body` returns.
    public func measure<Result, Failure: Error>(
        _ operation: String,
        _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let start = SystemTime.monotonicNanoseconds()
        do {
            let result = try await body()
            record(operation, "", since: start)
            return result
        } catch {
            record(operation, Self.name(of: error), since: start)
            throw error
        }
    }

    /// Runs an operation and records it, also when it throws.
    /// - Parameters:
    ///   - operation: one of few names, such as `SELECT bookings`; never a statement with values in it.
    ///   - body: the operation.
    /// - Returns: what `body` returns.
    public func measure<Result, Failure: Error>(
        _ operation: String,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let start = SystemTime.monotonicNanoseconds()
        do {
            let result = try body()
            record(operation, "", since: start)
            return result
        } catch {
            record(operation, Self.name(of: error), since: start)
            throw error
        }
    }

    /// Records an operation that was timed elsewhere.
    /// - Parameters:
    ///   - operation: one of few names.
    ///   - duration: how long it took.
    ///   - errorType: why it failed; empty when it did not.
    public func record(_ operation: String, duration elapsed: Duration, errorType: String = "") {
        duration.observe(elapsed, OperationLabels(system: system, operation: operation, errorType: errorType))
        guard let slowThreshold, elapsed > slowThreshold else { return }
        slow.increment()
        var metadata: Logger.Metadata = [
            "db.system.name": "\(system)", "db.operation.name": "\(operation)",
            "db.duration_ms": "\(Int64(max(0, min(elapsed.inSeconds * 1_000, 1e15))))",
        ]
        if !errorType.isEmpty { metadata["error.type"] = "\(errorType)" }
        if let trace = TraceExemplar.currentTraceID { metadata["trace_id"] = "\(trace)" }
        logger.warning("slow database operation", metadata: metadata)
    }

    private func record(_ operation: String, _ errorType: String, since start: Int64) {
        let elapsed = max(0, SystemTime.monotonicNanoseconds() &- start)
        record(operation, duration: .nanoseconds(elapsed), errorType: errorType)
    }

    private static func name(of error: any Error) -> String {
        String("\(type(of: error))".prefix(64))
    }
}

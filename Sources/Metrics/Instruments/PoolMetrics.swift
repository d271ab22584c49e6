// SPDX-License-Identifier: Apache-2.0

/// The connections of a pool.
public final class PoolMetrics: Sendable {
    /// Connections of a pool at one moment.
    public struct Usage: Sendable, Equatable {
        /// Lent out.
        public var inUse: Int
        /// Open and waiting for work.
        public var idle: Int
        /// Most that may be open.
        public var max: Int
        /// Callers that wait for one.
        public var pending: Int

        /// Creates a usage.
        /// - Parameters:
        ///   - inUse: lent out.
        ///   - idle: open and waiting for work.
        ///   - max: most that may be open.
        ///   - pending: callers that wait for one.
        public init(inUse: Int, idle: Int, max: Int, pending: Int = 0) {
            self.inUse = inUse
            self.idle = idle
            self.max = max
            self.pending = pending
        }
    }

    private let inUse: Gauge
    private let idle: Gauge
    private let max: Gauge
    private let pending: Gauge
    private let timeouts: Counter
    private let wait: Histogram

    private struct PoolLabels: LabelSet {
        static let labelNames = ["pool"]
        var pool: String
        func encode(to values: inout some LabelEncoder) { values.append(pool) }
    }

    /// Registers the metrics.
    /// - Parameters:
    ///   - registry: where.
    ///   - pool: the pool's name.
    public init(registry: MetricsRegistry, pool: String) {
        let labels = PoolLabels(pool: pool)
        func gauge(_ name: String, _ help: String) -> Gauge {
            registry.gauge("db_pool_connections_" + name, help: help, labels: PoolLabels.self)[labels]
        }
        inUse = gauge("in_use", "Connections lent out.")
        idle = gauge("idle", "Connections open and waiting for work.")
        max = gauge("max", "Most connections that may be open.")
        pending = gauge("pending", "Callers waiting for a connection.")
        timeouts =
            registry.counter(
                "db_pool_timeouts_total",
                help: "Callers that waited for a connection in vain.",
                labels: PoolLabels.self
            )[labels]
        wait =
            registry.histogram(
                "db_pool_wait_duration_seconds",
                help: "Time until a connection was lent.",
                unit: .seconds,
                labels: PoolLabels.self,
                .fastLatency
            )[labels]
    }

    /// Tells how the pool is used now.
    /// - Parameter usage: its connections.
    public func set(_ usage: Usage) {
        inUse.set(usage.inUse)
        idle.set(usage.idle)
        max.set(usage.max)
        pending.set(usage.pending)
    }

    /// Records how long a caller waited.
    /// - Parameter duration: until it had a connection.
    public func waited(_ duration: Duration) {
        wait.observe(duration)
    }

    /// Counts a caller that got none.
    public func timedOut() {
        timeouts.increment()
    }
}

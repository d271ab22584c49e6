// SPDX-License-Identifier: Apache-2.0

/// A histogram of seconds, with the buckets of Prometheus's `prometheus_remote_storage_sent_batch_duration_seconds`.
package struct RequestDurations: Hashable, Sendable {
    /// Inclusive; what is longer than the last one is in the count alone.
    package static let bounds: [Double] = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300,
    ]

    package private(set) var count = 0
    package private(set) var sum = 0.0
    private var buckets = [Int](repeating: 0, count: bounds.count)

    mutating func observe(_ seconds: Double) {
        count += 1
        sum += seconds
        if let bucket = Self.bounds.firstIndex(where: { seconds <= $0 }) { buckets[bucket] += 1 }
    }

    /// For each bound how many were no longer.
    package var cumulative: [Int] {
        var total = 0
        return buckets.map { count in
            total += count
            return total
        }
    }
}

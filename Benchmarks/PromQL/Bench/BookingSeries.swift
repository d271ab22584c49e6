// SPDX-License-Identifier: Apache-2.0

import TestSupport
import TimeSeries

/// Series as a booking service exposes them: per target, for each route, method and tenant, a counter for four status
/// codes and a latency histogram with twelve buckets; noisy counters that never restart.
struct BookingSeries {
    let targets: Int
    /// Combinations of route, method and tenant of each target; each makes 18 series.
    let rows: Int
    let samples: Int
    /// Every so many commits of a target fail, as scrapes under load do; 0 for none.
    var failedEvery = 0

    static let start: Int64 = 1_700_000_000_000
    static let step: Int64 = 1000

    var count: Int { targets * rows * 18 }
    /// Just after the last commit of all targets.
    var end: Timestamp { Timestamp(milliseconds: Self.start + Int64(samples - 1) * Self.step + 500) }

    private static let bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]
    /// The labels of one target's series, in the order of `values`.
    func labels(target: Int) -> [[(String, String)]] {
        var all: [[(String, String)]] = []
        for row in 0..<rows {
            let common = [
                ("job", "booking"), ("instance", "127.0.0.1:\(19_100 + target)"), ("route", "/api/v1/r\(row % 50 / 2)"),
                ("method", row % 2 == 0 ? "GET" : "POST"), ("tenant", "t\(row / 50)"),
            ]
            for status in ["200", "404", "500", "503"] {
                all.append([("__name__", "http_requests_total"), ("status", status)] + common)
            }
            for bound in Self.bounds {
                all.append([("__name__", "http_request_duration_seconds_bucket"), ("le", bound)] + common)
            }
            all.append([("__name__", "http_request_duration_seconds_sum")] + common)
            all.append([("__name__", "http_request_duration_seconds_count")] + common)
        }
        return all
    }

    /// Calls `body` for each target and step with the step's values.
    func forEachCommit(_ body: (_ target: Int, _ time: Timestamp, _ values: [Double]) throws -> Void) rethrows {
        var counters = BookingCounters(targets: targets, rows: rows)
        for sample in 0..<samples {
            for target in 0..<targets {
                counters.advance(target)
                let time = Self.start + Int64(sample) * Self.step + Int64(target) * 7
                try body(target, Timestamp(milliseconds: time), counters.values[target])
            }
        }
    }

    func store() throws -> TimeSeriesStore {
        var configuration = StoreConfiguration()
        configuration.memoryLimit = 4 << 30
        configuration.maximumSeries = 2_000_000
        configuration.retention = .seconds(100_000)
        let store = TimeSeriesStore(configuration)
        try fill(store)
        return store
    }

    func fill(_ store: TimeSeriesStore) throws {
        let appenders = (0..<targets).map { store.appender(source: "target \($0)") }
        let references = try (0..<targets).map { target in
            try labels(target: target).map { try appenders[target].series(Labels($0)) }
        }
        try forEachCommit { target, time, values in
            let second = Int((time.milliseconds - Self.start) / Self.step)
            if failedEvery == 0 || (second + target) % failedEvery != 0 {
                for (reference, value) in zip(references[target], values) { appenders[target].append(reference, value) }
            }
            try appenders[target].commit(at: time)
        }
    }
}

/// The values of these series, from second to second.
struct BookingCounters {
    /// For each target its series in the order of `BookingSeries.labels`.
    private(set) var values: [[Double]]
    private let rates: [[Double]]
    private var random = SeededGenerator(seed: 1)

    private static let shares = [0.02, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0]

    init(targets: Int, rows: Int) {
        values = [[Double]](repeating: [Double](repeating: 0, count: rows * 18), count: targets)
        var random = random
        rates = (0..<targets).map { _ in (0..<rows).map { _ in Double.random(in: 1...10, using: &random) } }
        self.random = random
    }

    mutating func advance(_ target: Int) {
        for (row, rate) in rates[target].enumerated() {
            let noise = Double.random(in: 0..<1, using: &random)
            let requests = (rate * (0.6 + 0.8 * noise) + noise).rounded(.down)
            let first = row * 18
            let failed = (requests * 0.02 + noise).rounded(.down)
            values[target][first] += requests - failed
            values[target][first + 1] += failed
            for (index, share) in Self.shares.enumerated() {
                values[target][first + 4 + index] += (requests * share + noise).rounded(.down)
            }
            values[target][first + 16] += requests * 0.062 * (0.8 + 0.4 * noise)
            values[target][first + 17] = values[target][first + 15]
        }
    }
}

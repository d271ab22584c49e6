// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// A series of the differential run, a value at each step or a gap.
struct DifferentialSeries {
    var name: String
    var labels: [(String, String)]
    var values: [Double?]

    var text: String {
        name + "{" + labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",") + "}"
    }

    /// No multiple of a second from here falls on a step of a subquery.
    static let start: Int64 = 1_700_000_003_001
    static let step: Int64 = 15_000
    static let count = 160

    /// Counters that restart, gauges, constants and rising buckets, with gaps of their own or with gaps that all share,
    /// as when their target is not asked for a while.
    static func all(_ generator: inout SeededGenerator, sharedGaps: Bool) -> [DifferentialSeries] {
        var all: [DifferentialSeries] = []
        let shared = (0..<count).map { _ in sharedGaps && Int.random(in: 0..<20, using: &generator) == 0 }
        func walk(from start: Double = 0, _ next: (inout SeededGenerator, Double) -> Double) -> [Double?] {
            var value = start
            return (0..<count).map { step in
                value = next(&generator, value)
                let isGap = sharedGaps ? shared[step] : Int.random(in: 0..<20, using: &generator) == 0
                return isGap ? nil : value
            }
        }
        for job in ["api", "web"] {
            for instance in ["a", "b", "c"] {
                // Far from zero, also after a restart: how far a rate reaches back to it has changed.
                let values = walk(from: 1_000) { generator, value in
                    let restarts = Int.random(in: 0..<60, using: &generator) == 0
                    return (restarts ? 500 : value) + Double(Int.random(in: 0...9, using: &generator))
                }
                all.append(
                    DifferentialSeries(
                        name: "requests_total",
                        labels: [("instance", instance), ("job", job)],
                        values: values
                    )
                )
                let gauge = walk { generator, value in value + Double(Int.random(in: -5...5, using: &generator)) / 2 }
                all.append(
                    DifferentialSeries(name: "load", labels: [("instance", instance), ("job", job)], values: gauge)
                )
            }
            all.append(
                DifferentialSeries(
                    name: "limit",
                    labels: [("job", job)],
                    values: walk { _, _ in job == "api" ? 10 : 20 }
                )
            )
            for route in ["/x", "/y"] {
                var total = [Double](repeating: 0, count: 4)
                var columns = [[Double?]](repeating: [], count: 4)
                for step in 0..<count {
                    var cumulative = 0.0
                    for bucket in 0..<4 {
                        cumulative += Double(Int.random(in: 0...4, using: &generator))
                        total[bucket] += cumulative
                        columns[bucket].append(shared[step] ? nil : total[bucket])
                    }
                }
                for (bucket, bound) in ["0.1", "0.5", "1", "+Inf"].enumerated() {
                    let labels = [("job", job), ("le", bound), ("route", route)]
                    all.append(DifferentialSeries(name: "latency_bucket", labels: labels, values: columns[bucket]))
                }
            }
        }
        return all
    }
}

// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// The same sequence of numbers on every machine, for tests that print their seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
}

/// What a store must answer, kept as plain lists.
struct ModelStore {
    struct Sample {
        var timestamp: Int64
        var value: SampleValue
    }

    private(set) var series: [Labels: [Sample]] = [:]
    private var previous: [String: Set<Labels>] = [:]
    private var newest: [String: Int64] = [:]

    mutating func commit(
        _ source: String,
        at timestamp: Int64,
        _ values: [(labels: Labels, time: Int64?, value: SampleValue)]
    ) {
        var present: Set<Labels> = []
        for (labels, time, value) in values {
            if time == nil, !present.insert(labels).inserted { continue }
            let own = time ?? timestamp
            guard own >= timestamp - 3_600_000, own <= timestamp + 600_000 else { continue }
            add(value, at: own, to: labels)
        }
        for labels in previous[source, default: []].subtracting(present) {
            add(.float(StaleMarker.value), at: timestamp, to: labels)
        }
        previous[source] = present
        newest[source] = timestamp
    }

    private mutating func add(_ value: SampleValue, at timestamp: Int64, to labels: Labels) {
        if let last = series[labels]?.last?.timestamp, last >= timestamp { return }
        series[labels, default: []].append(Sample(timestamp: timestamp, value: value))
    }

    func samples(_ labels: Labels, after start: Int64, through end: Int64) -> [Sample] {
        (series[labels] ?? []).filter { $0.timestamp > start && $0.timestamp <= end }
    }

    func latest(_ labels: Labels, at moment: Int64, lookback: Int64) -> Sample? {
        samples(labels, after: moment - lookback, through: moment).last
    }

    func counterWindow(_ labels: Labels, after start: Int64, through end: Int64) -> CounterWindow? {
        var values: [(Int64, Double)] = []
        for sample in samples(labels, after: start, through: end) {
            guard case .float(let value) = sample.value else { return nil }
            if !StaleMarker.isStale(value) { values.append((sample.timestamp, value)) }
        }
        guard let first = values.first, let last = values.last, values.allSatisfy({ $0.1.isFinite }) else { return nil }
        var increase = last.1 - first.1
        for (before, after) in zip(values, values.dropFirst()) where after.1 < before.1 { increase += before.1 }
        return CounterWindow(
            count: values.count,
            firstTimestamp: Timestamp(milliseconds: first.0),
            firstValue: first.1,
            lastTimestamp: Timestamp(milliseconds: last.0),
            lastValue: last.1,
            increase: increase
        )
    }
}

extension SampleValue {
    /// Equal bit for bit, so that a stale marker equals itself.
    func isSame(as other: SampleValue) -> Bool {
        switch (self, other) {
        case (.float(let left), .float(let right)): left.bitPattern == right.bitPattern
        case (.histogram(let left), .histogram(let right)): left == right
        default: false
        }
    }
}

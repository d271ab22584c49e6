// SPDX-License-Identifier: Apache-2.0

import Glibc
import TimeSeries

/// Rates of one series at many steps. What depends on the times alone is worked out once and holds for every series
/// that was sampled at the same times, as all series of one target are.
struct RatePlan {
    /// One step's samples, `low...high`, and how far they are from the ends of its range.
    private struct Step {
        var low: Int32
        var high: Int32
        var sampled: Double
        var toStart: Double
        var toEnd: Double
        /// How the increase grows where the counter's zero is no bound.
        var factor: Double
    }

    private var times: [Timestamp] = []
    private var steps: [Step] = []
    private var isCounter = true
    private var scale = 1.0
    private var corrections: [Double] = []

    /// Makes the plan for these times, or keeps it if it is for them already.
    mutating func prepare(
        for timestamps: [Timestamp],
        _ function: RangeFunction,
        first: Int64,
        length: Int64,
        _ window: EvaluationWindow
    ) {
        if steps.count == window.count, Self.areSame(timestamps, times) { return }
        times = timestamps
        isCounter = function != .delta
        scale = function == .rate ? Double(length) / 1000 : 1
        steps.removeAll(keepingCapacity: true)
        var low = 0
        var high = 0
        for step in 0..<window.count {
            let end = first &+ window.step &* Int64(step)
            let start = end.clampedDifference(length)
            while low < times.count, times[low].milliseconds <= start { low += 1 }
            if high < low { high = low }
            while high < times.count, times[high].milliseconds <= end { high += 1 }
            steps.append(Self.step(times, low, high - 1, start, end, scale))
        }
    }

    private static func areSame(_ left: [Timestamp], _ right: [Timestamp]) -> Bool {
        guard left.count == right.count else { return false }
        return unsafe left.withUnsafeBytes { first in
            unsafe right.withUnsafeBytes { second in
                guard let one = first.baseAddress, let other = second.baseAddress else { return true }
                return unsafe memcmp(one, other, first.count) == 0
            }
        }
    }

    private static func step(
        _ times: [Timestamp],
        _ low: Int,
        _ high: Int,
        _ start: Int64,
        _ end: Int64,
        _ scale: Double
    ) -> Step {
        guard high > low else { return Step(low: 0, high: -1, sampled: 0, toStart: 0, toEnd: 0, factor: 0) }
        let (first, last) = (Double(times[low].milliseconds), Double(times[high].milliseconds))
        let sampled = (last - first) / 1000
        let average = sampled / Double(high - low)
        let threshold = average * 1.1
        var toStart = (first - Double(start)) / 1000
        var toEnd = (Double(end) - last) / 1000
        if toStart >= threshold { toStart = average / 2 }
        if toEnd >= threshold { toEnd = average / 2 }
        return Step(
            low: Int32(clamping: low),
            high: Int32(clamping: high),
            sampled: sampled,
            toStart: toStart,
            toEnd: toEnd,
            factor: (sampled + toStart + toEnd) / sampled / scale
        )
    }

    /// Fills a row that is clear; false when a stale marker is among the values, which the plan knows nothing of.
    mutating func fill(_ row: inout Row, _ values: [Double]) -> Bool {
        var falls = 0
        var stale = 0
        var previous = values.first ?? 0
        for value in values {
            falls &+= value < previous ? 1 : 0
            stale &+= value.bitPattern == Self.staleBits ? 1 : 0
            previous = value
        }
        guard stale == 0 else { return false }
        let hasResets = isCounter && falls > 0
        if hasResets { sumUpResets(values) }
        unsafe row.presence.withUnsafeMutableBufferPointer { presence in
            unsafe row.values.withUnsafeMutableBufferPointer { results in
                unsafe values.withUnsafeBufferPointer { values in
                    for (index, step) in steps.enumerated() where step.high > step.low {
                        let (low, high) = (Int(step.low), Int(step.high))
                        let first = unsafe values[low]
                        var increase = unsafe values[high] - first
                        if hasResets { increase += corrections[high] - corrections[low] }
                        var factor = step.factor
                        if isCounter, increase > 0, first >= 0, step.sampled * first < step.toStart * increase {
                            let toZero = step.sampled * (first / increase)
                            factor = (step.sampled + toZero + step.toEnd) / step.sampled / scale
                        }
                        unsafe presence[index] = Presence.float
                        unsafe results[index] = increase * factor
                    }
                }
            }
        }
        return true
    }

    private static let staleBits = StaleMarker.bits

    private mutating func sumUpResets(_ values: [Double]) {
        corrections.removeAll(keepingCapacity: true)
        corrections.reserveCapacity(values.count)
        var sum = 0.0
        var previous = values.first ?? 0
        for value in values {
            if value < previous { sum += previous }
            corrections.append(sum)
            previous = value
        }
    }
}

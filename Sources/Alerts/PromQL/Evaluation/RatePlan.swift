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

    /// The positions of the samples that decide, ascending. From here on the plan is about those alone.
    mutating func reduce() -> [Int] {
        var isWanted = [Bool](repeating: false, count: times.count)
        for step in steps where step.high > step.low {
            isWanted[Int(step.low)] = true
            isWanted[Int(step.high)] = true
        }
        var places = [Int32](repeating: 0, count: times.count)
        var chosen: [Int] = []
        for position in isWanted.indices where isWanted[position] {
            places[position] = Int32(clamping: chosen.count)
            chosen.append(position)
        }
        for index in steps.indices where steps[index].high > steps[index].low {
            steps[index].low = places[Int(steps[index].low)]
            steps[index].high = places[Int(steps[index].high)]
        }
        times = []
        return chosen
    }

    /// The steps that have a result, and those between them.
    var extent: Range<Int> {
        guard let first = steps.firstIndex(where: { $0.high > $0.low }),
            let last = steps.lastIndex(where: { $0.high > $0.low })
        else { return 0..<0 }
        return first..<(last + 1)
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

    /// Fills a row that is clear; false when a counter falls from so high that the sum of the resets is too coarse.
    mutating func fill(_ row: inout Row, _ values: [Double]) -> Bool {
        guard sumUpResets(values) else { return false }
        fill(&row, steps.indices, values[...], corrections[...])
        return true
    }

    /// Fills the steps of a row that is clear, from the values and the corrections at the samples that decide.
    func fill(
        _ row: inout Row,
        _ range: Range<Int>,
        _ values: ArraySlice<Double>,
        _ corrections: ArraySlice<Double>
    ) {
        unsafe row.presence.withUnsafeMutableBufferPointer { presence in
            unsafe row.values.withUnsafeMutableBufferPointer { results in
                unsafe values.withUnsafeBufferPointer { values in
                    unsafe corrections.withUnsafeBufferPointer { corrections in
                        unsafe steps.withUnsafeBufferPointer { steps in
                            for index in range {
                                let step = unsafe steps[index]
                                guard step.high > step.low else { continue }
                                let (low, high) = (Int(step.low), Int(step.high))
                                unsafe presence[index] = Presence.float
                                unsafe results[index] = rate(
                                    step,
                                    values[low],
                                    values[high],
                                    isCounter ? corrections[high] - corrections[low] : 0
                                )
                            }
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    private func rate(_ step: Step, _ first: Double, _ last: Double, _ correction: Double) -> Double {
        let increase = (last - first) + correction
        if isCounter, increase > 0, first >= 0, step.sampled * first < step.toStart * increase {
            // A counter cannot have been below zero: no further back than to where it started.
            let toZero = step.sampled * (first / increase)
            return increase * ((step.sampled + toZero + step.toEnd) / step.sampled / scale)
        }
        return increase * step.factor
    }

    /// The sum of the values before each reset, for every value; false when it is too coarse.
    private mutating func sumUpResets(_ values: [Double]) -> Bool {
        corrections.removeAll(keepingCapacity: true)
        corrections.reserveCapacity(values.count)
        var sum = 0.0
        var previous = values.first ?? 0
        for value in values {
            if value < previous { sum += previous }
            corrections.append(sum)
            previous = value
        }
        return ResetSum.isPrecise(sum, beside: 0) || values.allSatisfy { ResetSum.isPrecise(sum, beside: $0) }
    }
}

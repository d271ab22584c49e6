// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// A sum with the part that rounding lost beside it (Neumaier's form of Kahan's summation).
struct KahanSum {
    var sum = 0.0
    var compensation = 0.0

    @inline(__always)
    mutating func add(_ value: Double) {
        let total = sum + value
        if total.isInfinite {
            compensation = 0
        } else if sum.magnitude >= value.magnitude {
            compensation += (sum - total) + value
        } else {
            compensation += (value - total) + sum
        }
        sum = total
    }

    @inline(__always) var value: Double { sum.isInfinite ? sum : sum + compensation }
}

/// A sum of native histograms, each part of it compensated.
struct HistogramSum {
    private(set) var total: FloatHistogram
    private var lost: FloatHistogram?

    init(_ first: FloatHistogram) { total = first }

    private static func step(_ sum: Double, _ value: Double, _ lost: Double) -> (sum: Double, lost: Double) {
        var kahan = KahanSum(sum: sum, compensation: lost)
        kahan.add(value)
        return (kahan.sum, kahan.compensation)
    }

    mutating func add(_ other: FloatHistogram) throws(IncompatibleHistograms) -> HistogramCombination {
        var result = HistogramCombination()
        var other = other
        result.hintsCollide = total.adopt(hint: other.counterResetHint)
        var compensation = lost ?? Self.empty(like: total)
        result.boundsReconciled = try FloatHistogram.align(&total, &other)
        _ = try FloatHistogram.align(&compensation, &other)
        compensation.reduceResolution(to: total.schema)
        let zero = Self.step(total.zeroCount, other.zeroCount, compensation.zeroCount)
        let count = Self.step(total.count, other.count, compensation.count)
        let sum = Self.step(total.sum, other.sum, compensation.sum)
        (total.zeroCount, compensation.zeroCount) = (zero.sum, zero.lost)
        (total.count, compensation.count) = (count.sum, count.lost)
        (total.sum, compensation.sum) = (sum.sum, sum.lost)
        let positive = Self.add(total.positive, other.positive, compensation.positive)
        let negative = Self.add(total.negative, other.negative, compensation.negative)
        total.setBuckets(positive: positive.sum, negative: negative.sum)
        compensation.setBuckets(positive: positive.lost, negative: negative.lost)
        lost = compensation
        return result
    }

    private static func empty(like other: FloatHistogram) -> FloatHistogram {
        FloatHistogram(
            counterResetHint: other.counterResetHint,
            schema: other.schema,
            zeroThreshold: other.zeroThreshold,
            customValues: other.customValues
        )
    }

    private static func add(
        _ sum: SparseBuckets,
        _ other: SparseBuckets,
        _ lost: SparseBuckets
    ) -> (sum: SparseBuckets, lost: SparseBuckets) {
        // Laid out alike, the three can be walked together.
        let layout = sum.merged(with: other) { _, _ in 0 }.merged(with: lost) { _, _ in 0 }
        let sums = layout.merged(with: sum) { $1 }
        let others = layout.merged(with: other) { $1 }
        let losts = layout.merged(with: lost) { $1 }
        var (result, rest) = (layout, layout)
        for position in layout.indices.indices {
            let next = step(sums.counts[position], others.counts[position], losts.counts[position])
            result.counts[position] = next.sum
            rest.counts[position] = next.lost
        }
        return (result, rest)
    }

    mutating func scale(by factor: Double) {
        total.multiply(by: factor)
        lost?.multiply(by: factor)
    }

    mutating func divide(by divisor: Double) {
        total.divide(by: divisor)
        lost?.divide(by: divisor)
    }

    var hasOverflow: Bool { total.hasOverflow }

    /// The sum with what was lost put back.
    var value: FloatHistogram {
        guard var lost else { return total }
        var result = total
        lost.counterResetHint = result.counterResetHint
        _ = try? result.add(lost)
        return result
    }
}

/// The mean of native histograms: a plain mean until the sum would overflow, an incremental one from there on.
struct HistogramMean {
    private var sum: HistogramSum
    private var count = 1.0
    private var isIncremental = false

    init(_ first: FloatHistogram) { sum = HistogramSum(first) }

    mutating func add(_ other: FloatHistogram) throws(IncompatibleHistograms) -> HistogramCombination {
        count += 1
        if !isIncremental {
            var next = sum
            let result = try next.add(other)
            if !next.hasOverflow {
                sum = next
                return result
            }
            isIncremental = true
            sum.divide(by: count - 1)
        }
        sum.scale(by: (count - 1) / count)
        var part = other
        part.divide(by: count)
        return try sum.add(part)
    }

    var value: FloatHistogram {
        if isIncremental { return sum.value }
        var mean = sum
        mean.divide(by: count)
        return mean.value
    }
}

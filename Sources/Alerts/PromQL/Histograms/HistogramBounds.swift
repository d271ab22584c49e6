// SPDX-License-Identifier: Apache-2.0

import Glibc
import TimeSeries

/// One bucket with its bounds.
package struct HistogramBucket: Hashable, Sendable {
    package var lower: Double
    package var upper: Double
    package var isLowerInclusive: Bool
    package var isUpperInclusive: Bool
    package var count: Double
}

enum HistogramBounds {
    /// The upper bound of exponential bucket `index`.
    static func exponential(_ index: Int64, schema: Int32) -> Double {
        if schema < 0 {
            let exponent = index << Int64(-schema)
            if exponent == 1024 { return .greatestFiniteMagnitude }
            return exponent > 1024 ? .infinity : exponent < -1100 ? 0 : ldexp(1, Int32(exponent))
        }
        let perDouble = Int64(1) << Int64(schema)
        let fraction = index & (perDouble - 1)
        let exponent = index >> Int64(schema)
        if fraction == 0, exponent == 1024 { return .greatestFiniteMagnitude }
        if exponent > 1024 { return .infinity }
        if exponent < -1100 { return 0 }
        let mantissa = fraction == 0 ? 1 : exp2(Double(fraction) / Double(perDouble))
        return ldexp(mantissa, Int32(exponent))
    }

    /// Lower and upper bound of a bucket on the positive side.
    static func bounds(_ index: Int32, schema: Int32, customValues: [Double]) -> (lower: Double, upper: Double) {
        if schema == FloatHistogram.customBucketsSchema {
            let position = Int(index)
            let upper = position >= 0 && position < customValues.count ? customValues[position] : Double.infinity
            let lower = position > 0 && position <= customValues.count ? customValues[position - 1] : -Double.infinity
            return (lower, upper)
        }
        return (exponential(Int64(index) - 1, schema: schema), exponential(Int64(index), schema: schema))
    }

    /// Custom bounds that both have; where they differ, buckets are brought to these.
    static func common(_ left: [Double], _ right: [Double]) -> [Double] {
        var result: [Double] = []
        var other = 0
        for bound in left {
            while other < right.count, right[other] < bound { other += 1 }
            if other < right.count, right[other] == bound { result.append(bound) }
        }
        return result
    }

    /// The bucket among `target` bounds that holds bucket `index` of `bounds`.
    static func position(of index: Int32, in bounds: [Double], among target: [Double]) -> Int32 {
        let position = Int(index)
        guard position >= 0, position < bounds.count else { return Int32(clamping: target.count) }
        var low = 0
        var high = target.count
        while low < high {
            let middle = (low + high) / 2
            if target[middle] < bounds[position] { low = middle + 1 } else { high = middle }
        }
        return Int32(clamping: low)
    }
}

extension FloatHistogram {
    var positive: SparseBuckets { SparseBuckets(spans: positiveSpans, counts: positiveBuckets) }
    var negative: SparseBuckets { SparseBuckets(spans: negativeSpans, counts: negativeBuckets) }

    mutating func setBuckets(positive: SparseBuckets, negative: SparseBuckets) {
        (positiveSpans, positiveBuckets) = positive.encoded()
        (negativeSpans, negativeBuckets) = negative.encoded()
    }

    var zeroBucket: HistogramBucket {
        HistogramBucket(
            lower: -zeroThreshold,
            upper: zeroThreshold,
            isLowerInclusive: true,
            isUpperInclusive: true,
            count: zeroCount
        )
    }

    /// The positive side, ascending.
    package var positiveBucketList: [HistogramBucket] {
        let buckets = positive
        return zip(buckets.indices, buckets.counts).map { index, count in
            let (lower, upper) = HistogramBounds.bounds(index, schema: schema, customValues: customValues)
            return HistogramBucket(
                lower: lower,
                upper: upper,
                isLowerInclusive: lower < 0,
                isUpperInclusive: true,
                count: count
            )
        }
    }

    /// The negative side from zero downwards.
    package var negativeBucketList: [HistogramBucket] {
        let buckets = negative
        return zip(buckets.indices, buckets.counts).map { index, count in
            let (lower, upper) = HistogramBounds.bounds(index, schema: schema, customValues: customValues)
            return HistogramBucket(
                lower: -upper,
                upper: -lower,
                isLowerInclusive: true,
                isUpperInclusive: false,
                count: count
            )
        }
    }

    /// All buckets that hold something, ascending; the zero bucket is cut where others reach into it.
    package var ascendingBuckets: [HistogramBucket] {
        var all = negativeBucketList.reversed().filter { $0.count != 0 }
        let above = positiveBucketList.filter { $0.count != 0 }
        if zeroCount > 0 {
            var zero = zeroBucket
            if let below = all.last, below.upper > zero.lower { zero.lower = below.upper }
            if let next = above.first, next.lower < zero.upper { zero.upper = next.lower }
            all.append(zero)
        }
        return all + above
    }
}

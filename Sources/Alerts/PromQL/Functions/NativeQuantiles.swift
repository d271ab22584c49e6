// SPDX-License-Identifier: Apache-2.0

import Glibc
import TimeSeries

/// Quantiles, fractions and spread of native histograms.
enum NativeQuantiles {
    struct Result {
        var value: Double
        /// NaN was observed and is what the quantile falls on.
        var isNaN = false
        /// NaN was observed and counts above everything else.
        var isSkewed = false
    }

    /// Buckets ascending, the zero bucket not reaching where the histogram has no observations.
    private static func buckets(_ histogram: FloatHistogram) -> [HistogramBucket] {
        var all = histogram.ascendingBuckets
        guard !histogram.usesCustomBuckets else { return all }
        for index in all.indices where all[index].lower < 0 && all[index].upper > 0 {
            if histogram.negativeBuckets.isEmpty, !histogram.positiveBuckets.isEmpty { all[index].lower = 0 }
            if histogram.positiveBuckets.isEmpty, !histogram.negativeBuckets.isEmpty { all[index].upper = 0 }
        }
        return all
    }

    static func quantile(_ share: Double, of histogram: FloatHistogram) -> Result {
        if share < 0 { return Result(value: -.infinity) }
        if share > 1 { return Result(value: .infinity) }
        if histogram.count == 0 || share.isNaN { return Result(value: .nan) }
        let hasNaN = histogram.sum.isNaN
        let goesUp = hasNaN || share < 0.5
        var rank = (goesUp ? share : 1 - share) * histogram.count
        let all = buckets(histogram)
        var bucket = HistogramBucket(lower: 0, upper: 0, isLowerInclusive: true, isUpperInclusive: true, count: 0)
        var count = 0.0
        for next in goesUp ? all : all.reversed() {
            bucket = next
            count += next.count
            if count >= rank { break }
        }
        var skewed = false
        if hasNaN {
            if count < rank { return Result(value: .nan, isNaN: true) }
            skewed = true
        }
        if histogram.usesCustomBuckets {
            if bucket.lower == -.infinity {
                if bucket.upper <= 0 { return Result(value: bucket.upper, isSkewed: skewed) }
                bucket.lower = 0
            } else if bucket.upper == .infinity {
                return Result(value: bucket.lower, isSkewed: skewed)
            }
        }
        count = Swift.min(count, histogram.count)
        if count < rank { return Result(value: bucket.upper, isSkewed: skewed) }
        rank = goesUp ? rank - (count - bucket.count) : count - rank
        let fraction = rank / bucket.count
        if histogram.usesCustomBuckets || (bucket.lower <= 0 && bucket.upper >= 0) {
            return Result(value: bucket.lower + (bucket.upper - bucket.lower) * fraction, isSkewed: skewed)
        }
        // Exponential buckets are even on a logarithmic scale.
        let (lower, upper) = (log2(bucket.lower.magnitude), log2(bucket.upper.magnitude))
        if bucket.lower > 0 { return Result(value: exp2(lower + (upper - lower) * fraction), isSkewed: skewed) }
        return Result(value: -exp2(upper + (lower - upper) * (1 - fraction)), isSkewed: skewed)
    }

    static func fraction(_ lower: Double, _ upper: Double, of histogram: FloatHistogram) -> Double {
        if histogram.count == 0 || lower.isNaN || upper.isNaN { return .nan }
        if lower >= upper { return 0 }
        var rank = 0.0
        var lowerRank: Double?
        var upperRank: Double?
        for bucket in buckets(histogram) {
            if lowerRank == nil, bucket.lower >= lower { lowerRank = rank }
            if upperRank == nil, bucket.lower >= upper { upperRank = rank }
            if lowerRank == nil, bucket.lower < lower, bucket.upper > lower {
                lowerRank = rank + share(of: bucket, below: lower, histogram)
            }
            if upperRank == nil, bucket.lower < upper, bucket.upper > upper {
                upperRank = rank + share(of: bucket, below: upper, histogram)
            }
            if lowerRank != nil, upperRank != nil { break }
            rank += bucket.count
        }
        // What is NaN lies in no bucket, and so in no fraction.
        let total = histogram.sum.isNaN ? rankOfAll(histogram) : histogram.count
        let first = Swift.min(lowerRank ?? total, total)
        let last = Swift.min(upperRank ?? total, total)
        return (last - first) / histogram.count
    }

    private static func rankOfAll(_ histogram: FloatHistogram) -> Double {
        buckets(histogram).reduce(0) { $0 + $1.count }
    }

    private static func share(of bucket: HistogramBucket, below bound: Double, _ histogram: FloatHistogram) -> Double {
        var bucket = bucket
        if histogram.usesCustomBuckets {
            if bucket.lower == -.infinity {
                // Taken to begin at zero if it reaches above, and to be infinitely wide if not.
                if bucket.upper <= 0 { return bucket.count }
                if bound <= 0 { return 0 }
                bucket.lower = 0
            }
            if bucket.upper == .infinity { return 0 }
        }
        if histogram.usesCustomBuckets || (bucket.lower <= 0 && bucket.upper >= 0) {
            return bucket.count * (bound - bucket.lower) / (bucket.upper - bucket.lower)
        }
        let (lower, upper) = (log2(bucket.lower.magnitude), log2(bucket.upper.magnitude))
        let position = log2(bound.magnitude)
        if bound > 0 { return bucket.count * (position - lower) / (upper - lower) }
        return bucket.count * (1 - (position - upper) / (lower - upper))
    }
}

extension FloatHistogram {
    func value(of statistic: HistogramStatistic) -> Double {
        switch statistic {
        case .count: count
        case .sum: sum
        case .average: sum / count
        case .variance: variance
        case .deviation: variance.squareRoot()
        }
    }

    /// Around the mean, each bucket standing at its middle.
    private var variance: Double {
        let mean = sum / count
        var variance = KahanSum()
        for bucket in ascendingBuckets {
            let middle: Double
            if usesCustomBuckets {
                middle = (bucket.upper + bucket.lower) / 2
            } else if bucket.lower <= 0, bucket.upper >= 0 {
                middle = 0
            } else {
                let root = (bucket.upper * bucket.lower).squareRoot()
                middle = bucket.upper < 0 ? -root : root
            }
            let delta = middle - mean
            variance.add(bucket.count * delta * delta)
        }
        return (variance.sum + variance.compensation) / count
    }
}

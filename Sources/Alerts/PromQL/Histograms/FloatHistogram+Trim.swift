// SPDX-License-Identifier: Apache-2.0

import Glibc
import TimeSeries

extension FloatHistogram {
    /// Drops the observations above `bound`, or below it; a bucket that is cut is shared out by interpolation. Once
    /// something is gone, the sum is estimated from the middles of what is left.
    mutating func trim(at bound: Double, keepsBelow: Bool) {
        var trimming = Trimming(bound: bound, keepsBelow: keepsBelow, isLinear: usesCustomBuckets)
        var (above, below) = (positive, negative)
        for (position, bucket) in positiveBucketList.enumerated() where bucket.count != 0 {
            above.counts[position] = trimming.kept(of: bucket, isLinear: usesCustomBuckets)
        }
        for (position, bucket) in negativeBucketList.enumerated() where bucket.count != 0 {
            below.counts[position] = trimming.kept(of: bucket, isLinear: usesCustomBuckets)
        }
        if zeroCount > 0 { zeroCount = trimming.kept(of: effectiveZeroBucket, isLinear: true) }
        guard trimming.hasRemoved || count != trimming.count else { return }
        sum = trimming.count == 0 ? 0 : trimming.sum
        count = trimming.count
        setBuckets(positive: above, negative: below)
    }

    /// With observations on one side only, the zero bucket reaches no further than zero on the other.
    private var effectiveZeroBucket: HistogramBucket {
        var bucket = zeroBucket
        if negativeBuckets.isEmpty, !positiveBuckets.isEmpty { bucket.lower = 0 }
        if positiveBuckets.isEmpty, !negativeBuckets.isEmpty { bucket.upper = 0 }
        return bucket
    }
}

/// What trimming leaves.
private struct Trimming {
    let bound: Double
    let keepsBelow: Bool
    private(set) var count = 0.0
    private(set) var sum = 0.0
    private(set) var hasRemoved = false

    init(bound: Double, keepsBelow: Bool, isLinear: Bool) {
        self.bound = bound
        self.keepsBelow = keepsBelow
    }

    /// What stays of a bucket.
    mutating func kept(of bucket: HistogramBucket, isLinear: Bool) -> Double {
        var bucket = bucket
        if bucket.lower == -.infinity, bucket.upper == .infinity {
            hasRemoved = true
            return 0
        }
        // Observations below a positive bound are taken to be positive.
        if isLinear, bucket.lower == -.infinity, bucket.upper > 0 { bucket.lower = 0 }
        if keepsBelow ? bucket.upper <= bound : bucket.lower >= bound {
            count += bucket.count
            sum += bucket.count * Self.middle(bucket.lower, bucket.upper, isLinear: isLinear)
            return bucket.count
        }
        hasRemoved = true
        guard keepsBelow ? bucket.lower < bound : bucket.upper > bound else { return 0 }
        let under = Self.share(of: bucket, under: bound, isLinear: isLinear)
        let stays = keepsBelow ? under : bucket.count - under
        let (lower, upper) = keepsBelow ? (bucket.lower, bound) : (bound, bucket.upper)
        count += stays
        if stays != 0 { sum += stays * Self.middle(lower, upper, isLinear: isLinear) }
        return stays
    }

    /// Where the observations of a bucket stand; at its end where it has only one.
    private static func middle(_ lower: Double, _ upper: Double, isLinear: Bool) -> Double {
        if lower == -.infinity { return upper }
        if upper == .infinity { return lower }
        if isLinear { return (lower + upper) / 2 }
        let root = (lower.magnitude * upper.magnitude).squareRoot()
        return upper <= 0 ? -root : root
    }

    /// The part of a bucket's observations that is at most `bound`, which lies inside.
    private static func share(of bucket: HistogramBucket, under bound: Double, isLinear: Bool) -> Double {
        if bucket.lower == -.infinity { return bucket.count }
        if bucket.upper == .infinity { return 0 }
        if isLinear { return bucket.count * (bound - bucket.lower) / (bucket.upper - bucket.lower) }
        let (lower, upper) = (log2(bucket.lower.magnitude), log2(bucket.upper.magnitude))
        let position = log2(bound.magnitude)
        if bucket.upper > 0 { return bucket.count * (position - lower) / (upper - lower) }
        return bucket.count * (1 - (position - upper) / (lower - upper))
    }
}

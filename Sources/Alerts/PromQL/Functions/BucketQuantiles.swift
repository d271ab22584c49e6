// SPDX-License-Identifier: Apache-2.0

/// A cumulative bucket of a classic histogram.
struct ClassicBucket {
    var upper: Double
    var count: Double
}

/// Quantiles and fractions of classic histograms.
enum BucketQuantiles {
    struct Result {
        var value: Double
        /// A bucket held less than the one below it.
        var wasForced = false
    }

    /// Sorted by bound, equal bounds added up, made to rise.
    static func prepared(_ buckets: [ClassicBucket]) -> (buckets: [ClassicBucket], wasForced: Bool) {
        var isSorted = true
        for index in buckets.indices.dropFirst() where buckets[index - 1].upper >= buckets[index].upper {
            isSorted = false
            break
        }
        var merged: [ClassicBucket]
        if isSorted {
            merged = buckets
        } else {
            merged = []
            for bucket in buckets.sorted(by: { $0.upper < $1.upper }) {
                if let last = merged.last, last.upper == bucket.upper {
                    merged[merged.count - 1].count += bucket.count
                } else {
                    merged.append(bucket)
                }
            }
        }
        guard var previous = merged.first?.count else { return (merged, false) }
        var wasForced = false
        for index in merged.indices.dropFirst() {
            let count = merged[index].count
            if count == previous { continue }
            if isAlmostEqual(previous, count) {
                merged[index].count = previous
            } else if count < previous {
                merged[index].count = previous
                wasForced = true
            } else {
                previous = count
            }
        }
        return (merged, wasForced)
    }

    /// Relative difference at most 1e-12.
    private static func isAlmostEqual(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        if left == right { return true }
        let sum = left.magnitude + right.magnitude
        let difference = (left - right).magnitude
        if left == 0 || right == 0 || sum < .leastNormalMagnitude {
            return difference < 1e-12 * .leastNormalMagnitude
        }
        return difference / Swift.min(sum, .greatestFiniteMagnitude) < 1e-12
    }

    static func quantile(_ share: Double, of all: [ClassicBucket]) -> Result {
        if share.isNaN { return Result(value: .nan) }
        if share < 0 { return Result(value: -.infinity) }
        if share > 1 { return Result(value: .infinity) }
        guard all.contains(where: { $0.upper == .infinity }) else { return Result(value: .nan) }
        let (buckets, wasForced) = prepared(all)
        guard buckets.count >= 2, let total = buckets.last?.count, total != 0 else { return Result(value: .nan) }
        var rank = share * total
        // Halving as Prometheus does shows where counts are NaN, which are never large enough.
        var (index, above) = (0, buckets.count - 1)
        while index < above {
            let middle = (index + above) / 2
            if buckets[middle].count >= rank { above = middle } else { index = middle + 1 }
        }
        if index == buckets.count - 1 { return Result(value: buckets[buckets.count - 2].upper, wasForced: wasForced) }
        if index == 0, buckets[0].upper <= 0 { return Result(value: buckets[0].upper, wasForced: wasForced) }
        var start = 0.0
        var count = buckets[index].count
        if index > 0 {
            start = buckets[index - 1].upper
            count -= buckets[index - 1].count
            rank -= buckets[index - 1].count
        }
        let value = start + (buckets[index].upper - start) * (rank / count)
        return Result(value: value, wasForced: wasForced)
    }

    static func fraction(_ lower: Double, _ upper: Double, of all: [ClassicBucket]) -> Double {
        guard all.contains(where: { $0.upper == .infinity }) else { return .nan }
        let (buckets, _) = prepared(all)
        guard buckets.count >= 2, let total = buckets.last?.count else { return .nan }
        if total == 0 || total.isNaN || lower.isNaN || upper.isNaN { return .nan }
        if lower >= upper { return 0 }
        var lowerRank: Double?
        var upperRank: Double?
        for (index, bucket) in buckets.enumerated() {
            let below = index > 0 ? buckets[index - 1].count : 0
            let start = index > 0 ? buckets[index - 1].upper : bucket.upper <= 0 ? -.infinity : 0
            let interpolated = { (bound: Double) -> Double in
                if start == -.infinity { return bucket.count }
                if bucket.upper == .infinity { return below }
                return below + (bucket.count - below) * (bound - start) / (bucket.upper - start)
            }
            if lowerRank == nil, start >= lower { lowerRank = below }
            if upperRank == nil, start >= upper { upperRank = below }
            if lowerRank == nil, start < lower, bucket.upper > lower { lowerRank = interpolated(lower) }
            if upperRank == nil, start < upper, bucket.upper > upper { upperRank = interpolated(upper) }
        }
        let (first, last) = (Swift.min(lowerRank ?? total, total), Swift.min(upperRank ?? total, total))
        return (last - first) / total
    }
}

// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// Exponential and custom buckets cannot be put together.
package struct IncompatibleHistograms: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String {
        "cannot apply this operation on histograms with a mix of exponential and custom bucket schemas"
    }
}

/// What happened on the way to a sum or difference that is worth a remark.
package struct HistogramCombination: Hashable, Sendable {
    /// A counter reset met its opposite.
    package var hintsCollide = false
    /// Custom bounds differed; only those in both are left.
    package var boundsReconciled = false
}

extension FloatHistogram {
    package mutating func multiply(by factor: Double) { scale { $0 * factor } }

    package mutating func divide(by divisor: Double) { scale { $0 / divisor } }

    private mutating func scale(_ change: (Double) -> Double) {
        // What became negative is no counter any more.
        if change(1) < 0 { counterResetHint = .gauge }
        zeroCount = change(zeroCount)
        count = change(count)
        sum = change(sum)
        for position in positiveBuckets.indices { positiveBuckets[position] = change(positiveBuckets[position]) }
        for position in negativeBuckets.indices { negativeBuckets[position] = change(negativeBuckets[position]) }
    }

    /// Dividing by 0 leaves no buckets, as there is nothing to say about them.
    package func divided(by divisor: Double) -> FloatHistogram {
        var result = self
        result.divide(by: divisor)
        if divisor == 0 { result.setBuckets(positive: SparseBuckets(), negative: SparseBuckets()) }
        return result
    }

    @discardableResult
    package mutating func add(_ other: FloatHistogram) throws(IncompatibleHistograms) -> HistogramCombination {
        try combine(with: other) { $0 + $1 }
    }

    @discardableResult
    package mutating func subtract(_ other: FloatHistogram) throws(IncompatibleHistograms) -> HistogramCombination {
        try combine(with: other) { $0 - $1 }
    }

    private mutating func combine(
        with other: FloatHistogram,
        _ operation: (Double, Double) -> Double
    ) throws(IncompatibleHistograms) -> HistogramCombination {
        var result = HistogramCombination()
        result.hintsCollide = adopt(hint: other.counterResetHint)
        var other = other
        result.boundsReconciled = try Self.align(&self, &other)
        zeroCount = operation(zeroCount, other.zeroCount)
        count = operation(count, other.count)
        sum = operation(sum, other.sum)
        setBuckets(
            positive: positive.merged(with: other.positive, operation),
            negative: negative.merged(with: other.negative, operation)
        )
        return result
    }

    /// The hint of a combination; true when "reset" meets "no reset".
    mutating func adopt(hint: CounterResetHint) -> Bool {
        switch (counterResetHint, hint) {
        case let (ours, theirs) where ours == theirs: return false
        case (.gauge, _): return false
        case (_, .gauge):
            counterResetHint = .gauge
            return false
        case (.unknown, _): return false
        case (_, .unknown):
            counterResetHint = .unknown
            return false
        default:
            counterResetHint = .unknown
            return true
        }
    }

    /// Brings both to the same zero bucket and the same bucket bounds; true when custom bounds were given up.
    static func align(
        _ left: inout FloatHistogram,
        _ right: inout FloatHistogram
    ) throws(IncompatibleHistograms) -> Bool {
        guard left.usesCustomBuckets == right.usesCustomBuckets else { throw IncompatibleHistograms() }
        if left.usesCustomBuckets {
            guard left.customValues != right.customValues else { return false }
            let common = HistogramBounds.common(left.customValues, right.customValues)
            left.restrict(toBounds: common)
            right.restrict(toBounds: common)
            return true
        }
        while left.zeroThreshold != right.zeroThreshold {
            if left.zeroThreshold < right.zeroThreshold {
                left.widenZeroBucket(to: right.zeroThreshold)
            } else {
                right.widenZeroBucket(to: left.zeroThreshold)
            }
            if left.zeroThreshold.isNaN || right.zeroThreshold.isNaN { break }
        }
        if left.schema > right.schema { left.reduceResolution(to: right.schema) }
        if right.schema > left.schema { right.reduceResolution(to: left.schema) }
        return false
    }

    mutating func restrict(toBounds bounds: [Double]) {
        guard bounds != customValues else { return }
        let own = customValues
        let buckets = positive.mapped { HistogramBounds.position(of: $0, in: own, among: bounds) }
        (positiveSpans, positiveBuckets) = buckets.encoded()
        customValues = bounds
    }

    /// The same observations in coarser buckets; a finer or custom schema is left alone.
    package mutating func reduceResolution(to target: Int32) {
        guard !usesCustomBuckets, target < schema, target >= -4, schema <= 8 else { return }
        let shift = schema - target
        let map: (Int32) -> Int32 = { (($0 &- 1) >> shift) &+ 1 }
        setBuckets(positive: positive.mapped(map), negative: negative.mapped(map))
        schema = target
    }

    /// Widens the zero bucket, further than asked if its new edge would cut a bucket that holds something.
    mutating func widenZeroBucket(to threshold: Double) {
        guard threshold > zeroThreshold else { return }
        var edge = threshold
        let (above, below) = (positiveBucketList, negativeBucketList)
        var isSettled = false
        while !isSettled {
            isSettled = true
            for bucket in above where bucket.count != 0 && bucket.lower < edge && bucket.upper > edge {
                edge = bucket.upper
                isSettled = false
            }
            for bucket in below where bucket.count != 0 && -bucket.upper < edge && -bucket.lower > edge {
                edge = -bucket.lower
                isSettled = false
            }
        }
        var (positive, negative) = (positive, negative)
        for (position, bucket) in above.enumerated() where bucket.upper <= edge {
            zeroCount += bucket.count
            positive.counts[position] = 0
        }
        for (position, bucket) in below.enumerated() where -bucket.lower <= edge {
            zeroCount += bucket.count
            negative.counts[position] = 0
        }
        zeroThreshold = edge
        setBuckets(positive: positive, negative: negative)
    }

    /// Without empty buckets.
    package func compacted() -> FloatHistogram {
        var result = self
        result.compact()
        return result
    }

    package mutating func compact() { setBuckets(positive: positive, negative: negative) }

    var hasOverflow: Bool {
        zeroCount.isInfinite || count.isInfinite || sum.isInfinite
            || positiveBuckets.contains(where: \.isInfinite) || negativeBuckets.contains(where: \.isInfinite)
    }

    /// Equal bucket for bucket; the reset hint does not count, and a sum of NaN equals itself.
    package func holdsSame(as other: FloatHistogram) -> Bool {
        guard schema == other.schema, zeroThreshold == other.zeroThreshold, zeroCount == other.zeroCount,
            count == other.count, sum == other.sum || (sum.isNaN && other.sum.isNaN)
        else { return false }
        if usesCustomBuckets, customValues != other.customValues { return false }
        let (ours, theirs) = (positive, other.positive)
        let (below, theirsBelow) = (negative, other.negative)
        return ours.indices == theirs.indices && ours.counts == theirs.counts && below.indices == theirsBelow.indices
            && below.counts == theirsBelow.counts
    }

    /// True when this histogram cannot be a later state of `previous`.
    package func isReset(after previous: FloatHistogram) -> Bool {
        switch counterResetHint {
        case .reset: return true
        case .noReset: return false
        case .unknown, .gauge: break
        }
        if count < previous.count || usesCustomBuckets != previous.usesCustomBuckets { return true }
        var (current, before) = (self, previous)
        if usesCustomBuckets {
            if customValues != previous.customValues {
                let common = HistogramBounds.common(customValues, previous.customValues)
                current.restrict(toBounds: common)
                before.restrict(toBounds: common)
            }
        } else {
            if schema > previous.schema || zeroThreshold < previous.zeroThreshold { return true }
            before.widenZeroBucket(to: zeroThreshold)
            if before.zeroThreshold != zeroThreshold || zeroCount < before.zeroCount { return true }
            before.reduceResolution(to: schema)
        }
        return Self.shrank(current.positive, before.positive) || Self.shrank(current.negative, before.negative)
    }

    private static func shrank(_ current: SparseBuckets, _ before: SparseBuckets) -> Bool {
        var position = 0
        for (index, count) in zip(before.indices, before.counts) where count != 0 {
            while position < current.indices.count, current.indices[position] < index { position += 1 }
            let now =
                position < current.indices.count && current.indices[position] == index ? current.counts[position] : 0
            if now < count { return true }
        }
        return false
    }
}

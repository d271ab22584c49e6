// SPDX-License-Identifier: Apache-2.0

import PromQL
import TimeSeries

/// When a result counts as the expected one: numbers to a millionth, NaN equals NaN, histograms bucket by bucket.
enum RuleTestComparison {
    static func matches(_ expected: [RuleTestFile.ExpressionCase.Expected], _ got: [RuleSample]) -> Bool {
        guard expected.count == got.count else { return false }
        var taken = [Bool](repeating: false, count: got.count)
        // Elements of one label set may come in any order.
        for wanted in expected {
            guard let index = got.indices.first(where: { !taken[$0] && matches(wanted, got[$0]) }) else { return false }
            taken[index] = true
        }
        return true
    }

    private static func matches(_ expected: RuleTestFile.ExpressionCase.Expected, _ got: RuleSample) -> Bool {
        guard expected.labels == got.labels else { return false }
        switch (expected.histogram, got.value) {
        case (nil, .float(let value)): return isNear(expected.value, value)
        case (let (wanted, hasHint)?, .histogram(let histogram)):
            return matches(wanted, histogram, comparesHint: hasHint)
        default: return false
        }
    }

    static func isNear(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        if left == right { return true }
        guard left.isFinite, right.isFinite else { return false }
        let scale = max(left.magnitude, right.magnitude)
        return (left - right).magnitude <= scale * 1e-6
    }

    private static func matches(_ left: FloatHistogram, _ right: FloatHistogram, comparesHint: Bool) -> Bool {
        guard left.schema == right.schema, isNear(left.count, right.count), isNear(left.sum, right.sum),
            isNear(left.zeroThreshold, right.zeroThreshold), isNear(left.zeroCount, right.zeroCount),
            left.customValues.count == right.customValues.count,
            zip(left.customValues, right.customValues).allSatisfy({ isNear($0, $1) }),
            !comparesHint || left.counterResetHint == right.counterResetHint
        else { return false }
        return buckets(left.positiveSpans, left.positiveBuckets) ~= buckets(right.positiveSpans, right.positiveBuckets)
            && buckets(left.negativeSpans, left.negativeBuckets) ~= buckets(right.negativeSpans, right.negativeBuckets)
    }

    private struct Buckets {
        var counts: [Int64: Double]

        static func ~= (left: Buckets, right: Buckets) -> Bool {
            Set(left.counts.keys).union(right.counts.keys).allSatisfy { index in
                RuleTestComparison.isNear(left.counts[index] ?? 0, right.counts[index] ?? 0)
            }
        }
    }

    private static func buckets(_ spans: [FloatHistogram.Span], _ counts: [Double]) -> Buckets {
        var found: [Int64: Double] = [:]
        var index: Int64 = 0
        var position = 0
        for span in spans {
            index += Int64(span.offset)
            for _ in 0..<span.length where position < counts.count {
                if counts[position] != 0 { found[index] = counts[position] }
                position += 1
                index += 1
            }
        }
        return Buckets(counts: found)
    }
}

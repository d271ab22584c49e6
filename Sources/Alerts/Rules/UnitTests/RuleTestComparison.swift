// SPDX-License-Identifier: Apache-2.0

import PromQL
import TimeSeries

/// When a result counts as the expected one. Histograms are compared bucket by bucket, NaN equals NaN.
struct RuleTestComparison {
    enum Tolerance {
        /// As promtool: the same number.
        case exact
        /// As promtool with `fuzzy_compare`: the same number or its neighbour.
        case neighbour
        case relative(Double)
    }

    let tolerance: Tolerance

    func matches(_ expected: [RuleTestFile.ExpressionCase.Expected], _ got: [RuleSample]) -> Bool {
        guard expected.count == got.count else { return false }
        var taken = [Bool](repeating: false, count: got.count)
        // Elements of one label set may come in any order.
        for wanted in expected {
            guard let index = got.indices.first(where: { !taken[$0] && matches(wanted, got[$0]) }) else { return false }
            taken[index] = true
        }
        return true
    }

    private func matches(_ expected: RuleTestFile.ExpressionCase.Expected, _ got: RuleSample) -> Bool {
        guard expected.labels == got.labels else { return false }
        switch (expected.histogram, got.value) {
        case (nil, .float(let value)): return isNear(expected.value, value)
        case (let (wanted, hasHint)?, .histogram(let histogram)):
            return matches(wanted, histogram, comparesHint: hasHint)
        default: return false
        }
    }

    func isNear(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        if left == right { return true }
        guard left.isFinite, right.isFinite else { return false }
        switch tolerance {
        case .exact: return false
        case .neighbour: return left.nextUp == right || left.nextDown == right
        case .relative(let share): return (left - right).magnitude <= max(left.magnitude, right.magnitude) * share
        }
    }

    private func matches(_ left: FloatHistogram, _ right: FloatHistogram, comparesHint: Bool) -> Bool {
        guard left.schema == right.schema, isNear(left.count, right.count), isNear(left.sum, right.sum),
            isNear(left.zeroThreshold, right.zeroThreshold), isNear(left.zeroCount, right.zeroCount),
            left.customValues.count == right.customValues.count,
            zip(left.customValues, right.customValues).allSatisfy({ isNear($0, $1) }),
            !comparesHint || left.counterResetHint == right.counterResetHint
        else { return false }
        return agree((left.positiveSpans, left.positiveBuckets), (right.positiveSpans, right.positiveBuckets))
            && agree((left.negativeSpans, left.negativeBuckets), (right.negativeSpans, right.negativeBuckets))
    }

    private typealias Side = (spans: [FloatHistogram.Span], counts: [Double])

    private func agree(_ left: Side, _ right: Side) -> Bool {
        let (left, right) = (Self.buckets(left), Self.buckets(right))
        return Set(left.keys).union(right.keys).allSatisfy { isNear(left[$0] ?? 0, right[$0] ?? 0) }
    }

    /// Counts by bucket index; empty buckets are as good as none.
    private static func buckets(_ side: Side) -> [Int64: Double] {
        var found: [Int64: Double] = [:]
        var index: Int64 = 0
        var position = 0
        for span in side.spans {
            index += Int64(span.offset)
            for _ in 0..<span.length where position < side.counts.count {
                if side.counts[position] != 0 { found[index] = side.counts[position] }
                position += 1
                index += 1
            }
        }
        return found
    }
}

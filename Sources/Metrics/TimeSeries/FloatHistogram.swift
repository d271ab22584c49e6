// SPDX-License-Identifier: Apache-2.0

/// A native histogram with absolute bucket counts, shaped like Prometheus's float histogram.
package struct FloatHistogram: Hashable, Sendable {
    /// A run of consecutive buckets, `offset` buckets after the end of the run before (or after bucket 0).
    package struct Span: Hashable, Sendable {
        package var offset: Int32
        package var length: UInt32

        package init(offset: Int32, length: UInt32) {
            self.offset = offset
            self.length = length
        }
    }

    package enum CounterResetHint: UInt8, Hashable, Sendable {
        case unknown, reset, noReset, gauge
    }

    /// The schema of histograms whose bucket bounds stand in `customValues`.
    package static let customBucketsSchema: Int32 = -53

    package var counterResetHint: CounterResetHint
    /// -4…8 for exponential buckets, or `customBucketsSchema`.
    package var schema: Int32
    package var zeroThreshold: Double
    package var zeroCount: Double
    package var count: Double
    package var sum: Double
    package var positiveSpans: [Span]
    package var negativeSpans: [Span]
    /// Absolute counts, one per bucket named by the spans.
    package var positiveBuckets: [Double]
    package var negativeBuckets: [Double]
    /// Upper bounds of custom buckets, ascending, without +Inf.
    package var customValues: [Double]

    package init(
        counterResetHint: CounterResetHint = .unknown,
        schema: Int32 = 0,
        zeroThreshold: Double = 0,
        zeroCount: Double = 0,
        count: Double = 0,
        sum: Double = 0,
        positiveSpans: [Span] = [],
        negativeSpans: [Span] = [],
        positiveBuckets: [Double] = [],
        negativeBuckets: [Double] = [],
        customValues: [Double] = []
    ) {
        self.counterResetHint = counterResetHint
        self.schema = schema
        self.zeroThreshold = zeroThreshold
        self.zeroCount = zeroCount
        self.count = count
        self.sum = sum
        self.positiveSpans = positiveSpans
        self.negativeSpans = negativeSpans
        self.positiveBuckets = positiveBuckets
        self.negativeBuckets = negativeBuckets
        self.customValues = customValues
    }

    package var usesCustomBuckets: Bool { schema == Self.customBucketsSchema }

    /// False when spans and buckets disagree, a span overlaps the one before, or the schema is unknown.
    package var isValid: Bool {
        guard usesCustomBuckets || (-4...8).contains(schema) else { return false }
        guard usesCustomBuckets || customValues.isEmpty else { return false }
        return Self.agree(positiveSpans, positiveBuckets) && Self.agree(negativeSpans, negativeBuckets)
    }

    private static func agree(_ spans: [Span], _ buckets: [Double]) -> Bool {
        var total: UInt64 = 0
        for (position, span) in spans.enumerated() {
            if position > 0, span.offset < 0 { return false }
            total += UInt64(span.length)
        }
        return total == UInt64(buckets.count)
    }
}

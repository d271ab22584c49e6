// SPDX-License-Identifier: Apache-2.0

/// An exponential histogram: populated buckets as runs in an endless ladder of bounds.
///
/// Bucket `i` of schema `s` ends at `2^(i × 2^-s)`. Counts are `Double` and exact up to 2^53; a histogram whose numbers
/// are whole is written with integer counts, unless `isFloat` says otherwise.
public struct NativeHistogram: Sendable, Hashable {
    /// A run of neighbouring buckets.
    public struct Span: Sendable, Hashable {
        /// The first bucket's index in the first span, the gap to the span before in the others.
        public var offset: Int32
        /// Buckets in the run.
        public var length: UInt32

        /// Creates a run.
        /// - Parameters:
        ///   - offset: index of the first bucket, or gap.
        ///   - length: buckets in the run.
        public init(offset: Int32, length: UInt32) {
            self.offset = offset
            self.length = length
        }
    }

    /// -4 (coarse) to 8 (fine).
    public var schema: Int32
    /// Observations between minus this and this are counted in `zeroCount`.
    public var zeroThreshold: Double
    /// Observations in the zero bucket.
    public var zeroCount: Double
    /// All observations.
    public var count: Double
    /// Sum of all observations.
    public var sum: Double
    /// Runs of buckets above zero; their lengths add up to `positiveCounts.count`.
    public var positiveSpans: [Span]
    /// Observations per bucket, not cumulative.
    public var positiveCounts: [Double]
    /// Runs of buckets below zero.
    public var negativeSpans: [Span]
    /// Observations per bucket, not cumulative.
    public var negativeCounts: [Double]
    /// Whether counts may be fractions.
    public var isFloat: Bool

    /// Creates a histogram.
    /// - Parameters:
    ///   - schema: resolution, -4 to 8.
    ///   - zeroThreshold: width of the zero bucket.
    ///   - zeroCount: observations in it.
    ///   - count: all observations.
    ///   - sum: their sum.
    ///   - positiveSpans: runs above zero.
    ///   - positiveCounts: counts of their buckets.
    ///   - negativeSpans: runs below zero.
    ///   - negativeCounts: counts of their buckets.
    ///   - isFloat: whether counts may be fractions.
    public init(
        schema: Int32,
        zeroThreshold: Double = 0,
        zeroCount: Double = 0,
        count: Double = 0,
        sum: Double = 0,
        positiveSpans: [Span] = [],
        positiveCounts: [Double] = [],
        negativeSpans: [Span] = [],
        negativeCounts: [Double] = [],
        isFloat: Bool = false
    ) {
        self.schema = schema
        self.zeroThreshold = zeroThreshold
        self.zeroCount = zeroCount
        self.count = count
        self.sum = sum
        self.positiveSpans = positiveSpans
        self.positiveCounts = positiveCounts
        self.negativeSpans = negativeSpans
        self.negativeCounts = negativeCounts
        self.isFloat = isFloat
    }
}

// SPDX-License-Identifier: Apache-2.0

/// A metric family as a value: for producers without prepared bytes, and for readers that want everything at once.
public struct MetricFamily: Sendable, Hashable {
    /// The name as queries use it: a counter's ends in `_total`, an info metric's in `_info`.
    public var name: String
    /// What it measures.
    public var kind: MetricKind
    /// What it is about.
    public var help: String?
    /// Base unit.
    public var unit: String?
    /// Its series.
    public var metrics: [Metric]

    /// Creates a family.
    /// - Parameters:
    ///   - name: as queries use it.
    ///   - kind: what it measures.
    ///   - help: what it is about.
    ///   - unit: base unit.
    ///   - metrics: its series.
    public init(name: String, kind: MetricKind, help: String? = nil, unit: String? = nil, metrics: [Metric] = []) {
        self.name = name
        self.kind = kind
        self.help = help
        self.unit = unit
        self.metrics = metrics
    }
}

/// One series of a family.
public struct Metric: Sendable, Hashable {
    /// What was measured.
    public enum Value: Sendable, Hashable {
        /// A counter, a gauge, an info metric, one state, or an untyped number.
        case number(Double)
        /// A histogram.
        case histogram(MetricHistogram)
        /// A summary.
        case summary(MetricSummary)
    }

    /// Labels without `le` and `quantile`.
    public var labels: SeriesLabels
    /// What was measured.
    public var value: Value
    /// When it was so, in milliseconds of Unix time, if the producer says.
    public var timestampMilliseconds: Int64?
    /// When it was zero or empty, in milliseconds of Unix time.
    public var createdMilliseconds: Int64?
    /// A counter's exemplar.
    public var exemplar: Exemplar?

    /// Creates a series.
    /// - Parameters:
    ///   - labels: without `le` and `quantile`.
    ///   - value: what was measured.
    ///   - timestampMilliseconds: when it was so.
    ///   - createdMilliseconds: when it was zero or empty.
    ///   - exemplar: a counter's exemplar.
    public init(
        labels: SeriesLabels = .none,
        value: Value,
        timestampMilliseconds: Int64? = nil,
        createdMilliseconds: Int64? = nil,
        exemplar: Exemplar? = nil
    ) {
        self.labels = labels
        self.value = value
        self.timestampMilliseconds = timestampMilliseconds
        self.createdMilliseconds = createdMilliseconds
        self.exemplar = exemplar
    }
}

/// A histogram's numbers: classic buckets, a native histogram, or both.
public struct MetricHistogram: Sendable, Hashable {
    /// One classic bucket.
    public struct Bucket: Sendable, Hashable {
        /// Inclusive; the last is `+Inf`.
        public var upperBound: Double
        /// Observations up to the bound; a fraction only in float histograms.
        public var cumulativeCount: Double
        /// An observation of this bucket.
        public var exemplar: Exemplar?

        /// Creates a bucket.
        /// - Parameters:
        ///   - upperBound: inclusive.
        ///   - cumulativeCount: observations up to it.
        ///   - exemplar: an observation of this bucket.
        public init(upperBound: Double, cumulativeCount: Double, exemplar: Exemplar? = nil) {
            self.upperBound = upperBound
            self.cumulativeCount = cumulativeCount
            self.exemplar = exemplar
        }
    }

    /// All observations.
    public var count: Double
    /// Their sum.
    public var sum: Double
    /// Classic buckets, ascending; empty for a purely native histogram.
    public var buckets: [Bucket]
    /// The native histogram, if there is one.
    public var native: NativeHistogram?
    /// Exemplars of the native histogram.
    public var nativeExemplars: [Exemplar]

    /// Creates a histogram.
    /// - Parameters:
    ///   - count: all observations.
    ///   - sum: their sum.
    ///   - buckets: classic buckets.
    ///   - native: the native histogram.
    ///   - nativeExemplars: its exemplars.
    public init(
        count: Double,
        sum: Double,
        buckets: [Bucket] = [],
        native: NativeHistogram? = nil,
        nativeExemplars: [Exemplar] = []
    ) {
        self.count = count
        self.sum = sum
        self.buckets = buckets
        self.native = native
        self.nativeExemplars = nativeExemplars
    }
}

/// A summary's numbers.
public struct MetricSummary: Sendable, Hashable {
    /// One quantile.
    public struct Quantile: Sendable, Hashable {
        /// 0 to 1.
        public var quantile: Double
        /// The observation there.
        public var value: Double

        /// Creates a quantile.
        /// - Parameters:
        ///   - quantile: 0 to 1.
        ///   - value: the observation there.
        public init(quantile: Double, value: Double) {
            self.quantile = quantile
            self.value = value
        }
    }

    /// All observations.
    public var count: Double
    /// Their sum.
    public var sum: Double
    /// Quantiles, ascending.
    public var quantiles: [Quantile]

    /// Creates a summary.
    /// - Parameters:
    ///   - count: all observations.
    ///   - sum: their sum.
    ///   - quantiles: ascending.
    public init(count: Double, sum: Double, quantiles: [Quantile] = []) {
        self.count = count
        self.sum = sum
        self.quantiles = quantiles
    }
}

// SPDX-License-Identifier: Apache-2.0

/// What the histograms of a family share: classic buckets, native buckets, or both at once.
public struct HistogramConfiguration: Sendable, Equatable {
    /// How native (exponential) buckets grow and when they get coarser.
    public struct Native: Sendable, Equatable {
        /// Resolution at the start: bucket bounds are `2^(2^-schema)` apart. -4 to 8.
        public var schema: Int
        /// Populated buckets allowed; beyond it the resolution is halved.
        public var bucketLimit: Int
        /// Observations between minus this and this count as zero.
        public var zeroThreshold: Double

        /// Creates options. Values outside their range are brought into it.
        /// - Parameters:
        ///   - schema: -4 (coarse) to 8 (fine); 3 keeps an error below 9 %.
        ///   - bucketLimit: populated buckets, 16 to 1,000.
        ///   - zeroThreshold: width of the zero bucket, finite and not negative.
        public init(schema: Int = 3, bucketLimit: Int = 160, zeroThreshold: Double = 2.938735877055719e-39) {
            self.schema = min(max(schema, -4), 8)
            self.bucketLimit = min(max(bucketLimit, 16), 1_000)
            self.zeroThreshold = zeroThreshold >= 0 && zeroThreshold < .infinity ? zeroThreshold : 0
        }
    }

    /// Upper bounds of the classic buckets; nil for a purely native histogram.
    public var bounds: [Double]?
    /// Native buckets, if any.
    public var native: Native?
    /// Whether each observation looks for a trace in the task's `ServiceContext` and keeps it as an exemplar.
    public var keepsTraceExemplars: Bool

    /// Creates a configuration.
    /// - Parameters:
    ///   - bounds: ascending, finite, at most 500; nil for none.
    ///   - native: native buckets, if any.
    ///   - keepsTraceExemplars: whether to keep the current trace as an example.
    public init(bounds: [Double]?, native: Native? = nil, keepsTraceExemplars: Bool = false) {
        self.bounds = bounds
        self.native = native
        self.keepsTraceExemplars = keepsTraceExemplars
    }

    /// Durations in seconds, from 5 ms to 10 s with edges at 0.1, 0.25, 0.5 and 1: OpenTelemetry's advice for HTTP.
    public static let latency = HistogramConfiguration(
        bounds: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    )
    /// Durations in seconds of what should take microseconds: 1 µs to 1 s.
    public static let fastLatency = HistogramConfiguration(
        bounds: [
            0.000001, 0.00001, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
            0.5, 1,
        ]
    )
    /// Sizes in bytes, 64 B to 64 MiB by powers of four.
    public static let bytes = HistogramConfiguration(bounds: (0...10).map { Double(64 << (2 * $0)) })

    /// Native buckets alone.
    /// - Parameter native: how they grow.
    public static func native(_ native: Native = Native()) -> HistogramConfiguration {
        HistogramConfiguration(bounds: nil, native: native)
    }

    /// Classic buckets alone.
    /// - Parameter bounds: ascending, finite, at most 500.
    public static func buckets(_ bounds: [Double]) -> HistogramConfiguration {
        HistogramConfiguration(bounds: bounds)
    }

    /// The same with native buckets besides.
    /// - Parameter native: how they grow.
    public func withNative(_ native: Native = Native()) -> HistogramConfiguration {
        var copy = self
        copy.native = native
        return copy
    }

    /// The same with trace exemplars.
    public func withTraceExemplars() -> HistogramConfiguration {
        var copy = self
        copy.keepsTraceExemplars = true
        return copy
    }

    /// The longest list of classic bounds.
    static let longestBounds = 500

    /// What is wrong with it, if anything.
    var problem: String? {
        guard let bounds else { return native == nil ? "neither classic nor native buckets" : nil }
        if bounds.isEmpty, native == nil { return "no buckets" }
        if bounds.count > Self.longestBounds { return "more than \(Self.longestBounds) buckets" }
        if bounds.contains(where: { !$0.isFinite }) { return "a bound is not a finite number" }
        if zip(bounds, bounds.dropFirst()).contains(where: { $0 >= $1 }) { return "bounds are not ascending" }
        return nil
    }
}

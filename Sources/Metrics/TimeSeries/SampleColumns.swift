// SPDX-License-Identifier: Apache-2.0

/// Samples of one series as parallel columns, oldest first; kept and used again from series to series.
package struct SampleColumns: Sendable {
    package var timestamps: [Timestamp] = []
    /// The float of each sample; a stale marker stands here as a value, a histogram as 0.
    package var values: [Double] = []
    /// Empty when every sample is a float; parallel to `values` otherwise, nil where the sample is a float.
    package var histograms: [FloatHistogram?] = []

    package init() {}

    package var count: Int { timestamps.count }
    package var isEmpty: Bool { timestamps.isEmpty }

    package func value(at index: Int) -> SampleValue {
        if !histograms.isEmpty, let histogram = histograms[index] { return .histogram(histogram) }
        return .float(values[index])
    }

    package mutating func removeAll(keepingCapacity: Bool = true) {
        timestamps.removeAll(keepingCapacity: keepingCapacity)
        values.removeAll(keepingCapacity: keepingCapacity)
        histograms.removeAll(keepingCapacity: keepingCapacity)
    }

    package mutating func append(_ value: Double, at timestamp: Timestamp) {
        timestamps.append(timestamp)
        values.append(value)
        if !histograms.isEmpty { histograms.append(nil) }
    }

    package mutating func append(_ histogram: FloatHistogram, at timestamp: Timestamp) {
        if histograms.isEmpty { histograms = Array(repeating: nil, count: timestamps.count) }
        timestamps.append(timestamp)
        values.append(0)
        histograms.append(histogram)
    }
}

/// A counter over one window, enough for `rate` and `increase` without walking the samples.
///
/// Stale markers are not counted; everything else is.
package struct CounterWindow: Hashable, Sendable {
    package var count: Int
    package var firstTimestamp: Timestamp
    package var firstValue: Double
    package var lastTimestamp: Timestamp
    package var lastValue: Double
    /// Last minus first, plus the value before each reset between them.
    package var increase: Double

    package init(
        count: Int,
        firstTimestamp: Timestamp,
        firstValue: Double,
        lastTimestamp: Timestamp,
        lastValue: Double,
        increase: Double
    ) {
        self.count = count
        self.firstTimestamp = firstTimestamp
        self.firstValue = firstValue
        self.lastTimestamp = lastTimestamp
        self.lastValue = lastValue
        self.increase = increase
    }
}

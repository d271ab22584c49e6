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

    /// Takes the floats out that are stale markers.
    package mutating func removeStale() {
        guard var kept = values.firstIndex(where: StaleMarker.isStale) else { return }
        for index in kept..<count where !StaleMarker.isStale(values[index]) {
            timestamps[kept] = timestamps[index]
            values[kept] = values[index]
            if !histograms.isEmpty { histograms[kept] = histograms[index] }
            kept += 1
        }
        let gone = count - kept
        timestamps.removeLast(gone)
        values.removeLast(gone)
        if !histograms.isEmpty { histograms.removeLast(gone) }
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

extension SampleColumns {
    /// Adds floats, all of them at once.
    mutating func append(_ newTimestamps: UnsafeBufferPointer<Timestamp>, _ newValues: UnsafeBufferPointer<Double>) {
        unsafe timestamps.append(contentsOf: newTimestamps)
        unsafe values.append(contentsOf: newValues)
        if !histograms.isEmpty { histograms.append(contentsOf: repeatElement(nil, count: newValues.count)) }
    }

    /// Takes in the samples of another, so that what stands from `first` on is in the order of time.
    mutating func merge(_ other: SampleColumns, from first: Int) {
        guard !other.isEmpty else { return }
        var merged = SampleColumns()
        var ours = first, theirs = 0
        while ours < count || theirs < other.count {
            if theirs == other.count || (ours < count && timestamps[ours] <= other.timestamps[theirs]) {
                if theirs < other.count, timestamps[ours] == other.timestamps[theirs] { theirs += 1 }
                merged.append(value(at: ours), at: timestamps[ours])
                ours += 1
            } else {
                merged.append(other.value(at: theirs), at: other.timestamps[theirs])
                theirs += 1
            }
        }
        timestamps.removeLast(count - first)
        values.removeLast(values.count - first)
        if !histograms.isEmpty { histograms.removeLast(histograms.count - first) }
        for index in 0..<merged.count { append(merged.value(at: index), at: merged.timestamps[index]) }
    }

    package mutating func append(_ value: SampleValue, at timestamp: Timestamp) {
        switch value {
        case .float(let value): append(value, at: timestamp)
        case .histogram(let histogram): append(histogram, at: timestamp)
        }
    }

    /// The same as `StoreReader.counterWindow`, by walking all samples.
    var counterWindow: CounterWindow? {
        guard histograms.isEmpty else { return nil }
        var window: CounterWindow?
        for (value, timestamp) in zip(values, timestamps) where !StaleMarker.isStale(value) {
            guard value.isFinite else { return nil }
            guard var known = window else {
                window = CounterWindow(
                    count: 1,
                    firstTimestamp: timestamp,
                    firstValue: value,
                    lastTimestamp: timestamp,
                    lastValue: value,
                    increase: 0
                )
                continue
            }
            known.count += 1
            if value < known.lastValue { known.increase += known.lastValue }
            known.lastValue = value
            known.lastTimestamp = timestamp
            window = known
        }
        guard var window else { return nil }
        window.increase += window.lastValue - window.firstValue
        return window
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

/// The sum of the values before each reset of a counter, from which a later sum is subtracted.
package enum ResetSum {
    /// Whether a sum still holds resets of the size of `value` with seven digits: what one huge value once made of it
    /// swallows the small ones that follow.
    package static func isPrecise(_ sum: Double, beside value: Double) -> Bool {
        sum.magnitude / 1e8 <= max(1, value.magnitude) && sum.isFinite
    }
}

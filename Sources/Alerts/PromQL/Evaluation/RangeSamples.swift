// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// The samples of one series that a range function looks at: floats and histograms apart, and a window on both.
struct RangeSamples {
    private(set) var times: [Int64] = []
    private(set) var values: [Double] = []
    private(set) var histogramTimes: [Int64] = []
    private(set) var histograms: [FloatHistogram] = []
    /// The window.
    private(set) var floats: Range<Int> = 0..<0
    private(set) var histogramRange: Range<Int> = 0..<0

    init() {}

    mutating func fill(from columns: SampleColumns) {
        clear()
        times.reserveCapacity(columns.count)
        values.reserveCapacity(columns.count)
        if columns.histograms.isEmpty {
            for index in 0..<columns.count where !StaleMarker.isStale(columns.values[index]) {
                times.append(columns.timestamps[index].milliseconds)
                values.append(columns.values[index])
            }
        } else {
            for index in 0..<columns.count {
                append(columns.value(at: index), at: columns.timestamps[index].milliseconds)
            }
        }
        showAll()
    }

    mutating func clear() {
        times.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        histogramTimes.removeAll(keepingCapacity: true)
        histograms.removeAll(keepingCapacity: true)
    }

    mutating func append(_ value: SampleValue, at time: Int64) {
        switch value {
        case .float(let float):
            guard !StaleMarker.isStale(float) else { return }
            times.append(time)
            values.append(float)
        case .histogram(let histogram):
            guard !StaleMarker.isStale(histogram.sum) else { return }
            histogramTimes.append(time)
            histograms.append(histogram)
        }
    }

    mutating func showAll() {
        floats = 0..<times.count
        histogramRange = 0..<histogramTimes.count
    }

    var isEmpty: Bool { floats.isEmpty && histogramRange.isEmpty }
    var count: Int { floats.count + histogramRange.count }

    /// Moves the window to `start < time <= end`; both must not go back from call to call, or `showAll` comes between.
    mutating func narrow(after start: Int64, through end: Int64) {
        floats = Self.narrowed(times, from: floats.lowerBound, after: start, through: end)
        histogramRange = Self.narrowed(histogramTimes, from: histogramRange.lowerBound, after: start, through: end)
    }

    private static func narrowed(_ times: [Int64], from hint: Int, after start: Int64, through end: Int64) -> Range<Int>
    {
        if times.isEmpty { return 0..<0 }
        var low = hint
        if low > 0, times[low - 1] > start { low = 0 }
        while low < times.count, times[low] <= start { low += 1 }
        var high = low
        // Steps are small against ranges: from the far end it is usually shorter.
        if let last = times.last, last <= end {
            high = times.count
        } else {
            var top = times.count
            while high < top {
                let middle = (high + top) / 2
                if times[middle] <= end { high = middle + 1 } else { top = middle }
            }
        }
        return low..<Swift.max(low, high)
    }

    /// Everything in the window in the order of time.
    var timedValues: [SeriesSamples.TimedValue] {
        var result: [SeriesSamples.TimedValue] = []
        result.reserveCapacity(count)
        forEachInOrder { time, value in
            result.append(SeriesSamples.TimedValue(timestamp: Timestamp(milliseconds: time), value: value))
        }
        return result
    }

    func forEachInOrder(_ body: (Int64, SampleValue) -> Void) {
        var float = floats.lowerBound
        var histogram = histogramRange.lowerBound
        while float < floats.upperBound || histogram < histogramRange.upperBound {
            let takesFloat =
                histogram >= histogramRange.upperBound
                || (float < floats.upperBound && times[float] < histogramTimes[histogram])
            if takesFloat {
                body(times[float], .float(values[float]))
                float += 1
            } else {
                body(histogramTimes[histogram], .histogram(histograms[histogram]))
                histogram += 1
            }
        }
    }

    /// The value on the line between the neighbours of `moment`; the last one goes on if nothing follows.
    func interpolated(at moment: Int64) -> SampleValue? {
        let all = timedValues
        let index = all.firstIndex { $0.timestamp.milliseconds >= moment } ?? all.count
        if index < all.count, all[index].timestamp.milliseconds == moment { return all[index].value }
        guard index > 0 else { return nil }
        guard index < all.count else { return all[index - 1].value }
        let left = (time: all[index - 1].timestamp.milliseconds, value: all[index - 1].value)
        let right = (time: all[index].timestamp.milliseconds, value: all[index].value)
        return Interpolation.value(left, right, at: moment, isCounter: false)
    }

    /// Cuts or stretches the floats to the bounds, for a query that asks for the extended range itself.
    mutating func extend(from start: Int64, through end: Int64, isSmoothed: Bool) {
        let all = timedValues
        guard let extended = ExtendedRange(all, from: start, through: end, isSmoothed: isSmoothed, isCounter: false)
        else {
            clear()
            showAll()
            return
        }
        clear()
        append(extended.left, at: start)
        for sample in extended.inside { append(sample.value, at: sample.timestamp.milliseconds) }
        append(extended.right, at: end)
        showAll()
    }
}

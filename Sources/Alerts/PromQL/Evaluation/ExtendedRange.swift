// SPDX-License-Identifier: Apache-2.0

import TimeSeries

enum Interpolation {
    /// The value at `moment` on the line from `left` to `right`; a counter that fell started again from zero. Nil for a
    /// float and a histogram, or histograms that cannot be put together.
    static func value(
        _ left: (time: Int64, value: SampleValue),
        _ right: (time: Int64, value: SampleValue),
        at moment: Int64,
        isCounter: Bool
    ) -> SampleValue? {
        let fraction = (Double(moment) - Double(left.time)) / (Double(right.time) - Double(left.time))
        switch (left.value, right.value) {
        case (.float(let first), .float(let second)):
            let start = isCounter && second < first ? 0 : first
            let (passed, whole) = (Double(moment) - Double(left.time), Double(right.time) - Double(left.time))
            return .float(start + (second - start) * passed / whole)
        case (.histogram(let first), .histogram(let second)):
            var result = second
            if isCounter, second.isReset(after: first) {
                result.multiply(by: fraction)
            } else {
                guard (try? result.subtract(first)) != nil else { return nil }
                result.multiply(by: fraction)
                guard (try? result.add(first)) != nil else { return nil }
            }
            result.counterResetHint =
                first.counterResetHint == .gauge || second.counterResetHint == .gauge ? .gauge : .unknown
            return .histogram(result.compacted())
        default: return nil
        }
    }
}

/// A range with values at exactly its two ends: for `anchored` the nearest samples, for `smoothed` interpolated ones.
struct ExtendedRange {
    let left: SampleValue
    let right: SampleValue
    /// Samples truly between the ends.
    let inside: ArraySlice<SeriesSamples.TimedValue>
    /// The counter restarted on the way from `left` to the first inside; interpolation has seen to it otherwise.
    private let mayResetAfterLeft: Bool
    /// The sample behind the end that `right` was interpolated with.
    private let beyond: SampleValue?

    /// Nil when the range holds nothing.
    init?(
        _ all: [SeriesSamples.TimedValue],
        from start: Int64,
        through end: Int64,
        isSmoothed: Bool,
        isCounter: Bool
    ) {
        guard let newest = all.last else { return nil }
        let lastIndex = all.count - 1
        let time = { (index: Int) in all[index].timestamp.milliseconds }
        let after = all.firstIndex { $0.timestamp.milliseconds > start } ?? all.count
        var first = Swift.max(0, Swift.min(after, lastIndex) - 1)
        if after == all.count, newest.timestamp.milliseconds <= start { return nil }
        var last = lastIndex
        if isSmoothed {
            let found = all.firstIndex { $0.timestamp.milliseconds >= end } ?? lastIndex
            last = Swift.min(found, lastIndex)
        }
        guard time(last) > start, time(first) <= end else { return nil }
        if after > 0, after <= lastIndex { first = after - 1 }
        let pair = { (index: Int) in (time: time(index), value: all[index].value) }
        var mayResetAfterLeft = true
        if isSmoothed, time(first) < start, first < lastIndex {
            guard let value = Interpolation.value(pair(first), pair(first + 1), at: start, isCounter: isCounter) else {
                return nil
            }
            left = value
            mayResetAfterLeft = false
        } else {
            left = all[first].value
        }
        if isSmoothed, last > 0, time(last) > end {
            guard let value = Interpolation.value(pair(last - 1), pair(last), at: end, isCounter: isCounter) else {
                return nil
            }
            right = value
            beyond = all[last].value
        } else {
            right = all[last].value
            beyond = nil
        }
        let lower = time(first) <= start ? first + 1 : first
        let upper = time(last) >= end ? last : last + 1
        inside = lower < upper ? all[lower..<upper] : []
        self.mayResetAfterLeft = mayResetAfterLeft
    }

    /// What a counter grew by, resets counted; nil for floats and histograms mixed.
    func increase(isCounter: Bool) throws(IncompatibleHistograms) -> SampleValue? {
        switch (left, right) {
        case (.float(let first), .float(let last)):
            var result = last - first
            guard isCounter else { return .float(result) }
            var previous = first
            for sample in inside {
                guard case .float(let value) = sample.value else { return nil }
                if value < previous { result += previous }
                previous = value
            }
            if last < previous { result += previous }
            return .float(result)
        case (.histogram(let first), .histogram(let last)): return try increase(first, last, isCounter)
        default: return nil
        }
    }

    private func increase(
        _ first: FloatHistogram,
        _ last: FloatHistogram,
        _ isCounter: Bool
    ) throws(IncompatibleHistograms) -> SampleValue? {
        var result = last
        try result.subtract(first)
        if isCounter {
            var previous = first
            var isFirst = true
            for sample in inside {
                guard case .histogram(let value) = sample.value else { return nil }
                if !isFirst || mayResetAfterLeft, value.isReset(after: previous) { try result.add(previous) }
                previous = value
                isFirst = false
            }
            let next: FloatHistogram
            if case .histogram(let behind)? = beyond { next = behind } else { next = last }
            if !isFirst || mayResetAfterLeft, next.isReset(after: previous) { try result.add(previous) }
        }
        result.counterResetHint = .gauge
        return .histogram(result.compacted())
    }
}

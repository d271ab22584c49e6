// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// What a range function is told about the series and the step that it works on.
struct RangeCall {
    let function: RangeFunction
    /// The argument's bytes, which remarks point at.
    let range: Range<Int>
    /// The parameter's bytes, for functions that have one before the range.
    let parameterRange: Range<Int>
    /// Length of the range in milliseconds.
    let length: Int64
    let isAnchored: Bool
    let isSmoothed: Bool
    /// A name that is no counter's is worth a remark.
    let remarksOnNames: Bool
    /// `__type__` says what is a counter, instead of the name.
    let readsTypeLabel: Bool
    /// The metric name, for remarks.
    var name = ""
    /// The step's own time.
    var time: Int64 = 0
    /// Bounds of the range: `start < t <= end`.
    var start: Int64 = 0
    var end: Int64 = 0
    /// The scalar arguments at this step.
    var parameters: (Double, Double) = (0, 0)

    var isExtended: Bool { isAnchored || isSmoothed }
}

/// The functions over the samples of a range; nil where the range has too little for an answer.
enum RangeFunctions {
    static func evaluate(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) throws(QueryError) -> SampleValue? {
        switch call.function {
        case .rate, .increase, .delta: return Rates.extrapolated(call, samples, &annotations)
        case .irate, .idelta: return Rates.instant(call, samples, &annotations)
        case .changes, .resets: return Transitions.count(call, samples)
        case .sum, .avg: return Sums.evaluate(call, samples, &annotations)
        case .count: return .float(Double(samples.count))
        case .present, .absent: return .float(1)
        case .first, .last, .timeOfFirst, .timeOfLast: return Edges.evaluate(call.function, samples)
        case .deriv, .predictLinear: return Regressions.evaluate(call, samples, &annotations)
        case .doubleExponentialSmoothing: return try Regressions.smooth(call, samples, &annotations)
        case .min, .max, .timeOfMin, .timeOfMax, .mad, .quantile, .stddev, .stdvar:
            return Statistics.evaluate(call, samples, &annotations)
        }
    }
}

/// The oldest and newest sample.
enum Edges {
    static func evaluate(_ function: RangeFunction, _ samples: RangeSamples) -> SampleValue? {
        let (floats, histograms) = (samples.floats, samples.histogramRange)
        let isFirst = function == .first || function == .timeOfFirst
        let float = floats.isEmpty ? nil : isFirst ? floats.lowerBound : floats.upperBound - 1
        let histogram = histograms.isEmpty ? nil : isFirst ? histograms.lowerBound : histograms.upperBound - 1
        let takesFloat: Bool
        switch (float, histogram) {
        case (nil, nil): return nil
        case (_?, nil): takesFloat = true
        case (nil, _?): takesFloat = false
        case (let float?, let histogram?):
            let (ours, theirs) = (samples.times[float], samples.histogramTimes[histogram])
            takesFloat = isFirst ? ours < theirs : ours > theirs
        }
        if function == .first || function == .last {
            if takesFloat { return float.map { .float(samples.values[$0]) } }
            return histogram.map { .histogram(samples.histograms[$0]) }
        }
        let time = takesFloat ? float.map { samples.times[$0] } : histogram.map { samples.histogramTimes[$0] }
        return time.map { .float(Double($0) / 1000) }
    }
}

/// How often neighbours differ, or fall.
enum Transitions {
    static func count(_ call: RangeCall, _ samples: RangeSamples) -> SampleValue? {
        guard !samples.isEmpty else { return nil }
        if samples.histogramRange.isEmpty, !call.isAnchored { return .float(Double(floatCount(call, samples))) }
        var all = samples.timedValues[...]
        if call.isAnchored {
            guard let last = all.last, last.timestamp.milliseconds > call.start else { return nil }
            let after = all.firstIndex { $0.timestamp.milliseconds > call.start } ?? all.endIndex
            all = all[Swift.max(all.startIndex, after - 1)...]
        }
        var count = 0
        guard var previous = all.first?.value else { return nil }
        for sample in all.dropFirst() {
            if isTransition(call.function, previous, sample.value) { count += 1 }
            previous = sample.value
        }
        return .float(Double(count))
    }

    private static func floatCount(_ call: RangeCall, _ samples: RangeSamples) -> Int {
        var count = 0
        var previous = samples.values[samples.floats.lowerBound]
        for index in samples.floats.dropFirst() {
            let value = samples.values[index]
            if call.function == .resets {
                if value < previous { count += 1 }
            } else if value != previous, !(value.isNaN && previous.isNaN) {
                count += 1
            }
            previous = value
        }
        return count
    }

    private static func isTransition(_ function: RangeFunction, _ previous: SampleValue, _ next: SampleValue) -> Bool {
        switch (previous, next) {
        case (.float(let old), .float(let new)):
            return function == .resets ? new < old : new != old && !(new.isNaN && old.isNaN)
        case (.histogram(let old), .histogram(let new)):
            return function == .resets ? new.isReset(after: old) : !new.holdsSame(as: old)
        default: return true
        }
    }
}

/// Sums and means over time.
enum Sums {
    static func evaluate(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) -> SampleValue? {
        guard !samples.isEmpty else { return nil }
        if !samples.floats.isEmpty, !samples.histogramRange.isEmpty {
            annotations.mixedFloatsAndHistograms(name: call.name, call.range)
            return nil
        }
        if samples.floats.isEmpty { return histograms(call, samples, &annotations) }
        if call.function == .sum {
            var sum = KahanSum()
            for index in samples.floats { sum.add(samples.values[index]) }
            return .float(sum.value)
        }
        var mean = KahanMean()
        for index in samples.floats { mean.add(samples.values[index]) }
        return .float(mean.value)
    }

    private static func histograms(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) -> SampleValue? {
        let first = samples.histograms[samples.histogramRange.lowerBound]
        var hints = ResetHints()
        var reconciled = false
        hints.see(first)
        var sum = HistogramSum(first)
        var mean = HistogramMean(first)
        do throws(IncompatibleHistograms) {
            for index in samples.histogramRange.dropFirst() {
                let histogram = samples.histograms[index]
                hints.see(histogram)
                let result =
                    call.function == .sum ? try sum.add(histogram) : try mean.add(histogram)
                reconciled = reconciled || result.boundsReconciled
            }
        } catch {
            annotations.mixedExponentialAndCustom(name: call.name, call.range)
            return nil
        }
        if hints.collide { annotations.counterResetCollision("aggregation", call.range) }
        if reconciled { annotations.mismatchedCustomBuckets("aggregation", call.range) }
        return .histogram(call.function == .sum ? sum.value : mean.value)
    }
}

/// Whether both kinds of reset hints were among some histograms.
struct ResetHints {
    private var sawReset = false
    private var sawNoReset = false

    mutating func see(_ histogram: FloatHistogram) {
        if histogram.counterResetHint == .reset { sawReset = true }
        if histogram.counterResetHint == .noReset { sawNoReset = true }
    }

    var collide: Bool { sawReset && sawNoReset }
}

/// A mean that is plain while the sum fits and incremental from where it would overflow.
struct KahanMean {
    private(set) var sum = KahanSum()
    private var mean = KahanSum()
    private(set) var count = 0.0
    private var isIncremental = false

    init() {}

    init(sum: Double, compensation: Double, count: Double) {
        self.sum = KahanSum(sum: sum, compensation: compensation)
        self.count = count
    }

    @inline(__always)
    mutating func add(_ value: Double) {
        count += 1
        if !isIncremental {
            var next = sum
            next.add(value)
            if !next.sum.isInfinite || count == 1 {
                sum = next
                return
            }
            isIncremental = true
            mean = KahanSum(sum: sum.sum / (count - 1), compensation: sum.compensation / (count - 1))
        }
        let share = (count - 1) / count
        mean.sum *= share
        mean.compensation *= share
        mean.add(value / count)
    }

    var value: Double {
        if isIncremental { return mean.sum + mean.compensation }
        return sum.sum / count + sum.compensation / count
    }
}

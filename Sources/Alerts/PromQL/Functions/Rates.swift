// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// `rate`, `increase`, `delta`, `irate`, `idelta`.
enum Rates {
    /// How much of the range the samples cover, and by what the increase between them grows for all of it.
    @inline(__always)
    static func extrapolationFactor(
        count: Int,
        firstTime: Int64,
        lastTime: Int64,
        start: Int64,
        end: Int64,
        zeroAt fraction: Double?
    ) -> Double {
        let sampled = (Double(lastTime) - Double(firstTime)) / 1000
        let average = sampled / Double(count - 1)
        let threshold = average * 1.1
        var toStart = (Double(firstTime) - Double(start)) / 1000
        var toEnd = (Double(end) - Double(lastTime)) / 1000
        if toStart >= threshold { toStart = average / 2 }
        // A counter cannot have been below zero: no further back than to where it started.
        if let fraction {
            let toZero = sampled * fraction
            if toZero < toStart { toStart = toZero }
        }
        if toEnd >= threshold { toEnd = average / 2 }
        return (sampled + toStart + toEnd) / sampled
    }

    /// From the totals that the store keeps, without looking at the samples.
    @inline(__always)
    static func extrapolated(_ function: RangeFunction, _ window: CounterWindow, start: Int64, end: Int64) -> Double? {
        guard window.count > 1 else { return nil }
        let increase = function == .delta ? window.lastValue - window.firstValue : window.increase
        let startsAtZero = function != .delta && increase > 0 && window.firstValue >= 0
        let factor = extrapolationFactor(
            count: window.count,
            firstTime: window.firstTimestamp.milliseconds,
            lastTime: window.lastTimestamp.milliseconds,
            start: start,
            end: end,
            zeroAt: startsAtZero ? window.firstValue / increase : nil
        )
        if function == .rate { return increase * (factor / ((Double(end) - Double(start)) / 1000)) }
        return increase * factor
    }

    static func extrapolated(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) -> SampleValue? {
        if !samples.floats.isEmpty, !samples.histogramRange.isEmpty {
            annotations.mixedFloatsAndHistograms(name: call.name, call.range)
            return nil
        }
        if call.isExtended { return extended(call, samples, &annotations) }
        if samples.histogramRange.count > 1 { return histograms(call, samples, &annotations) }
        guard samples.floats.count > 1 else { return nil }
        let (first, last) = (samples.floats.lowerBound, samples.floats.upperBound - 1)
        var increase = samples.values[last] - samples.values[first]
        if call.function != .delta {
            var previous = samples.values[first]
            for index in (first + 1)...last {
                let value = samples.values[index]
                if value < previous { increase += previous }
                previous = value
            }
        }
        let startsAtZero = call.function != .delta && increase > 0 && samples.values[first] >= 0
        var factor = extrapolationFactor(
            count: samples.floats.count,
            firstTime: samples.times[first],
            lastTime: samples.times[last],
            start: call.start,
            end: call.end,
            zeroAt: startsAtZero ? samples.values[first] / increase : nil
        )
        if call.function == .rate { factor /= Double(call.length) / 1000 }
        return .float(increase * factor)
    }

    private static func histograms(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) -> SampleValue? {
        let points = samples.histograms[samples.histogramRange]
        let isCounter = call.function != .delta
        guard let firstPoint = points.first, let last = points.last,
            var result = growth(points, call, &annotations)
        else { return nil }
        let times = samples.histogramRange
        let startsAtZero = isCounter && result.count > 0 && firstPoint.count >= 0
        var factor = extrapolationFactor(
            count: points.count,
            firstTime: samples.histogramTimes[times.lowerBound],
            lastTime: samples.histogramTimes[times.upperBound - 1],
            start: call.start,
            end: call.end,
            zeroAt: startsAtZero ? firstPoint.count / result.count : nil
        )
        if !isCounter, firstPoint.counterResetHint != .gauge || last.counterResetHint != .gauge {
            annotations.histogramIsNotGauge(name: call.name, call.range)
        }
        if call.function == .rate { factor /= Double(call.length) / 1000 }
        result.multiply(by: factor)
        return .histogram(result)
    }

    /// What the histograms grew by, resets counted.
    private static func growth(
        _ points: ArraySlice<FloatHistogram>,
        _ call: RangeCall,
        _ annotations: inout AnnotationSet
    ) -> FloatHistogram? {
        let isCounter = call.function != .delta
        guard var previous = points.first, let last = points.last else { return nil }
        if isCounter, points.contains(where: { $0.counterResetHint == .gauge }) {
            annotations.histogramIsNotCounter(name: call.name, call.range)
        }
        // A reset right after the first one makes its layout irrelevant.
        if isCounter {
            let second = points[points.startIndex + 1]
            if second.isReset(after: previous) {
                previous = FloatHistogram(schema: second.schema, customValues: second.customValues)
            }
        }
        do throws(IncompatibleHistograms) {
            if last.usesCustomBuckets != previous.usesCustomBuckets { throw IncompatibleHistograms() }
            if isCounter, points.dropFirst().contains(where: { $0.usesCustomBuckets != last.usesCustomBuckets }) {
                throw IncompatibleHistograms()
            }
            var result = last
            var reconciled = try result.subtract(previous).boundsReconciled
            if reconciled { annotations.mismatchedCustomBuckets("subtraction", call.range) }
            if isCounter {
                for current in points.dropFirst() {
                    if current.isReset(after: previous) {
                        reconciled = try result.add(previous).boundsReconciled
                        if reconciled { annotations.mismatchedCustomBuckets("addition", call.range) }
                    }
                    previous = current
                }
            }
            result.counterResetHint = .gauge
            result.compact()
            return result
        } catch {
            annotations.mixedExponentialAndCustom(name: call.name, call.range)
            return nil
        }
    }

    /// `anchored` and `smoothed`: between exact ends, nothing to extrapolate.
    private static func extended(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) -> SampleValue? {
        let isCounter = call.function != .delta
        let all = samples.timedValues
        if !samples.histogramRange.isEmpty {
            let histograms = samples.histograms[samples.histogramRange]
            if isCounter, histograms.contains(where: { $0.counterResetHint == .gauge }) {
                annotations.histogramIsNotCounter(name: call.name, call.range)
            }
            if !isCounter, histograms.contains(where: { $0.counterResetHint != .gauge }) {
                annotations.histogramIsNotGauge(name: call.name, call.range)
            }
        }
        guard
            let range = ExtendedRange(
                all,
                from: call.start,
                through: call.end,
                isSmoothed: call.isSmoothed,
                isCounter: isCounter
            )
        else { return nil }
        do throws(IncompatibleHistograms) {
            guard let increase = try range.increase(isCounter: isCounter) else { return nil }
            guard call.function == .rate else { return increase }
            let seconds = Double(call.length) / 1000
            switch increase {
            case .float(let value): return .float(value / seconds)
            case .histogram(var histogram):
                histogram.divide(by: seconds)
                return .histogram(histogram)
            }
        } catch {
            annotations.mixedExponentialAndCustom(name: call.name, call.range)
            return nil
        }
    }

    // MARK: The newest two

    static func instant(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) -> SampleValue? {
        guard samples.count >= 2 else { return nil }
        let isRate = call.function == .irate
        guard let pair = newestTwo(samples) else { return nil }
        let interval = pair.last.time.clampedDifference(pair.first.time)
        guard interval != 0 else { return nil }
        let seconds = Double(interval) / 1000
        switch (pair.first.value, pair.last.value) {
        case (.float(let before), .float(let now)):
            // After a reset all there is was counted since.
            let increase = isRate && now < before ? now : now - before
            return .float(isRate ? increase / seconds : increase)
        case (.histogram(let before), .histogram(let now)):
            if isRate, before.counterResetHint == .gauge || now.counterResetHint == .gauge {
                annotations.histogramIsNotCounter(name: call.name, call.range)
            }
            if !isRate, before.counterResetHint != .gauge || now.counterResetHint != .gauge {
                annotations.histogramIsNotGauge(name: call.name, call.range)
            }
            var result = now
            if !isRate || !now.isReset(after: before) {
                do throws(IncompatibleHistograms) {
                    if try result.subtract(before).boundsReconciled {
                        annotations.mismatchedCustomBuckets("subtraction", call.range)
                    }
                } catch {
                    annotations.mixedExponentialAndCustom(name: call.name, call.range)
                    return nil
                }
            }
            result.counterResetHint = .gauge
            result.compact()
            if isRate { result.divide(by: seconds) }
            return .histogram(result)
        default:
            annotations.mixedFloatsAndHistograms(name: call.name, call.range)
            return nil
        }
    }

    private typealias Point = (time: Int64, value: SampleValue)

    private static func newestTwo(_ samples: RangeSamples) -> (first: Point, last: Point)? {
        var points: [Point] = samples.floats.suffix(2).map { (samples.times[$0], .float(samples.values[$0])) }
        points += samples.histogramRange.suffix(2).map {
            (samples.histogramTimes[$0], .histogram(samples.histograms[$0]))
        }
        points.sort { $0.time < $1.time }
        guard points.count >= 2 else { return nil }
        return (points[points.count - 2], points[points.count - 1])
    }
}

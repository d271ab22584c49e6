// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import TimeSeries

/// `deriv`, `predict_linear`, `double_exponential_smoothing`.
enum Regressions {
    static func evaluate(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) -> SampleValue? {
        guard hasTwoFloats(call, samples, &annotations) else { return nil }
        if call.function == .deriv {
            let origin = samples.times[samples.floats.lowerBound]
            return .float(line(samples, origin: origin).slope)
        }
        let (slope, intercept) = line(samples, origin: call.time)
        return .float(slope * call.parameters.0 + intercept)
    }

    private static func hasTwoFloats(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) -> Bool {
        if !samples.floats.isEmpty, !samples.histogramRange.isEmpty {
            annotations.histogramIgnored(inRangeOf: call.name, call.range)
        }
        return samples.floats.count >= 2
    }

    /// Least squares; seconds from `origin`.
    private static func line(_ samples: RangeSamples, origin: Int64) -> (slope: Double, intercept: Double) {
        var sumX = KahanSum()
        var sumY = KahanSum()
        var sumXY = KahanSum()
        var sumXX = KahanSum()
        let first = samples.values[samples.floats.lowerBound]
        var isConstant = true
        for index in samples.floats {
            let y = samples.values[index]
            if y != first { isConstant = isConstant && index == samples.floats.lowerBound }
            let x = (Double(samples.times[index]) - Double(origin)) / 1000
            sumX.add(x)
            sumY.add(y)
            sumXY.add(x * y)
            sumXX.add(x * x)
        }
        if isConstant { return first.isInfinite ? (.nan, .nan) : (0, first) }
        let count = Double(samples.floats.count)
        let (x, y) = (sumX.sum + sumX.compensation, sumY.sum + sumY.compensation)
        let covariance = sumXY.sum + sumXY.compensation - x * y / count
        let variance = sumXX.sum + sumXX.compensation - x * x / count
        let slope = covariance / variance
        return (slope, y / count - slope * x / count)
    }

    static func smooth(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) throws(QueryError) -> SampleValue? {
        let (smoothing, trendFactor) = call.parameters
        for (name, factor) in [("smoothing", smoothing), ("trend", trendFactor)] where factor <= 0 || factor >= 1 {
            let symbol = name == "smoothing" ? "sf" : "tf"
            let shown = GoFloat.fixed(factor, decimals: 6)
            throw .execution("invalid \(name) factor. Expected: 0 < \(symbol) < 1, got: \(shown)")
        }
        guard hasTwoFloats(call, samples, &annotations) else { return nil }
        let start = samples.floats.lowerBound
        var before = 0.0
        var level = samples.values[start]
        var trend = samples.values[start + 1] - samples.values[start]
        for index in (start + 1)..<samples.floats.upperBound {
            let scaled = smoothing * samples.values[index]
            if index > start + 1 { trend = trendFactor * (level - before) + (1 - trendFactor) * trend }
            let continued = (1 - smoothing) * (level + trend)
            before = level
            level = scaled + continued
        }
        return .float(level)
    }
}

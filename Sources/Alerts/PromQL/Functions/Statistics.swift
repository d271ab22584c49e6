// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Order statistics and spread over the floats of a range.
enum Statistics {
    static func evaluate(
        _ call: RangeCall,
        _ samples: RangeSamples,
        _ annotations: inout AnnotationSet
    ) -> SampleValue? {
        guard !samples.floats.isEmpty else { return nil }
        if call.function == .quantile {
            let share = call.parameters.0
            if share.isNaN || share < 0 || share > 1 { annotations.invalidQuantile(share, call.parameterRange) }
        }
        if !samples.histogramRange.isEmpty { annotations.histogramIgnored(inRangeOf: call.name, call.range) }
        switch call.function {
        case .min, .max, .timeOfMin, .timeOfMax: return .float(extreme(call.function, samples))
        case .stddev: return .float(variance(samples).squareRoot())
        case .stdvar: return .float(variance(samples))
        case .quantile: return .float(quantile(call.parameters.0, of: Array(samples.values[samples.floats])))
        case .mad:
            let values = Array(samples.values[samples.floats])
            let median = quantile(0.5, of: values)
            return .float(quantile(0.5, of: values.map { ($0 - median).magnitude }))
        default: return nil
        }
    }

    /// NaN gives way to any number; of equals the latest counts for the time.
    private static func extreme(_ function: RangeFunction, _ samples: RangeSamples) -> Double {
        var best = samples.floats.lowerBound
        for index in samples.floats {
            let (value, known) = (samples.values[index], samples.values[best])
            let isBetter: Bool
            switch function {
            case .min: isBetter = value < known
            case .max: isBetter = value > known
            case .timeOfMin: isBetter = value <= known
            default: isBetter = value >= known
            }
            if isBetter || known.isNaN { best = index }
        }
        return function == .min || function == .max ? samples.values[best] : Double(samples.times[best]) / 1000
    }

    private static func variance(_ samples: RangeSamples) -> Double {
        var count = 0.0
        var mean = KahanSum()
        var sum = KahanSum()
        for index in samples.floats {
            let value = samples.values[index]
            count += 1
            let delta = value - (mean.sum + mean.compensation)
            mean.add(delta / count)
            sum.add(delta * (value - (mean.sum + mean.compensation)))
        }
        return (sum.sum + sum.compensation) / count
    }

    /// Between two samples the weighted mean of them; NaN sorts first.
    static func quantile(_ share: Double, of values: [Double]) -> Double {
        if values.isEmpty || share.isNaN { return .nan }
        if share < 0 { return -.infinity }
        if share > 1 { return .infinity }
        let sorted = values.sorted { $0.isNaN ? !$1.isNaN : $0 < $1 }
        let rank = share * Double(sorted.count - 1)
        let lower = Swift.min(Swift.max(0, Int(rank.rounded(.down))), sorted.count - 1)
        let upper = Swift.min(lower + 1, sorted.count - 1)
        let weight = rank - rank.rounded(.down)
        return sorted[lower] * (1 - weight) + sorted[upper] * weight
    }
}

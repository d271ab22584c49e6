// SPDX-License-Identifier: Apache-2.0

package import Exposition

/// Which series a metric stands for that does not come as lines of text, apart from its name and labels.
package struct MetricShape: Hashable {
    private enum Kind: Hashable {
        case number
        /// Quantiles.
        case summary([Double])
        /// Upper bounds; nil when the classic buckets are left out.
        case histogram([Double]?)
    }

    private let kind: Kind
    /// Whether the native histogram comes first.
    let hasNative: Bool

    /// - Parameters:
    ///   - keepsNative: whether a native histogram is one of its series.
    ///   - keepsClassic: whether the classic buckets of one that is are kept as well.
    package init(_ value: Metric.Value, keepsNative: Bool = false, keepsClassic: Bool = false) {
        switch value {
        case .number:
            kind = .number
            hasNative = false
        case .summary(let summary):
            kind = .summary(summary.quantiles.map(\.quantile))
            hasNative = false
        case .histogram(let histogram):
            hasNative = histogram.native != nil && keepsNative
            let wantsClassic = !hasNative || (keepsClassic && !histogram.buckets.isEmpty)
            var bounds = histogram.buckets.map(\.upperBound)
            if wantsClassic, bounds.last != .infinity { bounds.append(.infinity) }
            kind = .histogram(wantsClassic ? bounds : nil)
        }
    }

    /// The series, in the order of `values`; the native histogram's before them.
    package func series(_ name: String, _ labels: SeriesLabels) -> [ExpositionSeries] {
        let pairs = labels.pairs.map { ExpositionSeries.Label(name: $0.name, value: $0.value) }
        func with(_ suffix: String, _ label: String, _ number: Double) -> ExpositionSeries {
            let rest = pairs.filter { $0.name != label }
            return ExpositionSeries(
                name: name + suffix,
                labels: rest + [.init(name: label, value: ExpositionNumber.canonicalText(number))]
            )
        }
        var result: [ExpositionSeries] = []
        if hasNative { result.append(ExpositionSeries(name: name, labels: pairs)) }
        switch kind {
        case .number: result.append(ExpositionSeries(name: name, labels: pairs))
        case .summary(let quantiles):
            result.append(ExpositionSeries(name: name + "_count", labels: pairs))
            result.append(ExpositionSeries(name: name + "_sum", labels: pairs))
            for quantile in quantiles { result.append(with("", "quantile", quantile)) }
        case .histogram(let bounds):
            guard let bounds else { break }
            result.append(ExpositionSeries(name: name + "_count", labels: pairs))
            result.append(ExpositionSeries(name: name + "_sum", labels: pairs))
            for bound in bounds { result.append(with("_bucket", "le", bound)) }
        }
        return result
    }

    /// The numbers of a metric of this shape.
    package func values(_ value: Metric.Value) -> [Double] {
        switch (kind, value) {
        case (.number, .number(let number)): return [number]
        case (.summary, .summary(let summary)): return [summary.count, summary.sum] + summary.quantiles.map(\.value)
        case (.histogram(let bounds?), .histogram(let histogram)):
            var values = [histogram.count, histogram.sum] + histogram.buckets.map(\.cumulativeCount)
            // A missing last bucket holds everything.
            if bounds.count > histogram.buckets.count { values.append(histogram.count) }
            return values
        default: return []
        }
    }
}

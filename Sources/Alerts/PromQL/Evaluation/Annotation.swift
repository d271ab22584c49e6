// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// A remark on an answer: something in the data or the expression that is probably not as meant.
package struct Annotation: Sendable, Hashable {
    package enum Severity: Sendable, Hashable { case warning, info }

    package let severity: Severity
    package let message: String
    /// The part of the expression that it is about.
    package let range: Range<Int>

    /// With the position in `source`, as API answers show it.
    package func text(in source: String) -> String {
        let prefix = severity == .warning ? "PromQL warning: " : "PromQL info: "
        guard let position = SourcePosition(of: range.lowerBound, in: Array(source.utf8)) else {
            return prefix + message
        }
        return prefix + message + " (\(position))"
    }
}

/// Remarks of one query, each once, in the order of their first appearance.
struct AnnotationSet {
    private(set) var all: [Annotation] = []
    private var known: Set<Annotation> = []

    mutating func add(_ annotation: Annotation) {
        if known.insert(annotation).inserted { all.append(annotation) }
    }

    mutating func warn(_ message: String, _ range: Range<Int>) {
        add(Annotation(severity: .warning, message: message, range: range))
    }

    mutating func inform(_ message: String, _ range: Range<Int>) {
        add(Annotation(severity: .info, message: message, range: range))
    }
}

/// The texts, which are Prometheus's.
extension AnnotationSet {
    private static func suffix(_ name: String) -> String {
        name.isEmpty ? "" : " for metric name \(GoText.quote(name))"
    }

    mutating func invalidQuantile(_ value: Double, _ range: Range<Int>) {
        warn("quantile value should be between 0 and 1, got \(GoFloat.general(value))", range)
    }

    mutating func invalidRatio(_ value: Double, cappedTo cap: Double, _ range: Range<Int>) {
        let (value, cap) = (GoFloat.general(value), GoFloat.general(cap))
        warn("ratio value should be between -1 and 1, got \(value), capping to \(cap)", range)
    }

    mutating func badBucketLabel(_ label: String, name: String, _ range: Range<Int>) {
        let text = "bucket label \"le\" is missing or has a malformed value of \(GoText.quote(label))"
        warn(text + Self.suffix(name), range)
    }

    mutating func mixedFloatsAndHistograms(name: String, _ range: Range<Int>) {
        warn("encountered a mix of histograms and floats for metric name \(GoText.quote(name))", range)
    }

    mutating func mixedFloatsAndHistogramsInAggregation(_ range: Range<Int>) {
        warn("encountered a mix of histograms and floats for aggregation", range)
    }

    mutating func mixedClassicAndNative(name: String, _ range: Range<Int>) {
        warn("vector contains a mix of classic and native histograms" + Self.suffix(name), range)
    }

    mutating func histogramIsNotCounter(name: String, _ range: Range<Int>) {
        warn("this native histogram metric is not a counter: \(GoText.quote(name))", range)
    }

    mutating func histogramIsNotGauge(name: String, _ range: Range<Int>) {
        warn("this native histogram metric is not a gauge: \(GoText.quote(name))", range)
    }

    mutating func mixedExponentialAndCustom(name: String, _ range: Range<Int>) {
        let text = "vector contains a mix of histograms with exponential and custom buckets schemas for metric name "
        warn(text + GoText.quote(name), range)
    }

    mutating func incompatibleBucketLayout(_ operation: String, _ range: Range<Int>) {
        warn("incompatible bucket layout encountered for binary operator \(operation)", range)
    }

    mutating func counterResetCollision(_ operation: String, _ range: Range<Int>) {
        warn("conflicting counter resets during histogram \(operation)", range)
    }

    mutating func mismatchedCustomBuckets(_ operation: String, _ range: Range<Int>) {
        inform("mismatched custom buckets were reconciled during histogram \(operation)", range)
    }

    mutating func possibleNonCounter(name: String, _ range: Range<Int>) {
        let text = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
        inform(text + GoText.quote(name), range)
    }

    mutating func possibleNonCounter(name: String, type: String, _ range: Range<Int>) {
        let text = "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got "
        inform(text + "\(GoText.quote(type)): \(GoText.quote(name))", range)
    }

    mutating func forcedMonotonicity(name: String, _ range: Range<Int>) {
        let text =
            "input to histogram_quantile needed to be fixed for monotonicity (see "
            + "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
        inform(text + Self.suffix(name), range)
    }

    mutating func incompatibleTypes(_ left: String, _ operation: String, _ right: String, _ range: Range<Int>) {
        let text = "incompatible sample types encountered for binary operator \(GoText.quote(operation)): "
        inform(text + "\(left) \(operation) \(right)", range)
    }

    mutating func histogramIgnored(inAggregation aggregation: String, _ range: Range<Int>) {
        inform("ignored histogram in \(aggregation) aggregation", range)
    }

    mutating func histogramIgnored(inRangeOf name: String, _ range: Range<Int>) {
        let text = "ignored histograms in a range containing both floats and histograms for metric name "
        inform(text + GoText.quote(name), range)
    }

    mutating func quantileIsNaN(name: String, _ range: Range<Int>) {
        inform("input to histogram_quantile has NaN observations, result is NaN" + Self.suffix(name), range)
    }

    mutating func quantileIsSkewed(name: String, _ range: Range<Int>) {
        inform("input to histogram_quantile has NaN observations, result is skewed higher" + Self.suffix(name), range)
    }

    mutating func fractionIgnoresNaN(name: String, _ range: Range<Int>) {
        let text = "input to histogram_fraction has NaN observations, which are excluded from all fractions"
        inform(text + Self.suffix(name), range)
    }
}

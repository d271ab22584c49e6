// SPDX-License-Identifier: Apache-2.0

/// What a metric family measures. The raw value is OpenMetrics' word for it.
public enum MetricKind: String, Sendable, Hashable, CaseIterable {
    /// Only grows, apart from resets to zero.
    case counter
    /// Any value at any time.
    case gauge
    /// Observations in cumulative buckets, native buckets, or both.
    case histogram
    /// A histogram whose buckets may shrink.
    case gaugeHistogram = "gaugehistogram"
    /// Quantiles computed by the service.
    case summary
    /// Facts as labels, value 1.
    case info
    /// One boolean per state.
    case stateSet = "stateset"
    /// Nothing is known; `untyped` in the Prometheus text format.
    case unknown

    /// The word in the Prometheus text format, which knows five kinds.
    var textName: StaticString {
        switch self {
        case .counter: "counter"
        case .gauge, .info, .stateSet: "gauge"
        case .histogram, .gaugeHistogram: "histogram"
        case .summary: "summary"
        case .unknown: "untyped"
        }
    }

    var openMetricsName: StaticString {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        case .gaugeHistogram: "gaugehistogram"
        case .summary: "summary"
        case .info: "info"
        case .stateSet: "stateset"
        case .unknown: "unknown"
        }
    }

    /// `MetricType` of `io.prometheus.client`.
    var protobufNumber: UInt64 {
        switch self {
        case .counter: 0
        case .gauge, .info, .stateSet: 1
        case .summary: 2
        case .unknown: 3
        case .histogram: 4
        case .gaugeHistogram: 5
        }
    }

    init?(protobufNumber: UInt64) {
        switch protobufNumber {
        case 0: self = .counter
        case 1: self = .gauge
        case 2: self = .summary
        case 3: self = .unknown
        case 4: self = .histogram
        case 5: self = .gaugeHistogram
        default: return nil
        }
    }
}

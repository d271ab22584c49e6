// SPDX-License-Identifier: Apache-2.0

import Exposition

/// A format that a target may be asked for, by Prometheus's name of it.
package enum ScrapeProtocol: String, Sendable, Hashable, CaseIterable {
    case protobuf = "PrometheusProto"
    case text004 = "PrometheusText0.0.4"
    case text100 = "PrometheusText1.0.0"
    case openMetrics001 = "OpenMetricsText0.0.1"
    case openMetrics100 = "OpenMetricsText1.0.0"

    /// What is asked for unless the configuration says otherwise: the cheapest to read that says everything.
    package static let usual: [ScrapeProtocol] = [.openMetrics100, .openMetrics001, .text100, .text004]
    /// The same where native histograms are wanted, which only protobuf carries.
    package static let withNativeHistograms: [ScrapeProtocol] = [.protobuf] + usual

    var encoding: ExpositionFormat.Encoding {
        switch self {
        case .protobuf: .protobuf
        case .text004, .text100: .text
        case .openMetrics001, .openMetrics100: .openMetrics
        }
    }

    /// The media range for `Accept`, without its weight.
    func mediaRange(escaping: NameEscaping) -> String {
        switch self {
        case .protobuf:
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
                + ";escaping=\(escaping.rawValue)"
        case .text004: "text/plain;version=0.0.4"
        case .text100: "text/plain;version=1.0.0;escaping=\(escaping.rawValue)"
        case .openMetrics001: "application/openmetrics-text;version=0.0.1"
        case .openMetrics100: "application/openmetrics-text;version=1.0.0;escaping=\(escaping.rawValue)"
        }
    }

    /// The `Accept` header: the order is the preference, anything else comes last.
    static func accept(_ protocols: [ScrapeProtocol], escaping: NameEscaping) -> String {
        // Weights as Prometheus gives them: one more than there are protocols, and down to what is left for `*/*`.
        var weight = allCases.count + 1
        var ranges: [String] = []
        for wanted in protocols {
            ranges.append("\(wanted.mediaRange(escaping: escaping));q=0.\(weight)")
            weight -= 1
        }
        return (ranges + ["*/*;q=0.\(weight)"]).joined(separator: ",")
    }

    /// What a content type names; nil when it is none of ours.
    static func encoding(ofContentType contentType: String) -> ExpositionFormat.Encoding? {
        let parts = contentType.split(separator: ";").map { $0.lowercased().filter { $0 != " " && $0 != "\t" } }
        switch parts.first {
        case "text/plain": return .text
        case "application/openmetrics-text": return .openMetrics
        case "application/vnd.google.protobuf":
            // The same type also names a text form of the messages and single ones.
            for part in parts.dropFirst() {
                if part.hasPrefix("proto="), part != "proto=io.prometheus.client.metricfamily" { return nil }
                if part.hasPrefix("encoding="), part != "encoding=delimited" { return nil }
            }
            return .protobuf
        default: return nil
        }
    }
}

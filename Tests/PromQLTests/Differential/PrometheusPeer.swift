// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import TimeSeries

/// Debian's Prometheus over the series of the differential run.
struct PrometheusPeer {
    private let server: PrometheusServer

    init(series: [DifferentialSeries]) async throws {
        var text = ""
        for one in series {
            for (index, value) in one.values.enumerated() {
                guard let value else { continue }
                let time = DifferentialSeries.start + Int64(index) * DifferentialSeries.step
                text += "\(one.text) \(value) \(Double(time) / 1000)\n"
            }
        }
        server = try await PrometheusServer(samples: [text])
    }

    func stop() async { await server.stop() }

    private func result(_ path: String, _ parameters: [(String, String)]) -> Any? {
        guard let data = server.get(PrometheusServer.path(path, parameters)),
            let answer = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
            let body = answer["data"] as? [String: Any]
        else { return nil }
        return body["result"]
    }

    private static func name(_ metric: Any?) -> String {
        Labels((metric as? [String: String] ?? [:]).map { ($0.key, $0.value) }).description
    }

    /// Samples by labels, or nil for an error.
    func query(_ expression: String, at time: Int64) -> [String: Double]? {
        let answer = result("/api/v1/query", [("query", expression), ("time", "\(Double(time) / 1000)")])
        var values: [String: Double] = [:]
        if let samples = answer as? [[String: Any]] {
            for sample in samples {
                if sample["values"] != nil {
                    values.merge(Self.timed(sample)) { $1 }
                    continue
                }
                let value = (sample["value"] as? [Any])?.last as? String ?? ""
                values[Self.name(sample["metric"])] = Self.number(value)
            }
        } else if let pair = answer as? [Any] {
            if let value = pair.last as? String { values["{}"] = Self.number(value) }
        } else {
            return nil
        }
        return values
    }

    /// The same over ten minutes, each sample under its labels and time.
    func queryRange(_ expression: String, from start: Int64) -> [String: Double]? {
        let parameters = [
            ("query", expression), ("start", "\(Double(start) / 1000)"), ("end", "\(Double(start + 600_000) / 1000)"),
            ("step", "47"),
        ]
        guard let series = result("/api/v1/query_range", parameters) as? [[String: Any]] else { return nil }
        var values: [String: Double] = [:]
        for one in series { values.merge(Self.timed(one)) { $1 } }
        return values
    }

    /// The samples of an element of a matrix.
    private static func timed(_ series: [String: Any]) -> [String: Double] {
        var values: [String: Double] = [:]
        let name = name(series["metric"])
        for pair in series["values"] as? [[Any]] ?? [] {
            let time = Int64(((pair.first as? Double ?? 0) * 1000).rounded())
            values["\(name) @ \(time)"] = number(pair.last as? String ?? "")
        }
        return values
    }

    private static func number(_ text: String) -> Double {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text) ?? .nan
        }
    }
}

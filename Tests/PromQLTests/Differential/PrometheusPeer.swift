// SPDX-License-Identifier: Apache-2.0

import Foundation
import FoundationNetworking
import Glibc
import TestSupport
import TimeSeries

/// Debian's Prometheus over the series of the differential run.
final class PrometheusPeer {
    private let process: ChildProcess
    private let folder: TemporaryDirectory
    private let port: UInt16

    init(series: [DifferentialSeries]) async throws {
        folder = try TemporaryDirectory("promql")
        var text = ""
        for one in series {
            for (index, value) in one.values.enumerated() {
                guard let value else { continue }
                let time = DifferentialSeries.start + Int64(index) * DifferentialSeries.step
                text += "\(one.text) \(value) \(Double(time) / 1000)\n"
            }
        }
        let file = try folder.write(text + "# EOF\n", to: "data.om")
        let loading = try await ChildProcess.run(
            "promtool",
            ["tsdb", "create-blocks-from", "openmetrics", file, folder.path("data")]
        )
        guard loading.exit == .code(0) else { throw TestSupportError("promtool: \(loading.error)") }
        let configuration = try folder.write("global: { evaluation_interval: 1m }\n", to: "prometheus.yml")
        port = try freePort()
        process = try ChildProcess(
            "prometheus",
            [
                "--config.file=\(configuration)", "--storage.tsdb.path=\(folder.path("data"))",
                "--web.listen-address=127.0.0.1:\(port)", "--storage.tsdb.retention.time=100y", "--log.level=error",
            ]
        )
        let isReady = await waitUntil { [self] in get("/-/ready") != nil }
        guard isReady else { throw TestSupportError("prometheus: \(process.errorOutput)") }
    }

    func stop() async { await process.stop() }

    private func get(_ path: String) -> Data? {
        URL(string: "http://127.0.0.1:\(port)\(path)").flatMap { try? Data(contentsOf: $0) }
    }

    private static func escaped(_ expression: String) -> String {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        return expression.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    }

    private func result(_ path: String) -> Any? {
        guard let data = get(path), let answer = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
            let body = answer["data"] as? [String: Any]
        else { return nil }
        return body["result"]
    }

    private static func name(_ metric: Any?) -> String {
        Labels((metric as? [String: String] ?? [:]).map { ($0.key, $0.value) }).description
    }

    /// Samples by labels, or nil for an error.
    func query(_ expression: String, at time: Int64) -> [String: Double]? {
        let answer = result("/api/v1/query?time=\(Double(time) / 1000)&query=\(Self.escaped(expression))")
        var values: [String: Double] = [:]
        if let samples = answer as? [[String: Any]] {
            for sample in samples {
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
        let times = "start=\(Double(start) / 1000)&end=\(Double(start + 600_000) / 1000)&step=47"
        guard let series = result("/api/v1/query_range?\(times)&query=\(Self.escaped(expression))") as? [[String: Any]]
        else { return nil }
        var values: [String: Double] = [:]
        for one in series {
            let name = Self.name(one["metric"])
            for pair in one["values"] as? [[Any]] ?? [] {
                let time = Int64(((pair.first as? Double ?? 0) * 1000).rounded())
                values["\(name) @ \(time)"] = Self.number(pair.last as? String ?? "")
            }
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

// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Values of a metrics page by series: name and sorted labels.
struct MetricsPage {
    private(set) var values: [String: Double] = [:]

    /// Reads the text format; `without` names labels that are left out of the series' names.
    init(_ text: String, without: Set<String> = [], check: String? = nil) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Self.number(line[line.index(after: space)...]) else {
                continue
            }
            let series = line[..<space]
            let brace = series.firstIndex(of: "{") ?? series.endIndex
            var labels = brace < series.endIndex ? Self.labels(series[brace...]) : [:]
            if let check, labels["check"] != check { continue }
            for name in without { labels[name] = nil }
            let sorted = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
            values["\(series[..<brace]){\(sorted.joined(separator: ","))}"] = value
        }
    }

    static func name(of series: String) -> String { String(series.prefix { $0 != "{" }) }

    private static func number(_ text: Substring) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text)
        }
    }

    private static func labels(_ text: Substring) -> [String: String] {
        var labels: [String: String] = [:]
        var rest = text.dropFirst()
        while let equal = rest.firstIndex(of: "="), rest.index(after: equal) < rest.endIndex {
            let name = String(rest[..<equal])
            var value = ""
            var index = rest.index(equal, offsetBy: 2)
            while index < rest.endIndex, rest[index] != "\"" {
                if rest[index] == "\\" { index = rest.index(after: index) }
                if index < rest.endIndex {
                    value.append(rest[index])
                    index = rest.index(after: index)
                }
            }
            labels[name] = value
            guard index < rest.endIndex else { break }
            rest = rest[rest.index(after: index)...]
            if rest.first == "," { rest = rest.dropFirst() }
        }
        return labels
    }
}

/// Asks an exporter, then the sidecar, then the exporter again, round after round. What stands still has to be equal; what moves has to
/// lie between the exporter's two readings in one of the rounds.
struct ExporterComparison {
    /// The exporter's page.
    let url: String
    /// Labels that only the exporter has.
    var exporterLabels: Set<String> = []
    let sidecar: RunningSidecar
    let check: String
    /// Names of metrics that cannot agree, each for a reason that stands beside the name.
    let exceptions: Set<String>
    var rounds = 15

    /// - Parameter expected: how many series have to be compared at least.
    func run(atLeast expected: Int) async throws {
        var open: [String: String] = [:]
        var agreed: Set<String> = []
        for _ in 0..<rounds {
            let before = try await exporter()
            let ours = try await freshPage()
            let after = try await exporter()
            let names = Set(before.values.keys.map(MetricsPage.name))
            for (series, value) in ours.values {
                let name = MetricsPage.name(of: series)
                guard names.contains(name), !exceptions.contains(name), !agreed.contains(series) else { continue }
                // where one of the two sees less, there is nothing to compare; how much has to be left says `expected`
                guard let first = before.values[series], let second = after.values[series] else { continue }
                let fits = min(first, second) <= value && value <= max(first, second)
                if fits || (value.isNaN && first.isNaN) {
                    agreed.insert(series)
                    open[series] = nil
                } else {
                    open[series] = "\(value), the exporter \(first) and \(second)"
                }
            }
            if open.isEmpty, agreed.count >= expected { break }
        }
        #expect(open.isEmpty, "\(open.sorted { $0.key < $1.key })")
        #expect(agreed.count >= expected, "\(agreed.count) series compared")
    }

    private func exporter() async throws -> MetricsPage {
        MetricsPage(try await HTTPGet(url).text, without: exporterLabels)
    }

    /// The page after an attempt that began after the call.
    private func freshPage() async throws -> MetricsPage {
        func read() async throws -> (page: MetricsPage, attempts: Double) {
            let text = try await HTTPGet(sidecar.url + "/metrics").text
            let page = MetricsPage(text, without: ["check", "job", "instance"], check: check)
            return (page, page.values["health_check_attempts_total{}"] ?? 0)
        }
        let first = try await read()
        var last = first
        _ = try await waitUntil(deadline: .seconds(5)) {
            last = try await read()
            return last.attempts >= first.attempts + 2
        }
        return last.page
    }
}

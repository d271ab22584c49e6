// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Asks an exporter, then the sidecar, then the exporter again, round after round, about every metric that both have: both
/// have the same series of it, what stands still is equal, and what moves lies between the exporter's two readings in one of
/// the rounds.
struct ExporterComparison {
    /// How series are taken together that differ in labels which only one of the two has. What we do not have counts as 0,
    /// and what the exporter does not have is not compared.
    enum Aggregation {
        case sum, maximum
    }

    /// The exporter's page.
    let url: String
    /// Labels that only the exporter has.
    var exporterLabels: Set<String> = []
    let sidecar: RunningSidecar
    /// What cannot agree, each for a reason that stands beside it: names, or series with their labels in order.
    var exceptions: Set<String> = []
    /// Our names of what the exporter calls otherwise.
    var renamed: [String: String] = [:]
    /// By how much an exporter's value is larger, because it counts itself.
    var exporterShare: [String: Double] = [:]
    /// Times that the exporter cuts to seconds.
    var wholeSeconds: Set<String> = []
    /// Values of labels whose series only one of the two can see.
    var leftOut: [String: Set<String>] = [:]
    /// Metrics that have other labels here than there, and the labels that both have.
    var aggregated: [String: (labels: Set<String>, how: Aggregation)] = [:]
    var rounds = 40

    /// - Parameters:
    ///   - names: how many metrics have to be compared at least.
    ///   - series: how many of their series.
    func run(names: Int, series expected: Int) async throws {
        var open: [MetricsPage.Series: String] = [:]
        var agreed: Set<MetricsPage.Series> = []
        for _ in 0..<rounds {
            let before = try await exporter()
            let ours = try await freshPage(before.names)
            let after = try await exporter()
            let shared = ours.names.intersection(before.names).filter { !exceptions.contains($0) }
            let all = Set(ours.values.keys).union(before.values.keys).union(after.values.keys)
                .filter { shared.contains($0.name) && !isExcepted($0) }
            open = [:]
            for series in all.subtracting(agreed) {
                if let difference = difference(series, before, ours, after) {
                    open[series] = difference
                } else {
                    agreed.insert(series)
                }
            }
            if open.isEmpty { break }
        }
        #expect(open.isEmpty, "\(open.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" })")
        let count = Set(agreed.map(\.name)).count
        #expect(count >= names, "\(count) metrics compared")
        #expect(agreed.count >= expected, "\(agreed.count) series compared")
    }

    /// What does not fit; nil when it does.
    private func difference(
        _ series: MetricsPage.Series,
        _ before: MetricsPage,
        _ ours: MetricsPage,
        _ after: MetricsPage
    ) -> String? {
        let isAggregated = aggregated[series.name] != nil
        guard let first = before.values[series], let second = after.values[series] else {
            return isAggregated ? nil : "only we have it"
        }
        guard var value = ours.values[series] ?? (isAggregated ? 0 : nil) else { return "only the exporter has it" }
        if wholeSeconds.contains(series.name) { value.round(.down) }
        let share = exporterShare[series.name] ?? 0
        // Microseconds become seconds in one division here and in two there.
        let rounding = abs(value) * 1e-14
        let fits = min(first, second) - share - rounding <= value && value <= max(first, second) - share + rounding
        return fits || (value.isNaN && first.isNaN) ? nil : "\(value), the exporter \(first) and \(second)"
    }

    private func isExcepted(_ series: MetricsPage.Series) -> Bool {
        exceptions.contains(series.description)
            || series.labels.contains { leftOut[$0.key]?.contains($0.value) == true }
    }

    private func exporter() async throws -> MetricsPage {
        aggregated(MetricsPage(try await HTTPGet(url).text, without: exporterLabels))
    }

    private func aggregated(_ page: MetricsPage) -> MetricsPage {
        var page = page
        for (name, (labels, how)) in aggregated {
            page.aggregate(name, by: labels) { how == .sum ? $0 + $1 : max($0, $1) }
        }
        return page
    }

    /// The page after an attempt that began after the call.
    private func freshPage(_ exporterNames: Set<String>) async throws -> MetricsPage {
        func read() async throws -> (page: MetricsPage, attempts: Double) {
            let text = try await HTTPGet(sidecar.url + "/metrics").text
            let page = MetricsPage(text, without: ["check", "job", "instance"], check: ExporterPeer.check)
            return (page, page.values.first { $0.key.name == "health_check_attempts_total" }?.value ?? 0)
        }
        let first = try await read()
        var last = first
        _ = try await waitUntil(deadline: .seconds(5)) {
            last = try await read()
            return last.attempts >= first.attempts + 2
        }
        for (name, other) in renamed where exporterNames.contains(other) { last.page.rename(name, to: other) }
        return aggregated(last.page)
    }
}

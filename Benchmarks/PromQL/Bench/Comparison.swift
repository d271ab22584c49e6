// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import TestSupport

/// The sidecar beside Prometheus and VictoriaMetrics: all three scrape the same 99,000 series each second in the same
/// run, and then answer the same questions one after the other.
struct Comparison {
    /// What is asked, and what share of each peer's time the answer may take.
    struct Question {
        var name: String
        var expression: String
        var isRange: Bool
        var bars: [MetricsEngine.Kind: Double]

        func path(at moment: Double) -> String {
            let parameters =
                isRange
                ? [("query", expression), ("start", "\(moment - 3600)"), ("end", "\(moment)"), ("step", "15")]
                : [("query", expression), ("time", "\(moment)")]
            let path = isRange ? "/api/v1/query_range" : "/api/v1/query"
            return PrometheusServer.path(path, parameters + [("nocache", "1")])
        }
    }

    static let rate = "sum by (route) (rate(http_requests_total[5m]))"
    static let quantile =
        "histogram_quantile(0.99, sum by (le, route) (rate(http_request_duration_seconds_bucket[5m])))"
    static let questions = [
        Question(
            name: "p99 by route, instant",
            expression: quantile,
            isRange: false,
            bars: [.prometheus: 1 / 15, .victoriaMetrics: 1 / 7]
        ),
        Question(
            name: "p99 by route, 1 h, step 15 s",
            expression: quantile,
            isRange: true,
            bars: [.prometheus: 1 / 15, .victoriaMetrics: 1 / 2]
        ),
        Question(
            name: "rate by route, instant",
            expression: rate,
            isRange: false,
            bars: [.prometheus: 1 / 15, .victoriaMetrics: 1 / 7]
        ),
    ]

    var minutes = 10.0
    var sidecar: String

    /// The bars that were missed.
    func run() async throws -> Int {
        var verdicts = Verdicts()
        let series = BookingSeries(targets: 10, rows: 550, samples: 0)
        let targets = try BookingTargets(series)
        var engines: [MetricsEngine] = []
        for kind in MetricsEngine.Kind.allCases where Self.isInstalled(kind) {
            engines.append(try await MetricsEngine(kind, targets: targets.ports, sidecar: sidecar))
        }
        let names = engines.map(\.kind.rawValue).joined(separator: ", ")
        say(
            "\(series.count) series in \(series.targets) targets, scraped each second for \(minutes) minutes by \(names)"
        )
        try await targets.run(for: .seconds(minutes * 60))
        let moment = Double(wallClockSeconds() - 2)
        targets.stop()
        try await Task.sleep(for: .seconds(5))
        for engine in engines { try engine.settle() }
        for question in Self.questions { try ask(question, engines, at: moment, &verdicts) }
        if let own = engines.last, let target = targets.ports.first {
            try askForOneSeries(own, of: target, at: moment, &verdicts)
        }
        for engine in engines { await engine.stop() }
        return verdicts.missed
    }

    private static func isInstalled(_ kind: MetricsEngine.Kind) -> Bool {
        switch kind {
        case .prometheus: findExecutable("prometheus") != nil
        case .victoriaMetrics: findExecutable("victoria-metrics") != nil
        case .sidecar: true
        }
    }

    private func ask(
        _ question: Question,
        _ engines: [MetricsEngine],
        at moment: Double,
        _ verdicts: inout Verdicts
    ) throws {
        say("  " + question.name)
        var medians: [MetricsEngine.Kind: Double] = [:]
        var results: [MetricsEngine.Kind: (count: Int, sum: Double)] = [:]
        for engine in engines {
            let (times, result) = try engine.times(question.path(at: moment), repetitions: question.isRange ? 3 : 7)
            let values = result.compactMap { Self.lastValue($0) }
            medians[engine.kind] = median(times)
            results[engine.kind] = (result.count, values.reduce(0, +))
            let slowest = shown(times.max() ?? 0)
            say("    \(engine.kind.rawValue): \(shown(median(times))), slowest \(slowest), \(result.count) series")
        }
        guard let ours = medians[.sidecar], let own = results[.sidecar] else { return }
        for (kind, bar) in question.bars.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            guard let theirs = medians[kind], let other = results[kind] else { continue }
            verdicts.judge("\(question.name): share of \(kind.rawValue)'s time", ours / theirs, atMost: bar)
            // The three scrape at different moments of the second.
            let difference = abs(own.sum - other.sum) / max(own.sum.magnitude, 1e-9)
            let isAlike = own.count == other.count && own.count > 0
            verdicts.judge("\(question.name): off \(kind.rawValue)'s answer", isAlike ? difference : 1, atMost: 0.05)
        }
    }

    /// The last value of an element of a vector or matrix; nil for NaN.
    private static func lastValue(_ element: JSONValue) -> Double? {
        let pair = element["value"]?.array ?? element["values"]?.array?.last?.array
        return pair?.last?.string.flatMap { Double($0) }.flatMap { $0.isNaN ? nil : $0 }
    }

    /// What a query adds to a request that does nothing, by turns.
    private func askForOneSeries(
        _ engine: MetricsEngine,
        of target: UInt16,
        at moment: Double,
        _ verdicts: inout Verdicts
    ) throws {
        let labels = #"route="/api/v1/r0",method="GET",tenant="t0",status="200""#
        let expression = "rate(http_requests_total{instance=\"127.0.0.1:\(target)\",\(labels)}[5m])"
        let path = PrometheusServer.path("/api/v1/query", [("query", expression), ("time", "\(moment)")])
        var queries: [Double] = []
        var probes: [Double] = []
        for _ in 0..<500 {
            probes += try engine.times("/livez", repetitions: 1).milliseconds
            let (times, result) = try engine.times(path, repetitions: 1)
            queries += times
            guard result.count == 1 else { throw TestSupportError("one series is \(result.count)") }
        }
        say("  one series: \(shown(median(queries))), /livez \(shown(median(probes)))")
        verdicts.judge("one series above /livez, ms", median(queries) - median(probes), atMost: 0.15)
    }
}

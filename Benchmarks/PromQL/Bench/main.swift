// SPDX-License-Identifier: Apache-2.0

import Glibc
import PromQL
import TestSupport
import TimeSeries

// PromQL over samples made in this process: first a set small enough to give Prometheus the same as blocks, both in
// this run; then 99,000 series with ten minutes at one second, alone.

/// CPU milliseconds of this process.
func cpu() -> Double {
    var usage = rusage()
    _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    return Double(seconds) * 1000 + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
func shown(_ milliseconds: Double) -> String { "\((milliseconds * 100).rounded() / 100) ms" }

/// One way of asking for an expression.
struct Question {
    let text: String
    let isRange: Bool

    /// The median of some evaluations, after a first one that also resolves the selectors.
    func time(_ engine: QueryEngine, _ store: TimeSeriesStore, at end: Timestamp) throws -> (
        first: Double, median: Double
    ) {
        let expression = try parse(text)
        let times = try (0..<8).map { _ in
            let before = cpu()
            let start = end - .seconds(3600)
            let reader = store.reader()
            if isRange {
                _ = try engine.range(expression, from: start, through: end, step: .seconds(15), reader: reader)
            } else {
                _ = try engine.instant(expression, at: end, reader: reader)
            }
            return cpu() - before
        }
        return (times[0], median(Array(times.dropFirst())))
    }

    /// The median of the wall-clock times of a server's answers.
    func time(_ server: PrometheusServer, at end: Timestamp) -> Double {
        let moment = Double(end.milliseconds) / 1000
        var parameters = [("query", text)]
        if isRange {
            parameters += [("start", "\(moment - 3600)"), ("end", "\(moment)"), ("step", "15")]
        } else {
            parameters.append(("time", "\(moment)"))
        }
        let path = PrometheusServer.path(isRange ? "/api/v1/query_range" : "/api/v1/query", parameters)
        return median(
            (0..<7).map { _ in
                let begin = ContinuousClock.now
                _ = server.get(path)
                return (ContinuousClock.now - begin) / .milliseconds(1)
            }
        )
    }

    var title: String { (isRange ? "1 h, step 15 s  " : "instant         ") + text }
}

let rate = "sum by (route) (rate(http_requests_total[5m]))"
let quantile = "histogram_quantile(0.99, sum by (le, route) (rate(http_request_duration_seconds_bucket[5m])))"
let questions = [rate, quantile, "sum(http_request_duration_seconds_bucket)"].flatMap { text in
    [Question(text: text, isRange: false), Question(text: text, isRange: true)]
}

if findExecutable("prometheus") != nil, findExecutable("promtool") != nil {
    let series = BookingSeries(targets: 10, rows: 50, samples: 330)
    let (store, engine) = (try series.store(), QueryEngine())
    let server = try await PrometheusServer(samples: series.text())
    let idle = Question(text: "1", isRange: false).time(server, at: series.end)
    print("\(series.count) series, \(series.samples) samples each; Prometheus less the \(shown(idle)) of its HTTP")
    for question in questions {
        let ours = try question.time(engine, store, at: series.end).median
        let theirs = max(0, question.time(server, at: series.end) - idle)
        print(
            "  \(question.title): \(shown(ours)), Prometheus \(shown(theirs)), 1/\(Int((theirs / max(0.001, ours)).rounded()))"
        )
    }
    await server.stop()
} else {
    print("prometheus is not installed: no comparison")
}

let series = BookingSeries(targets: 10, rows: 550, samples: 600)
let (store, engine) = (try series.store(), QueryEngine())
print("\(series.count) series, \(series.samples) samples each, \(store.statistics.bytes / series.count) bytes a series")
for question in questions {
    let (first, median) = try question.time(engine, store, at: series.end)
    print("  \(question.title): \(shown(median)), the first time \(shown(first))")
}
let windows = try ["1m", "5m", "9m"].map { window in
    shown(
        try Question(text: "sum(rate(http_requests_total[\(window)]))", isRange: false).time(
            engine,
            store,
            at: series.end
        ).median
    )
}
print("  rate over 1m, 5m, 9m: \(windows.joined(separator: ", "))")
let rules = try (0..<25).flatMap { route -> [Expression] in
    let selector = "route=\"/api/v1/r\(route)\""
    return try [
        "sum by (status) (rate(http_requests_total{\(selector)}[1m]))",
        "sum by (instance) (rate(http_requests_total{\(selector),status=~\"5..\"}[1m])) / sum by (instance) "
            + "(rate(http_requests_total{\(selector)}[1m])) > 0.01",
        "histogram_quantile(0.99, sum by (le, instance) (rate(http_request_duration_seconds_bucket{\(selector)}[1m]))) > 5",
        "sum by (method) (rate(http_request_duration_seconds_sum{\(selector)}[1m])) / sum by (method) "
            + "(rate(http_request_duration_seconds_count{\(selector)}[1m])) > 2",
    ].map { try parse($0) }
}
let rounds = try (0..<6).map { _ in
    let before = cpu()
    for rule in rules { _ = try engine.instant(rule, at: series.end, reader: store.reader()) }
    return cpu() - before
}
print("  \(rules.count) rules: \(shown(median(Array(rounds.dropFirst()))))")

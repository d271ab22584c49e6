// SPDX-License-Identifier: Apache-2.0

import Glibc
import PromQL
import TimeSeries

/// The engine without a server over 99,000 series with ten minutes at one second, in CPU milliseconds.
struct EngineAlone {
    private let store: TimeSeriesStore
    private let engine = QueryEngine()
    private let end: Timestamp

    /// - Parameter failedEvery: every so many scrapes of a target failed; 0 for none.
    init(failedEvery: Int = 0) throws {
        let series = BookingSeries(targets: 10, rows: 550, samples: 600, failedEvery: failedEvery)
        store = try series.store()
        end = series.end
        say(
            "the engine alone: \(series.count) series, \(series.samples) samples each"
                + (failedEvery > 0 ? ", every \(failedEvery)th missed, " : ", ")
                + "\(store.statistics.bytes / series.count) bytes a series"
        )
    }

    /// The bars that were missed.
    func run() throws -> Int {
        var verdicts = Verdicts()
        var quantileOverAnHour = Double.nan
        for text in [Comparison.rate, Comparison.quantile, "sum(http_request_duration_seconds_bucket)"] {
            for isRange in [false, true] {
                let (first, median, _) = try time(text, isRange: isRange)
                if isRange, text == Comparison.quantile { quantileOverAnHour = median }
                let form = isRange ? "1 h, step 15 s" : "instant"
                say("  \(form): \(text): \(shown(median)), the first time \(shown(first))")
            }
        }
        let changed = try timeAfterChanges(Comparison.quantile)
        say("  instant, each time after a new series: \(Comparison.quantile): \(shown(changed))")
        let windows = try ["1m", "5m", "9m"].map { window in
            try time("sum(rate(http_requests_total[\(window)]))", isRange: false, rounds: 60).least
        }
        say("  rate over 1m, 5m, 9m: \(windows.map(shown).joined(separator: ", "))")
        verdicts.judge("rate over 9m against 1m", windows[2] / windows[0], atMost: 1.25)
        try evaluateRules(&verdicts)
        let missed = try EngineAlone(failedEvery: 25).time(Comparison.quantile, isRange: true).median
        say("  1 h, step 15 s: \(Comparison.quantile): \(shown(missed))")
        verdicts.judge("with missed scrapes against without", missed / quantileOverAnHour, atMost: 2)
        return verdicts.missed
    }

    /// The median and the least of some evaluations, after a first one that also resolves the selectors.
    private func time(
        _ text: String,
        isRange: Bool,
        rounds: Int = 8
    ) throws -> (first: Double, median: Double, least: Double) {
        let expression = try parse(text)
        let times = try (0..<rounds).map { _ in
            let before = processorTime()
            let reader = store.reader()
            if isRange {
                let start = end - .seconds(3600)
                _ = try engine.range(expression, from: start, through: end, step: .seconds(15), reader: reader)
            } else {
                _ = try engine.instant(expression, at: end, reader: reader)
            }
            return processorTime() - before
        }
        let later = Array(times.dropFirst())
        return (times[0], median(later), later.min() ?? .nan)
    }

    /// The median of evaluations before each of which a series was added.
    private func timeAfterChanges(_ text: String) throws -> Double {
        let expression = try parse(text)
        let appender = store.appender(source: "newcomers")
        return median(
            try (0..<5).map { round in
                let labels = Labels([
                    ("__name__", "http_request_duration_seconds_bucket"), ("le", "+Inf"), ("route", "/new/\(round)"),
                ])
                appender.append(try appender.series(labels), 1)
                _ = try appender.commit(at: end + .milliseconds(Int64(round) + 1))
                let before = processorTime()
                _ = try engine.instant(expression, at: end, reader: store.reader())
                return processorTime() - before
            }
        )
    }

    private func evaluateRules(_ verdicts: inout Verdicts) throws {
        let rules = try (0..<25).flatMap { route -> [Expression] in
            let selector = "route=\"/api/v1/r\(route)\""
            let bucket = "http_request_duration_seconds_bucket{\(selector)}[1m]"
            return try [
                "sum by (status) (rate(http_requests_total{\(selector)}[1m]))",
                "sum by (instance) (rate(http_requests_total{\(selector),status=~\"5..\"}[1m])) / sum by (instance) "
                    + "(rate(http_requests_total{\(selector)}[1m])) > 0.01",
                "histogram_quantile(0.99, sum by (le, instance) (rate(\(bucket)))) > 5",
                "sum by (method) (rate(http_request_duration_seconds_sum{\(selector)}[1m])) / sum by (method) "
                    + "(rate(http_request_duration_seconds_count{\(selector)}[1m])) > 2",
            ].map { try parse($0) }
        }
        let rounds = try (0..<6).map { _ in
            let before = processorTime()
            for rule in rules { _ = try engine.instant(rule, at: end, reader: store.reader()) }
            return processorTime() - before
        }
        verdicts.judge("\(rules.count) rules, CPU ms", median(Array(rounds.dropFirst())), atMost: 100)
    }
}

/// CPU milliseconds of this process.
private func processorTime() -> Double {
    var usage = rusage()
    _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    return Double(seconds) * 1000 + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000
}

/// Seconds since 1970.
func wallClockSeconds() -> Int { time(nil) }

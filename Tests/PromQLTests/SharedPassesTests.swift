// SPDX-License-Identifier: Apache-2.0

import PromQL
import TestSupport
import Testing
import TimeSeries

/// Plans of one batch that read the same series in the same way read them once.
@Suite struct SharedPassesTests {
    private static let texts = [
        "sum by (route) (rate(requests_total[1m]))", "sum by (instance) (rate(requests_total[1m]))",
        "max(rate(requests_total[1m])) > 0", "count(requests_total)", "sum(requests_total)", "rate(requests_total[1m])",
        "sum(increase(requests_total[1m]))", "quantile_over_time(0.5, requests_total[1m])",
        "sum(quantile_over_time(0.5, requests_total[1m]))", "sum(quantile_over_time(0.9, requests_total[1m]))",
        "sum(native)", "count(rate(native[1m]))", "avg(native)", "histogram_quantile(0.5, sum(rate(native[1m])))",
        "sum(requests_total offset 10s)", "count(requests_total offset 10s)", "sum(rate(requests_total[1m] @ 1030))",
        "min(rate(requests_total[1m] @ 1030))", "absent_over_time(requests_total[1m])",
        "sum(predict_linear(requests_total[1m], 60))", "max(predict_linear(requests_total[1m], 60))",
        "sum(rate(requests_total{route=\"/1\"}[1m]))", "count_values(\"v\", requests_total)", "topk(2, requests_total)",
    ]

    private static func fill(_ store: TimeSeriesStore) throws {
        let appender = store.appender(source: "target")
        let histogram = try SeriesDescription.histogram(parsing: "{{schema:1 count:9 sum:20 buckets:[1 2 3]}}")
            .histogram
        for step in 0..<40 {
            for index in 0..<20 {
                let series = try appender.series(
                    Labels([
                        ("__name__", "requests_total"), ("route", "/\(index % 4)"), ("instance", "i\(index / 4)"),
                    ])
                )
                appender.append(series, Double(step * index))
            }
            appender.append(try appender.series(["__name__": "native"]), histogram)
            _ = try appender.commit(at: Timestamp(milliseconds: 1_000_000 + Int64(step) * 5_000))
        }
    }

    private static func text(_ value: QueryValue) -> [String] {
        switch value {
        case .vector(let samples): samples.map { "\($0.labels) \($0.value)" }.sorted()
        default: ["\(value)"]
        }
    }

    @Test func `sharing changes no result and saves passes`() throws {
        let store = TimeSeriesStore()
        try Self.fill(store)
        let (engine, shared) = (QueryEngine(), SharedPasses())
        let expressions = try Self.texts.map { try parse($0) }
        for tick in 0..<5 {
            let time = Timestamp(milliseconds: 1_060_000 + Int64(tick) * 15_000)
            for (text, expression) in zip(Self.texts, expressions) {
                let reader = store.reader()
                let alone = try engine.instant(expression, at: time, reader: reader)
                let together = try engine.instant(expression, at: time, reader: reader, shared: shared)
                #expect(Self.text(alone.value) == Self.text(together.value), "\(text), tick \(tick)")
                #expect(alone.warnings == together.warnings && alone.infos == together.infos, "\(text)")
            }
        }
        // The first tick shows what is used more than once.
        #expect(shared.passes > 0 && shared.passes % 4 == 0)
        #expect(shared.uses >= shared.passes)
    }

    @Test func `many rules over the same rates read the series once a tick`() throws {
        let store = TimeSeriesStore()
        try Self.fill(store)
        let (engine, shared) = (QueryEngine(), SharedPasses())
        let rules = try (0..<10).map { try parse("sum by (route) (rate(requests_total[1m])) > \($0)") }
        var samples: [Int] = []
        for tick in 0..<3 {
            let time = Timestamp(milliseconds: 1_060_000 + Int64(tick) * 5_000)
            var read = 0
            for rule in rules {
                let result = try engine.instant(rule, at: time, reader: store.reader(), shared: shared)
                read += result.statistics.samples
            }
            samples.append(read)
        }
        #expect(shared.passes == 2)
        #expect(shared.uses == 2 * 9)
        #expect(samples[0] == 10 * samples[1])
        #expect(samples[1] > 0 && samples[1] == samples[2])
    }

    @Test func `what a rule has written is read anew by the next`() throws {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "rule")
        let (engine, shared) = (QueryEngine(), SharedPasses())
        let (total, all) = (try parse("sum(level)"), try parse("sum({__name__=~\"lev.*\"})"))
        for tick in 0..<3 {
            let time = Timestamp(milliseconds: 1_000_000 + Int64(tick) * 5_000)
            for value in [1.0, 2] {
                appender.append(try appender.series(["__name__": "level", "step": "\(tick)-\(value)"]), value)
                _ = try appender.commit(at: time + .milliseconds(Int64(value) - 5))
                shared.forget(metric: "level")
                for expression in [total, all, total, all] {
                    let result = try engine.instant(expression, at: time, reader: store.reader(), shared: shared)
                    let alone = try engine.instant(expression, at: time, reader: store.reader())
                    #expect(Self.text(result.value) == Self.text(alone.value), "tick \(tick)")
                }
            }
        }
        #expect(shared.uses > 0)
    }
}

// SPDX-License-Identifier: Apache-2.0

import PromQL
import Synchronization
import Testing
import TimeSeries

/// A query that takes more than it may ends with an error that says so, soon, and never with part of an answer.
@Suite struct QueryLimitsTests {
    private static let now = Timestamp(milliseconds: 1_700_000_000_000)

    private static func store(series: Int, samples: Int) throws -> TimeSeriesStore {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "target")
        for sample in 0..<samples {
            for index in 0..<series {
                // No order, so that quantiles have to sort.
                let value = Double((sample &* 7919 &+ index) % 1009)
                appender.append(try appender.series(["__name__": "up", "i": "\(index)"]), value)
            }
            _ = try appender.commit(at: now - .seconds(samples - sample))
        }
        return store
    }

    private static func failure(
        _ text: String,
        _ store: TimeSeriesStore,
        range: Duration? = nil,
        _ change: (inout QueryLimits) -> Void
    ) throws -> QueryError? {
        var limits = QueryLimits()
        change(&limits)
        let (engine, expression) = (QueryEngine(), try parse(text))
        do throws(QueryError) {
            if let range {
                _ = try engine.range(
                    expression,
                    from: now - range,
                    through: now,
                    step: .seconds(1),
                    reader: store.reader(),
                    limits: limits
                )
            } else {
                _ = try engine.instant(expression, at: now, reader: store.reader(), limits: limits)
            }
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            ("sum_over_time(vector(1)[1h:1s])", 3_000, nil), ("up", 19, nil), ("up[1m]", 500, nil),
            ("-up", 900, Duration.seconds(59)), ("sum by (i) (up)", 900, .seconds(59)), ("up + up", 39, nil),
            ("count_values(\"v\", up)", 19, nil), ("topk(1, up)", 19, nil),
            ("label_replace(up, \"a\", \"b\", \"c\", \"\")", 19, nil),
            ("max_over_time(rate(up[1m])[1m:1s])", 500, nil), ("quantile(0.5, rate(up[1m]))", 0, nil),
            ("count_over_time(vector(1)[10y:1ms])", 50_000_000, nil), ("vector(1)[100y:1ms]", 50_000_000, nil),
        ] as [(String, Int, Duration?)]
    )
    func `more samples at once than allowed`(text: String, limit: Int, range: Duration?) throws {
        let store = try Self.store(series: 20, samples: 90)
        #expect(try Self.failure(text, store, range: range) { $0.samples = limit } == .tooManySamples)
        if limit < 10_000 {
            #expect(try Self.failure(text, store, range: range) { $0.samples = 100_000 } == nil)
        }
    }

    @Test func `more series or steps than allowed`() throws {
        let store = try Self.store(series: 20, samples: 3)
        for text in ["up", "rate(up[1m])", "sum(up)", "timestamp(up)", "up[1m]", "absent(up)", "up offset 1m"] {
            #expect(try Self.failure(text, store) { $0.series = 19 } == .tooManySeries(limit: 19), "\(text)")
            #expect(try Self.failure(text, store) { $0.series = 20 } == nil, "\(text)")
        }
        #expect(try Self.failure("up", store, range: .seconds(101)) { $0.steps = 100 } == .tooManySteps(limit: 100))
        #expect(try Self.failure("up", store, range: .seconds(100)) { $0.steps = 100 } == nil)
    }

    /// Also where one series, or none, is all that is worked on.
    @Test(
        arguments: [
            "quantile_over_time(0.5, up{i=\"0\"}[5m])", "mad_over_time(up{i=\"0\"}[5m])",
            "quantile_over_time(0.5, sin(vector(time()))[5m:100ms])", "sum_over_time(rate(up{i=\"0\"}[1m])[1h:1s])",
            "up + on (i) up", "sum by (i) (deriv(up[5m]))", "topk(1, up)",
            "stddev_over_time(vector(time())[5m:100ms])", "up{i=\"0\"} smoothed",
        ],
        [QueryError.timedOut, .cancelled]
    )
    func `a query that has to end ends soon`(text: String, reason: QueryError) throws {
        let store = try Self.store(series: 20, samples: 600)
        let expression = try parse(text, options: ParserOptions(features: .all))
        let asked = Mutex(0)
        var limits = QueryLimits()
        func run() throws(QueryError) {
            _ = try QueryEngine(configuration: QueryEngine.Configuration(features: .all)).range(
                expression,
                from: Self.now - .seconds(500),
                through: Self.now,
                step: .seconds(1),
                reader: store.reader(),
                limits: limits
            )
        }
        limits.shouldStop = {
            asked.withLock { $0 += 1 }
            return nil
        }
        try run()
        let whole = asked.withLock { $0 }
        #expect(whole > 4)
        // The reason comes up half way, and nothing is asked after it.
        asked.withLock { $0 = 0 }
        limits.shouldStop = {
            asked.withLock {
                $0 += 1
                return $0 >= whole / 2 ? reason : nil
            }
        }
        #expect(throws: reason) { try run() }
        #expect(asked.withLock { $0 } == whole / 2)
    }
}

// SPDX-License-Identifier: Apache-2.0

import PromQL
import TestSupport
import Testing
import TimeSeries

@Suite struct SelectionTests {
    private static func value(_ text: String, _ engine: QueryEngine, _ store: TimeSeriesStore, at time: Timestamp)
        throws
        -> [String: Double]
    {
        let result = try engine.instant(try parse(text), at: time, reader: store.reader())
        guard case .vector(let samples) = result.value else { return [:] }
        var values: [String: Double] = [:]
        for sample in samples {
            if case .float(let value) = sample.value { values[sample.labels.description] = value }
        }
        return values
    }

    @Test func `a series that had no sample yet when it was selected is found as soon as it has one`() throws {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "target")
        let series = try appender.series(["__name__": "requests_total", "route": "/a"])
        let (engine, time) = (QueryEngine(), Timestamp(milliseconds: 1_000_000))
        #expect(try Self.value("requests_total", engine, store, at: time).isEmpty)
        appender.append(series, 3)
        _ = try appender.commit(at: time)
        #expect(try Self.value("requests_total", engine, store, at: time).count == 1)
        #expect(engine.selectionCounts.made == 1)
    }

    @Test func `selections and groups follow the series without being made anew`() throws {
        var generator = SeededGenerator(seed: 7)
        var configuration = StoreConfiguration()
        configuration.retention = .seconds(30)
        let store = TimeSeriesStore(configuration)
        let appender = store.appender(source: "target")
        let engine = QueryEngine()
        let texts = [
            "sum by (pod) (up_seconds)", "sum without (pod) (rate(up_seconds[20s]))", "up_seconds{pod=~\"p.*\"}",
            "count({__name__=~\".+\",pod!=\"p3\"})",
            "max by (pod) (last_over_time({__name__=~\"up.*\",pod=\"p1\"}[10s]))",
        ]
        var names: Set<Int> = Set(0..<5)
        for round in 0..<60 {
            // One goes, one comes; what is gone leaves the store after the retention.
            if let gone = names.randomElement(using: &generator), names.count > 3 { names.remove(gone) }
            names.insert(Int.random(in: 0..<40, using: &generator))
            let time = Timestamp(milliseconds: 1_000_000 + Int64(round) * 5_000)
            for name in names.sorted() {
                let labels = Labels([("__name__", "up_seconds"), ("pod", "p\(name)"), ("zone", "z\(name % 2)")])
                appender.append(try appender.series(labels), Double(round * name))
            }
            _ = try appender.commit(at: time)
            for text in texts {
                let remembered = try Self.value(text, engine, store, at: time)
                #expect(try remembered == Self.value(text, QueryEngine(), store, at: time), "\(text), round \(round)")
            }
        }
        #expect(engine.selectionCounts.made == 4)
        #expect(engine.selectionCounts.refreshed > 60)
    }

    @Test func `series of one name that differ in its type do not count as unique`() throws {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "target")
        let time = Timestamp(milliseconds: 1_000_000)
        for step in 0..<3 {
            for type in ["counter", "gauge"] {
                appender.append(try appender.series(["__name__": "a", "__type__": type]), Double(step))
            }
            _ = try appender.commit(at: time + .seconds(step))
        }
        let engine = QueryEngine()
        #expect(throws: QueryError.self) { try Self.value("sum(rate(a[1m]))", engine, store, at: time + .seconds(2)) }
        #expect(try Self.value("sum(a)", engine, store, at: time + .seconds(2)) == ["{}": 4])
    }
}

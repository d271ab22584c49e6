// SPDX-License-Identifier: Apache-2.0

import Testing
import TimeSeries

/// Random commits of many shapes, then random questions, against plain lists.
@Suite struct StorePropertyTests {
    /// How the values of a series move.
    enum Shape: CaseIterable {
        case constant, counter, decimals, gauge, noise, odd, mixed

        func next(after value: Double, _ random: inout SeededGenerator) -> Double {
            switch self {
            case .constant: return value
            case .counter:
                return Int.random(in: 0..<200, using: &random) == 0
                    ? 0 : value + Double(Int.random(in: 0..<12, using: &random))
            case .decimals: return ((value * 1000).rounded() + Double(Int.random(in: 0..<900, using: &random))) / 1000
            case .gauge: return Double(Int.random(in: -50...50, using: &random))
            case .noise: return Double.random(in: -1e6...1e6, using: &random)
            case .odd:
                return [
                    0, -0.0, 1e300, .leastNonzeroMagnitude, .infinity, -.infinity, .nan, 9_007_199_254_740_992, 0.1,
                    -1e-9, 4_294_967_296,
                ]
                .randomElement(using: &random) ?? 0
            case .mixed:
                return Int.random(in: 0..<40, using: &random) == 0
                    ? Double.random(in: 0...1, using: &random) : (value + 1).rounded()
            }
        }
    }

    static func histogram(_ random: inout SeededGenerator) -> FloatHistogram {
        let buckets = (0..<Int.random(in: 0...5, using: &random)).map { _ in
            Double(Int.random(in: 0...100, using: &random))
        }
        return FloatHistogram(
            schema: Int32.random(in: -4...8, using: &random),
            zeroThreshold: 1e-128,
            zeroCount: Double(Int.random(in: 0...9, using: &random)),
            count: Double.random(in: 0...1000, using: &random).rounded(),
            sum: Double.random(in: -10...10, using: &random),
            positiveSpans: [.init(offset: 1, length: UInt32(buckets.count))],
            positiveBuckets: buckets
        )
    }

    struct Run {
        var model = ModelStore()
        let store: TimeSeriesStore
        var now: Int64 = 1_700_000_000_000

        /// Writes `commits` commits from a few sources with series that come and go.
        mutating func write(commits: Int, _ random: inout SeededGenerator, withSide: Bool) throws {
            let sources = (0..<3).map { "source \($0)" }
            var values: [Labels: Double] = [:]
            var references: [Labels: SeriesReference] = [:]
            let series = (0..<12).map { number in
                (
                    labels: Labels([("__name__", "m\(number % 4)"), ("i", "\(number)"), ("s", "\(number % 3)")]),
                    number: number
                )
            }
            let step = [1000, 1000, 777, 15_000].randomElement(using: &random) ?? 1000
            for _ in 0..<commits {
                now += Int64(Int.random(in: 0..<20, using: &random) == 0 ? step * 3 + 1 : step)
                let chosen = Int.random(in: 0..<3, using: &random)
                let appender = store.appender(source: sources[chosen])
                var batch: [(labels: Labels, time: Int64?, value: SampleValue)] = []
                for (labels, number) in series where number % 3 == chosen {
                    if Int.random(in: 0..<30, using: &random) == 0 { continue }
                    let shape = Shape.allCases[number % Shape.allCases.count]
                    let value = shape.next(after: values[labels] ?? 0, &random)
                    values[labels] = value
                    var time: Int64?
                    var sample = SampleValue.float(value)
                    if withSide, number == 11 || (number == 10 && Int.random(in: 0..<50, using: &random) == 0) {
                        sample = .histogram(StorePropertyTests.histogram(&random))
                    } else if withSide, number == 9 {
                        time = now + Int64(Int.random(in: -5000...5000, using: &random))
                    }
                    batch.append((labels, time, sample))
                    if time == nil, Int.random(in: 0..<100, using: &random) == 0 {
                        batch.append((labels, nil, .float(7)))
                    }
                }
                for (labels, time, value) in batch {
                    var reference = try references[labels] ?? appender.series(labels)
                    if !appender.knows(reference) { reference = try appender.series(labels) }
                    references[labels] = reference
                    switch (value, time) {
                    case (.float(let value), nil): appender.append(reference, value)
                    case (.float(let value), let time?):
                        appender.append(reference, value, at: Timestamp(milliseconds: time))
                    case (.histogram(let value), nil): appender.append(reference, value)
                    case (.histogram(let value), let time?):
                        appender.append(reference, value, at: Timestamp(milliseconds: time))
                    }
                }
                try appender.commit(at: Timestamp(milliseconds: now))
                model.commit(sources[chosen], at: now, batch)
            }
        }

        func check(questions: Int, _ random: inout SeededGenerator, seed: UInt64) {
            let reader = store.reader()
            var columns = SampleColumns()
            var handles: [Labels: SeriesHandle] = [:]
            for handle in reader.select([]) { handles[handle.labels] = handle }
            #expect(Set(handles.keys) == Set(model.series.keys), "seed \(seed)")
            let labels = model.series.keys.sorted()
            for _ in 0..<questions {
                guard let one = labels.randomElement(using: &random), let handle = handles[one] else { continue }
                let end = now - Int64.random(in: -5000...2_000_000, using: &random)
                let length = [0, 1000, 30_000, 300_000, 3_000_000, 100_000_000].randomElement(using: &random) ?? 0
                let start = end - Int64(length)
                let from = Timestamp(milliseconds: start), to = Timestamp(milliseconds: end)
                columns.removeAll()
                reader.samples(handle, after: from, through: to, into: &columns)
                let expected = model.samples(one, after: start, through: end)
                let isEqual =
                    columns.count == expected.count
                    && expected.indices.allSatisfy {
                        columns.timestamps[$0].milliseconds == expected[$0].timestamp
                            && columns.value(at: $0).isSame(as: expected[$0].value)
                    }
                #expect(
                    isEqual,
                    "seed \(seed): samples of \(one) in (\(start), \(end)]: \(columns.count), not \(expected.count)"
                )
                let latest = reader.latest(handle, at: to, lookback: .milliseconds(length))
                let known = model.latest(one, at: end, lookback: Int64(length))
                #expect(latest?.timestamp.milliseconds == known?.timestamp, "seed \(seed): latest of \(one) at \(end)")
                if let latest, let known {
                    #expect(latest.value.isSame(as: known.value), "seed \(seed): latest of \(one)")
                }
                let window = reader.counterWindow(handle, after: from, through: to)
                let reference = model.counterWindow(one, after: start, through: end)
                reader.counterWindows([handle][...], after: from, through: to) { position, again in
                    #expect(position == 0 && again == window)
                }
                if let window {
                    #expect(window.count == reference?.count, "seed \(seed): window of \(one) in (\(start), \(end)]")
                    #expect(window.firstTimestamp == reference?.firstTimestamp)
                    #expect(window.lastTimestamp == reference?.lastTimestamp)
                    #expect(window.firstValue == reference?.firstValue && window.lastValue == reference?.lastValue)
                    let increase = reference?.increase ?? .nan
                    #expect(abs(window.increase - increase) <= 1e-9 * max(1, abs(increase)), "seed \(seed): \(one)")
                } else if let reference {
                    // A part with values that are not finite may make more of the series walk than need be.
                    let all = model.samples(one, after: .min / 2, through: .max / 2)
                    let hasOdd = all.contains { sample in
                        if case .float(let value) = sample.value {
                            return !value.isFinite && !StaleMarker.isStale(value)
                        }
                        return true
                    }
                    #expect(hasOdd, "seed \(seed): no window of \(one), expected \(reference)")
                }
            }
        }
    }

    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func answersAreThoseOfPlainLists(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var configuration = StoreConfiguration()
        configuration.retention = .seconds(30 * 86_400)
        var run = Run(store: TimeSeriesStore(configuration))
        for _ in 0..<4 {
            try run.write(commits: 400, &random, withSide: seed % 2 == 0)
            run.check(questions: 150, &random, seed: seed)
        }
    }

    @Test func selectionsAreThoseOfTheMatchers() throws {
        var random = SeededGenerator(seed: 7)
        let store = TimeSeriesStore()
        let appender = store.appender(source: "a")
        var all: [Labels] = []
        for number in 0..<500 {
            var pairs = [("__name__", "metric\(number % 7)"), ("id", "\(number)")]
            if number % 3 == 0 { pairs.append(("zone", ["a", "b", "ab", "c.d"][number % 4])) }
            if number % 5 == 0 { pairs.append(("extra", "x\(number % 10)")) }
            let labels = Labels(pairs)
            all.append(labels)
            appender.append(try appender.series(labels), 1)
        }
        try appender.commit(at: Timestamp(milliseconds: 1000))
        let reader = store.reader()
        let values = [
            "metric1", "metric.*", "metric[12]", "a|b", "", ".*", ".+", "x.+", "1.*", "nosuch", "(a|c\\.d)", "49\\d",
            "a.*",
        ]
        let names = ["__name__", "id", "zone", "extra", "nosuch"]
        for _ in 0..<2000 {
            let matchers = try (0..<Int.random(in: 0...3, using: &random)).map { _ in
                try LabelMatcher(
                    names.randomElement(using: &random) ?? "id",
                    LabelMatcher.Operation.allCases.randomElement(using: &random) ?? .equal,
                    values.randomElement(using: &random) ?? ""
                )
            }
            let expected = all.filter { labels in matchers.allSatisfy { $0.matches(labels) } }.sorted()
            #expect(reader.select(matchers).map(\.labels).sorted() == expected, "\(matchers)")
        }
        #expect(reader.labelNames() == ["__name__", "extra", "id", "zone"])
        #expect(reader.labelValues("zone") == ["a", "ab", "b", "c.d"])
        #expect(reader.labelValues("__name__", matching: [.equal("id", "8")]) == ["metric1"])
        #expect(reader.labelNames(matching: [.equal("id", "1")]) == ["__name__", "id"])
    }
}

// SPDX-License-Identifier: Apache-2.0

import PromQL
import TestSupport
import Testing
import TimeSeries

/// Running totals and shared sampling times give what a look at every sample gives, whatever the series are like.
@Suite struct StepPathsTests {
    private static let step: Int64 = 1_000
    private static let start: Int64 = 1_700_000_000_000

    /// The same samples twice: by commits, and each with a timestamp of its own, which every sample is looked at for.
    private struct Twins {
        let commits = TimeSeriesStore()
        let single = TimeSeriesStore()
        private var values: [Labels: Double] = [:]

        /// - Parameter commitCount: so many commits of two targets, some of them failed.
        init(commits commitCount: Int, _ random: inout SeededGenerator) throws {
            let targets = ["a", "b"]
            let failures = [2, 20, 1_000].randomElement(using: &random) ?? 20
            let all = targets.map { target in
                (0..<30).map { Labels([("__name__", "m\($0 % 3)_total"), ("i", "\($0)"), ("target", target)]) }
            }
            // Some come later, some go, some have gaps of their own, some have numbers that are not finite.
            let lives = all.map { series in
                series.map { _ -> Range<Int> in
                    guard Int.random(in: 0..<4, using: &random) == 0 else { return 0..<commitCount }
                    let first = Int.random(in: 0..<commitCount, using: &random)
                    return first..<Int.random(in: first...commitCount, using: &random)
                }
            }
            var present = targets.map { _ in Set<Int>() }
            for round in 0..<commitCount {
                for (number, target) in targets.enumerated() {
                    let moment = StepPathsTests.start + Int64(round) * StepPathsTests.step + Int64(number) * 7
                    let time = Timestamp(milliseconds: moment)
                    let (one, other) = (commits.appender(source: target), single.appender(source: target))
                    let hasFailed = Int.random(in: 0..<failures, using: &random) == 0
                    var now: Set<Int> = []
                    for (index, labels) in all[number].enumerated() where !hasFailed {
                        guard lives[number][index].contains(round) else { continue }
                        if index % 10 == 7, Int.random(in: 0..<15, using: &random) == 0 { continue }
                        let value = next(labels, index, &random)
                        one.append(try one.series(labels), value)
                        other.append(try other.series(labels), value, at: time)
                        now.insert(index)
                    }
                    for index in present[number].subtracting(now) {
                        other.append(try other.series(all[number][index]), StaleMarker.value, at: time)
                    }
                    present[number] = now
                    _ = try one.commit(at: time)
                    _ = try other.commit(at: time)
                }
            }
        }

        private mutating func next(_ labels: Labels, _ index: Int, _ random: inout SeededGenerator) -> Double {
            let restarts = Int.random(in: 0..<50, using: &random) == 0
            var value = restarts ? 0 : (values[labels] ?? 0) + Double(Int.random(in: 0...9, using: &random)) / 4
            if index % 10 == 9, Int.random(in: 0..<40, using: &random) == 0 {
                value = [.infinity, .nan, -.infinity, 1e300].randomElement(using: &random) ?? 0
            }
            values[labels] = value.isFinite ? value : 1
            return value
        }
    }

    private static let texts = [
        "rate(m0_total[20s])", "increase(m0_total[1m])", "delta(m1_total[7s])", "sum(rate(m0_total[20s]))",
        "sum by (target) (increase(m1_total[1m] offset 3s))", "sum by (i) (m0_total)", "count(m1_total)",
        "sum by (i) (m2_total offset -2s)", "count(rate(m2_total[20s] offset -2s))", "max by (i) (m1_total)",
        "max by (i) (rate({__name__=~\"m.*\"}[15s]))", "count by (target) ({__name__=~\"m.*\"})",
    ]

    @Test(arguments: 0..<12) func `fast ways give what a look at every sample gives`(round: Int) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        let count = [40, 300, 900].randomElement(using: &random) ?? 300
        let twins = try Twins(commits: count, &random)
        let (engine, twin) = (QueryEngine(), QueryEngine())
        var values = 0
        for text in Self.texts {
            let expression = try parse(text)
            for _ in 0..<12 {
                let start = Self.start + Int64.random(in: -20_000...Int64(count) * 1_000, using: &random)
                let steps = Int64.random(in: 0...80, using: &random)
                let step = [1_000, 3_000, 15_000, 777].randomElement(using: &random) ?? 1_000
                let results = try [(engine, twins.commits), (twin, twins.single)].map { engine, store in
                    try engine.range(
                        expression,
                        from: Timestamp(milliseconds: start),
                        through: Timestamp(milliseconds: start + steps * Int64(step)),
                        step: .milliseconds(step),
                        reader: store.reader()
                    )
                }
                let texts = results.map { Self.text($0.value) }
                values += texts[0].count
                #expect(texts[0] == texts[1], "seed \(seed): \(text) from \(start), \(steps) steps of \(step)")
                #expect(results[0].infos == results[1].infos, "seed \(seed): \(text)")
            }
        }
        #expect(values > 1_000)
    }

    private static func text(_ value: QueryValue) -> [String] {
        guard case .matrix(let series) = value else { return [] }
        return series.flatMap { one in
            one.samples.map { sample in
                guard case .float(let value) = sample.value else { return "histogram" }
                // To nine digits: how resets are summed up differs.
                let scale = value == 0 || !value.isFinite ? 1 : 1e9 / value.magnitude
                let rounded = value.isFinite && scale.isFinite ? (value * scale).rounded() / scale : value
                return "\(one.labels) \(sample.timestamp.milliseconds) \(Float(rounded))"
            }
        }
        .sorted()
    }
}

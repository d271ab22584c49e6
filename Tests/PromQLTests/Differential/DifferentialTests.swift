// SPDX-License-Identifier: Apache-2.0

import Foundation
import PromQL
import TestSupport
import Testing
import TimeSeries

/// Random expressions over the same samples in Prometheus 2.42 and here. What changed between it and the version that
/// is followed stands in docs/promql.md; the run steers around it.
@Suite(.serialized, .enabled(if: findExecutable("prometheus") != nil, "prometheus is not installed"))
struct DifferentialTests {
    @Test(.timeLimit(.minutes(3))) func `random expressions give what Prometheus gives`() async throws {
        try await DifferentialRun(count: 2_000).run()
    }
}

/// The same for longer.
@Suite(
    .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1", "SIDECAR_CHAOS=1 runs it")
)
struct DifferentialChaosTests {
    @Test(.timeLimit(.minutes(10))) func `many more random expressions give what Prometheus gives`() async throws {
        for _ in 0..<5 { try await DifferentialRun(count: 20_000).run() }
    }
}

/// One set of series and the expressions over it; repeated with `FUZZ_SEED`.
struct DifferentialRun {
    let count: Int
    let seed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0 ... .max)

    func run() async throws {
        var generator = SeededGenerator(seed: seed)
        let series = DifferentialSeries.all(&generator)
        let peer = try await PrometheusPeer(series: series)
        let reader = try Self.store(series).reader()
        let engine = QueryEngine()
        var author = ExpressionAuthor(generator: generator)
        var differences: [String] = []
        var answered = 0
        for round in 0..<count {
            let expression = author.vector(Int.random(in: 0...3, using: &author.generator))
            let offset = Int64.random(in: 1_500...2_600, using: &author.generator) * 1000 + 6
            let time = DifferentialSeries.start + offset
            let isRange = round % 8 == 0
            let theirs = isRange ? peer.queryRange(expression, from: time) : peer.query(expression, at: time)
            let ours = Self.answer(to: expression, at: time, isRange: isRange, engine, reader)
            if theirs != nil { answered += 1 }
            if let difference = Self.difference(ours, theirs, expression) {
                differences.append("\(expression) at \(time): \(difference)")
            }
        }
        await peer.stop()
        print("differential seed \(seed): \(count) expressions, \(answered) answered, \(differences.count) differ")
        #expect(answered > count / 2)
        let shown = differences.prefix(40).joined(separator: "\n")
        #expect(differences.isEmpty, Comment(rawValue: "seed \(seed):\n" + shown))
    }

    private static func store(_ series: [DifferentialSeries]) throws -> TimeSeriesStore {
        var configuration = StoreConfiguration()
        configuration.retention = .seconds(1_000_000_000)
        let store = TimeSeriesStore(configuration)
        let appender = store.appender(source: "differential")
        for index in 0..<DifferentialSeries.count {
            let moment = DifferentialSeries.start + Int64(index) * DifferentialSeries.step
            let time = Timestamp(milliseconds: moment)
            for one in series {
                guard let value = one.values[index] else { continue }
                let labels = Labels([("__name__", one.name)] + one.labels)
                // With its own timestamp, so that a gap is a gap and no end of the series.
                appender.append(try appender.series(labels), value, at: time)
            }
            try appender.commit(at: time)
        }
        return store
    }

    private static func answer(
        to expression: String,
        at time: Int64,
        isRange: Bool,
        _ engine: QueryEngine,
        _ reader: StoreReader
    ) -> [String: Double]? {
        guard let parsed = try? parse(expression) else { return nil }
        let start = Timestamp(milliseconds: time)
        let answer =
            isRange
            ? try? engine.range(parsed, from: start, through: start + .seconds(600), step: .seconds(47), reader: reader)
            : try? engine.instant(parsed, at: start, reader: reader)
        guard let answer else { return nil }
        var values: [String: Double] = [:]
        switch answer.value {
        case .scalar(let value): return ["{}": value]
        case .vector(let samples):
            for sample in samples {
                if case .float(let value) = sample.value { values[sample.labels.description] = value }
            }
        case .matrix(let series):
            for one in series {
                for sample in one.samples {
                    guard case .float(let value) = sample.value else { continue }
                    values["\(one.labels) @ \(sample.timestamp.milliseconds)"] = value
                }
            }
        case .string: return nil
        }
        return values
    }

    private static func difference(
        _ ours: [String: Double]?,
        _ theirs: [String: Double]?,
        _ expression: String
    ) -> String? {
        guard let ours, let theirs else {
            return (ours == nil) == (theirs == nil) ? nil : ours == nil ? "error only here" : "no error here"
        }
        let wrong = Set(ours.keys).union(theirs.keys).sorted().filter { key in
            guard let own = ours[key], let other = theirs[key] else { return true }
            // A single NaN or Inf deviates by NaN now, by 0 then.
            if own.isNaN, other == 0, expression.contains("std") { return false }
            // What overflows in a compensated sum stays infinite now, and was NaN then.
            if own.isInfinite, other.isNaN { return false }
            return !isClose(own, other)
        }
        guard !wrong.isEmpty else { return nil }
        func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "nothing" }
        return wrong.prefix(3).map { "\($0): \(text(ours[$0])) instead of \(text(theirs[$0]))" }.joined(separator: "; ")
    }

    private static func isClose(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        if left == right { return true }
        return abs(left - right) <= 1e-6 * max(abs(left), abs(right), 1e-3)
    }
}

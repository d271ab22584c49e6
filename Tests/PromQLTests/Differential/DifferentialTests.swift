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
        for sharedGaps in [false, true] { try await DifferentialRun(count: 1_000, sharedGaps: sharedGaps).run() }
    }
}

/// The same for longer.
@Suite(
    .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1", "SIDECAR_CHAOS=1 runs it")
)
struct DifferentialChaosTests {
    @Test(.timeLimit(.minutes(10))) func `many more random expressions give what Prometheus gives`() async throws {
        for round in 0..<5 { try await DifferentialRun(count: 20_000, sharedGaps: round % 2 == 1).run() }
    }
}

/// One set of series and the expressions over it; repeated with `FUZZ_SEED`.
struct DifferentialRun {
    let count: Int
    let sharedGaps: Bool
    let seed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0 ... .max)

    func run() async throws {
        var generator = SeededGenerator(seed: seed)
        let series = DifferentialSeries.all(&generator, sharedGaps: sharedGaps)
        let pair = try await DifferentialPair(series, sharedGaps: sharedGaps)
        var author = ExpressionAuthor(generator: generator)
        var differences: [String] = []
        var answered = 0
        for round in 0..<count {
            let expression = author.vector(Int.random(in: 0...3, using: &author.generator))
            let offset = Int64.random(in: 1_500...2_600, using: &author.generator) * 1000 + 6
            let time = DifferentialSeries.start + offset
            let (isAnswered, difference) = pair.ask(expression, at: time, isRange: round % 8 == 0, tolerance: 1e-6)
            if isAnswered { answered += 1 }
            if let difference { differences.append("\(expression) at \(time): \(difference)") }
        }
        await pair.stop()
        let gaps = sharedGaps ? "shared" : "single"
        print(
            "differential seed \(seed), \(gaps) gaps: \(count) expressions, \(answered) answered, "
                + "\(differences.count) differ"
        )
        #expect(answered > count / 2)
        let shown = differences.prefix(40).joined(separator: "\n")
        #expect(differences.isEmpty, Comment(rawValue: "seed \(seed), \(gaps) gaps:\n" + shown))
    }
}

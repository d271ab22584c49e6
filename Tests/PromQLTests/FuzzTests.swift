// SPDX-License-Identifier: Apache-2.0

import Foundation
import PromQLFuzzing
import Testing

/// A small share of what `make fuzz` does.
struct FuzzTests {
    static let seed =
        ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0 ... .max)

    @Test(.timeLimit(.minutes(2))) func `no text crashes parser, printer or evaluator`() throws {
        let cases = ConformanceData.folder.appendingPathComponent("cases.json").path
        var fuzzer = try ExpressionFuzzer(seed: Self.seed, corpus: ExpressionCorpus(cases: cases))
        fuzzer.run(0..<20_000)
        let findings = fuzzer.findings.prefix(10).map(\.description).joined(separator: "\n")
        #expect(fuzzer.findings.isEmpty, "seed \(Self.seed): \(findings)")
        #expect(fuzzer.tally.parsed > 1_000)
        #expect(fuzzer.tally.answered > 500)
    }
}

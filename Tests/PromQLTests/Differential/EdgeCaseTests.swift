// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Expressions at the edges of the language, at a moment and over a range, with Prometheus 2.42 as the judge. What
/// changed since stands in docs/promql.md.
@Suite(.serialized, .enabled(if: findExecutable("prometheus") != nil, "prometheus is not installed"))
struct EdgeCaseTests {
    @Test(.timeLimit(.minutes(3))) func `extremes and oddities give what Prometheus gives`() async throws {
        let comparison = try await DifferentialPair(EdgeCases.series, sharedGaps: false)
        let time = DifferentialSeries.start + 1_800_006
        var differences: [String] = []
        let all = EdgeCases.combined + EdgeCases.single
        for (index, expression) in all.enumerated() {
            for isRange in index % 3 == 0 ? [false, true] : [false] {
                let (_, difference) = comparison.ask(expression, at: time, isRange: isRange, tolerance: 1e-12)
                guard let difference else { continue }
                differences.append("\(isRange ? "range " : "")\(expression): \(difference)")
            }
        }
        await comparison.stop()
        print("edge cases: \(all.count) expressions, \(differences.count) differ")
        let shown = Comment(rawValue: differences.prefix(400).joined(separator: "\n"))
        #expect(differences.isEmpty, shown)
    }
}

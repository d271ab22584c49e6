// SPDX-License-Identifier: Apache-2.0

import Exposition
import Testing

@Suite
struct LintTests {
    static let bodies: [(body: String, findings: [String])] = [
        ("# HELP a_total h\n# TYPE a_total counter\na_total 1\n", []), ("", []), ("# HELP a h\n# TYPE a gauge\n", []),
        ("a 1\n", ["a no help text"]), ("# HELP a\na 1\n", ["a no help text"]),
        ("# HELP a \na 1\n", ["a no help text"]),
        ("# HELP a h\n# TYPE a counter\na 1\n", ["a counter metrics should have \"_total\" suffix"]),
        (
            "# HELP a_total h\n# TYPE a_total gauge\na_total 1\n",
            ["a_total non-counter metrics should not have \"_total\" suffix"]
        ), ("# HELP a_total h\na_total 1\n", []),
        (
            "# HELP a_milliseconds h\na_milliseconds 1\n",
            ["a_milliseconds use base unit \"seconds\" instead of \"milliseconds\""]
        ), ("# HELP a_seconds h\na_seconds 1\n", []),
        ("# HELP a_hours_total h\na_hours_total 1\n", ["a_hours_total use base unit \"seconds\" instead of \"hours\""]),
        ("# HELP thermometers h\nthermometers 1\n", []),
        ("# HELP a_kibibytes h\na_kibibytes 1\n", ["a_kibibytes use base unit \"bytes\" instead of \"kibibytes\""]),
        ("# HELP a_ms h\na_ms 1\n", ["a_ms metric names should not contain abbreviated units"]),
        ("# HELP a_d_e h\na_d_e 1\n", ["a_d_e metric names should not contain abbreviated units"]),
        ("# HELP a_counter h\na_counter 1\n", ["a_counter metric name should not include type 'counter'"]),
        ("# HELP a_Gauge_x h\na_Gauge_x 1\n", ["a_Gauge_x metric name should not include type 'gauge'"]),
        ("# HELP a:b h\na:b 1\n", ["a:b metric names should not contain ':'"]),
        ("# HELP aB h\naB 1\n", ["aB metric names should be written in 'snake_case' not 'camelCase'"]),
        ("# HELP a h\na{bC=\"d\"} 1\n", ["a label names should be written in 'snake_case' not 'camelCase'"]),
        ("# HELP a h\n# TYPE a gauge\na{le=\"1\"} 1\n", ["a non-histogram metrics should not have \"le\" label"]),
        (
            "# HELP a h\n# TYPE a gauge\na{quantile=\"1\"} 1\n",
            ["a non-summary metrics should not have \"quantile\" label"]
        ), ("# HELP a h\na{quantile=\"1\",le=\"2\"} 1\n", []),
        (
            "# HELP a_bucket h\n# TYPE a_bucket gauge\na_bucket 1\n",
            ["a_bucket non-histogram metrics should not have \"_bucket\" suffix"]
        ),
        (
            "# HELP a_sum h\n# TYPE a_sum gauge\na_sum 1\n",
            ["a_sum non-histogram and non-summary metrics should not have \"_sum\" suffix"]
        ),
        (
            "# HELP a_count h\n# TYPE a_count gauge\na_count 1\n",
            ["a_count non-histogram and non-summary metrics should not have \"_count\" suffix"]
        ),
        ("# HELP a h\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 2\n", []),
        ("# HELP a h\n# TYPE a summary\na{quantile=\"0.5\"} 1\na_sum 3\na_count 2\n", []),
        ("b 1\na 1\n", ["a no help text", "b no help text"]),
    ]

    @Test(arguments: bodies)
    func findsWhatPromtoolFinds(body: String, findings: [String]) throws {
        #expect(try Self.findings(Array(body.utf8)) == findings)
    }

    @Test(arguments: [
        ("# HELP a h\na 1\na 1\n", "a the same series comes more than once"),
        ("# HELP a h\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n", "a the same series comes more than once"),
        ("# HELP a h\n# HELP b h\na 1\nb 1\na{x=\"y\"} 1\n", "a samples of one metric should stand together"),
        (
            "# HELP a_total h\n# TYPE a_total counter\na_total -1\n",
            "a_total counter values should not be negative or NaN"
        ),
        (
            "# HELP a_total h\n# TYPE a_total counter\na_total NaN\n",
            "a_total counter values should not be negative or NaN"
        ),
        (
            "# HELP a h\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_count 1\n",
            "a histograms should have a bucket with le=\"+Inf\""
        ),
        (
            "# HELP a h\n# TYPE a histogram\na_bucket{le=\"1\"} 3\na_bucket{le=\"+Inf\"} 2\n",
            "a histogram buckets should be cumulative and in ascending order"
        ),
        (
            "# HELP a h\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_bucket{le=\"1\"} 2\n",
            "a histogram buckets should be cumulative and in ascending order"
        ),
        (
            "# HELP a h\n# TYPE a histogram\na_bucket{x=\"1\",le=\"+Inf\"} 2\na_count{x=\"1\"} 3\n",
            "a the \"+Inf\" bucket should be equal to \"_count\""
        ),
    ])
    func findsMore(body: String, finding: String) throws {
        #expect(try Self.findings(Array(body.utf8)) == [finding])
    }

    @Test(arguments: [
        ("a 1\n# TYPE a gauge\n", "2:1"), ("# TYPE a gauge\n# TYPE a gauge\n", "2:1"),
        ("# HELP a h\n# HELP a h\n", "2:1"), ("a{b=\"c\",b=\"d\"} 1\n", "1:9"), ("a{b=\"\\x\"} 1\n", "1:7"),
        ("# TYPE a histogram\na_bucket{le=\"x\"} 1\n", "2:14"), ("# TYPE a summary\na{quantile=\"x\"} 1\n", "2:13"),
        ("a b\n", "1:3"), ("a{b=\"c\" d=\"e\"} 1\n", "1:9"),
        ("a{" + (0..<40).map { "l\($0)=\"\"," }.joined() + "l7=\"\"} 1\n", "1:1"),
    ])
    func refusesWhatCannotBeRead(body: String, place: String) {
        do {
            _ = try Self.findings(Array(body.utf8))
            Issue.record("it was read")
        } catch {
            #expect("\(error)".hasPrefix(place + ": "), "\(error)")
        }
    }

    @Test func openMetricsIsCheckedByItsOwnNames() throws {
        let findings = try Self.findings(Bodies.openMetrics, .openMetrics)
        #expect(findings.filter { !$0.hasSuffix("no help text") } == [])
    }

    /// What the linter says. A function, because a span must not get into an expectation.
    static func findings(_ body: [UInt8], _ encoding: ExpositionFormat.Encoding = .text) throws -> [String] {
        try ExpositionLinter.lint(body.span, encoding: encoding).map(\.description)
    }

    @Test func piecesAreCheckedTheSame() throws {
        let body = Array(
            Self.bodies.map(\.body).filter {
                $0.hasPrefix("# HELP thermo") || $0.hasPrefix("# HELP aB") || $0.hasPrefix("b 1")
            }.joined().utf8
        )
        let expected = try ExpositionLinter.lint(body.span)
        #expect(expected.count == 3)
        for size in 1...20 {
            var linter = ExpositionLinter()
            var start = 0
            while start < body.count {
                let end = min(body.count, start + size)
                try linter.read(body.span.extracting(start..<end))
                start = end
            }
            #expect(try linter.finish() == expected)
        }
        var random = SeededRandom()
        print("seed \(random.seed)")
        for _ in 0..<5000 { _ = try? ExpositionLinter.lint(MutationTests.mutate(Bodies.text, using: &random).span) }
    }
}

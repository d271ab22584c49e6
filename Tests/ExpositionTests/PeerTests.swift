// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import Testing

/// What real readers say to what the writer writes, and what promtool's lint says to what ours says.
@Suite(.timeLimit(.minutes(1)))
struct PeerTests {
    private struct Outcome {
        var status: Int32
        var lines: [String]
    }

    private func run(_ program: String, _ arguments: [String], input: [UInt8]) throws -> Outcome {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("exposition-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("input")
        try Data(input).write(to: file)
        let output = folder.appendingPathComponent("output")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: file)
        let sink = try FileHandle(forWritingTo: output)
        process.standardOutput = sink
        process.standardError = sink
        try process.run()
        process.waitUntilExit()
        let text = String(decoding: try Data(contentsOf: output), as: UTF8.self)
        return Outcome(status: process.terminationStatus, lines: text.split(separator: "\n").map(String.init))
    }

    private func promtool(_ body: [UInt8]) throws -> Outcome {
        try run("/usr/bin/promtool", ["check", "metrics"], input: body)
    }

    @Test func promtoolFindsNothingInWellNamedFamilies() throws {
        var random = SeededRandom()
        print("seed \(random.seed)")
        var writer = ExpositionWriter(format: .text)
        for index in 0..<40 {
            let kind = [MetricKind.counter, .gauge, .histogram, .summary, .info, .stateSet, .unknown, .gaugeHistogram][
                index % 8
            ]
            var family =
                RandomFamilies.make(8, native: false, using: &random).first { $0.kind == kind }
                ?? MetricFamily(name: "x", kind: kind)
            family.name = "metric_\(index)" + (kind == .counter ? "_total" : kind == .info ? "_info" : "")
            family.help = "Help \\ with \"quotes\"\nand lines."
            if kind == .counter {
                for number in family.metrics.indices { family.metrics[number].value = .number(Double(number)) }
            }
            writer.write(family)
        }
        writer.finish()
        let outcome = try promtool(writer.bytes)
        #expect(outcome.status == 0, "\(outcome.lines)")
        #expect(try LintTests.findings(writer.bytes) == [])
    }

    @Test func promtoolsMessagesAreOurs() throws {
        // Each body's families get a name of their own, so that one run answers for all.
        for (body, findings) in LintTests.bodies {
            let outcome = try promtool(Array(body.utf8))
            #expect(Set(outcome.lines) == Set(findings), "\(body)")
            #expect(outcome.status == (findings.isEmpty ? 0 : 3))
        }
    }

    @Test(arguments: [
        "a 1\n# TYPE a gauge\n", "a b\n", "a{b=\"c\",b=\"d\"} 1\n", "a{b=\"\\x\"} 1\n", "a{b=\"c\" d=\"e\"} 1\n",
        "# TYPE a histogram\na_bucket{le=\"x\"} 1\n", "a 1 1.5\n", "a 1_0\n",
        "a 0x1p-2\n", "a 1e400\n", "a{b=\"c\n", "a{b=c} 1\n", "# HELP a h\n# HELP a h\n", "a 1 2 3\n", "a 1\r\n",
        "{a=\"b\"} 1\n",
    ])
    func promtoolRefusesWhatWeRefuse(body: String) throws {
        #expect(try promtool(Array(body.utf8)).status == 1)
        #expect(throws: ExpositionError.self) { try LintTests.findings(Array(body.utf8)) }
    }

    @Test(.enabled(if: Self.python != nil, "python3-prometheus-client is not installed"))
    func pythonReadsOpenMetrics() throws {
        let python = try #require(Self.python)
        var random = SeededRandom()
        print("seed \(random.seed)")
        var writer = ExpositionWriter(format: .openMetrics)
        for index in 0..<32 {
            let kind = MetricKind.allCases[index % MetricKind.allCases.count]
            var family =
                RandomFamilies.make(8, native: false, using: &random).first { $0.kind == kind }
                ?? MetricFamily(name: "x", kind: kind)
            family.name = "metric_\(index)" + (kind == .counter ? "_total" : kind == .info ? "_info" : "")
            family.metrics = family.metrics.map { metric in
                var metric = metric
                metric.labels = SeriesLabels(
                    metric.labels.pairs.filter { NameEscaping.isClassic($0.name, isLabel: true) }
                )
                if kind == .stateSet { metric.labels = metric.labels.adding(family.name, "on") }
                metric.timestampMilliseconds = nil
                // OpenMetrics forbids what these random numbers may be.
                switch metric.value {
                case .number(let value):
                    metric.value = .number(kind == .counter ? abs(value.isFinite ? value : 1) : value)
                case .histogram(var histogram):
                    if kind == .gaugeHistogram {
                        for index in histogram.buckets.indices { histogram.buckets[index].exemplar = nil }
                    }
                    let isSigned = histogram.buckets.contains { $0.upperBound < 0 }
                    histogram.sum = isSigned ? 1 : abs(histogram.sum.isFinite ? histogram.sum : 1)
                    if isSigned { histogram.buckets.removeAll { $0.upperBound < 0 } }
                    metric.value = .histogram(histogram)
                case .summary(var summary):
                    summary.sum = abs(summary.sum.isFinite ? summary.sum : 1)
                    for index in summary.quantiles.indices {
                        summary.quantiles[index].value = abs(summary.quantiles[index].value)
                    }
                    metric.value = .summary(summary)
                }
                return metric
            }
            var seen: Set<SeriesLabels> = []
            family.metrics.removeAll { !seen.insert($0.labels).inserted }
            writer.write(family)
        }
        writer.finish()
        let script = """
            import sys
            from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
            print(sum(len(f.samples) for f in parse(sys.stdin.buffer.read().decode())))
            """
        let outcome = try run(python, ["-c", script], input: writer.bytes)
        let lines = String(decoding: writer.bytes, as: UTF8.self).split(
            separator: "\n",
            omittingEmptySubsequences: true
        )
        let samples = lines.filter { !$0.hasPrefix("#") }.count
        #expect(outcome.status == 0 && outcome.lines.last == "\(samples)", "\(outcome.lines.suffix(5)) of \(samples)")
    }

    /// A Python that has `prometheus_client`: the one named in the environment, else the system's.
    private static let python: String? = {
        let named = ProcessInfo.processInfo.environment["PROMETHEUS_CLIENT_PYTHON"]
        return ([named].compactMap { $0 } + ["/usr/bin/python3"]).first { path in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = ["-c", "import prometheus_client.openmetrics.parser"]
            process.standardError = FileHandle.nullDevice
            guard (try? process.run()) != nil else { return false }
            process.waitUntilExit()
            return process.terminationStatus == 0
        }
    }()
}

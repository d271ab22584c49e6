// SPDX-License-Identifier: Apache-2.0

import Foundation
import GoFormatting
import PromQL
import TimeSeries
import Yams

/// The conformance data beside the repository: unit-test files in promtool's format and the list of cases in them.
enum ConformanceData {
    static let folder: URL = URL(fileURLWithPath: #filePath)
        .resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("shared/conformance/promql")

    static var isPresent: Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent("cases.json").path)
    }

    struct Case: Decodable, Sendable {
        var id: String
        var expr: String
        var file: String
        var group: Int
        var entries: [Int]
        var flags: [String]?
        var expect_fail: Bool?
        var order_not_checked: Bool?
    }

    static func cases() throws -> [Case] {
        try JSONDecoder().decode([Case].self, from: Data(contentsOf: folder.appendingPathComponent("cases.json")))
    }

    /// Every expression of the data, each once.
    static func expressions() throws -> [String] { Array(Set(try cases().map(\.expr))).sorted() }
}

/// The store did not take what a test loads.
struct Refusal: Error {
    var summary: CommitSummary
}

/// One entry under `tests`: series to load and expressions to evaluate over them.
struct ConformanceGroup {
    struct Entry {
        var expression: String
        var time: Int64
        var samples: [(labels: Labels, value: SampleValue, hasHint: Bool)]
    }

    var entries: [Entry] = []
    var store = TimeSeriesStore()

    init(_ node: Node) throws {
        let interval = Self.milliseconds(node["interval"]?.string ?? "1m")
        for entry in node["promql_expr_test"]?.array() ?? [] {
            entries.append(try Self.entry(entry))
        }
        let last = entries.map(\.time).max() ?? 0
        let limit = last - last % 60_000
        var configuration = StoreConfiguration()
        configuration.retention = .seconds(10_000_000)
        configuration.oldestExplicitAge = .seconds(10_000_000)
        configuration.newestExplicitLead = .seconds(10_000_000)
        configuration.memoryLimit = 2 << 30
        store = TimeSeriesStore(configuration)
        let appender = store.appender(source: "test")
        var columns: [Int64: [(Labels, DescribedSample)]] = [:]
        for series in node["input_series"]?.array() ?? [] {
            let labels = try SeriesDescription.labels(parsing: series["series"]?.string ?? "")
            let samples = try SeriesDescription.samples(parsing: series["values"]?.string ?? "")
            for (index, sample) in samples.enumerated() {
                let time = Int64(index) * interval
                if sample == .missing || time > limit { continue }
                columns[time, default: []].append((labels, sample))
            }
        }
        for time in columns.keys.sorted() {
            for (labels, sample) in columns[time] ?? [] {
                let at = Timestamp(milliseconds: time)
                // A series without samples does not stay in the store.
                let reference = try appender.series(labels)
                switch sample {
                case .missing: continue
                case .float(let value): appender.append(reference, value, at: at)
                case .histogram(let histogram): appender.append(reference, histogram, at: at)
                }
            }
            let summary = try appender.commit(at: Timestamp(milliseconds: time))
            guard summary.refused == 0 else { throw Refusal(summary: summary) }
        }
    }

    static func milliseconds(_ text: String) -> Int64 {
        if text == "0" || text == "0s" { return 0 }
        guard case .number(let literal)? = try? parse(text) else { return 0 }
        return Int64(literal.value * 1000)
    }

    private static func entry(_ node: Node) throws -> Entry {
        var entry = Entry(
            expression: node["expr"]?.string ?? "",
            time: milliseconds(node["eval_time"]?.string ?? "0s"),
            samples: []
        )
        for sample in node["exp_samples"]?.array() ?? [] {
            let labels = try SeriesDescription.labels(parsing: sample["labels"]?.string ?? "{}")
            if let text = sample["histogram"]?.string {
                let (histogram, hasHint) = try SeriesDescription.histogram(parsing: text)
                entry.samples.append((labels, .histogram(histogram), hasHint))
            } else {
                entry.samples.append((labels, .float(sample["value"]?.float ?? 0), false))
            }
        }
        return entry
    }

    /// Files are parsed once.
    static func groups(of file: URL) throws -> [Node] {
        let text = try String(contentsOf: file, encoding: .utf8)
        return try Yams.compose(yaml: text)?["tests"]?.array() ?? []
    }
}

/// How the data says that results are to be judged.
enum Judge {
    static func close(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        if left == right { return true }
        if left.isInfinite || right.isInfinite { return false }
        return abs(left - right) <= 1e-6 * max(abs(left), abs(right)) || abs(left - right) < 1e-300
    }

    static func same(_ got: SampleValue, _ wanted: SampleValue, hasHint: Bool) -> Bool {
        switch (got, wanted) {
        case (.float(let left), .float(let right)): return close(left, right)
        case (.histogram(let left), .histogram(let right)):
            guard left.schema == right.schema, close(left.count, right.count), close(left.sum, right.sum),
                close(left.zeroThreshold, right.zeroThreshold), close(left.zeroCount, right.zeroCount),
                !left.usesCustomBuckets || left.customValues == right.customValues,
                !hasHint || left.counterResetHint == right.counterResetHint
            else { return false }
            return zip2(left.positiveBucketList, right.positiveBucketList)
                && zip2(left.negativeBucketList, right.negativeBucketList)
        default: return false
        }
    }

    private static func zip2(_ left: [HistogramBucket], _ right: [HistogramBucket]) -> Bool {
        let (ours, theirs) = (left.filter { $0.count != 0 }, right.filter { $0.count != 0 })
        return ours.count == theirs.count
            && zip(ours, theirs).allSatisfy { close($0.upper, $1.upper) && close($0.count, $1.count) }
    }

    static func text(_ value: SampleValue) -> String {
        switch value {
        case .float(let float): GoFloat.general(float)
        case .histogram(let histogram): histogram.seriesNotation
        }
    }
}

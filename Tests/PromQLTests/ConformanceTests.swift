// SPDX-License-Identifier: Apache-2.0

import Foundation
import PromQL
import Testing
import TimeSeries
import Yams

@Suite(.enabled(if: ConformanceData.isPresent, "conformance data is not beside the repository"))
struct ConformanceTests {
    @Test func `every case of the conformance data gives Prometheus's result`() throws {
        let cases = try ConformanceData.cases()
        var failures: [String] = []
        var passed = (core: 0, experimental: 0)
        var groups: [String: ConformanceGroup] = [:]
        var files: [String: [Node]] = [:]
        for one in cases {
            let key = "\(one.file)#\(one.group)"
            if groups[key] == nil {
                if files[one.file] == nil {
                    let file = ConformanceData.folder.appendingPathComponent(one.file)
                    files[one.file] = try ConformanceGroup.groups(of: file)
                }
                groups[key] = try files[one.file].map { try ConformanceGroup($0[one.group]) }
            }
            let group = try #require(groups[key])
            if let failure = check(one, group) {
                failures.append("\(one.id) [\(one.file)#\(one.group)]: \(failure)")
            } else if one.flags == nil {
                passed.core += 1
            } else {
                passed.experimental += 1
            }
        }
        print("conformance: \(passed.core) core and \(passed.experimental) experimental of \(cases.count) cases pass")
        #expect(failures.isEmpty, Comment(rawValue: "\(failures.count) fail:\n" + failures.joined(separator: "\n")))
    }

    private func check(_ one: ConformanceData.Case, _ group: ConformanceGroup) -> String? {
        // A rule unit test has everything switched on.
        let features = FeatureSet.all
        let engine = QueryEngine(configuration: QueryEngine.Configuration(features: features))
        let entries = one.entries.map { group.entries[$0] }
        // The data gives a range query as one entry for each step; `step()` is the distance between them.
        let step = entries.count > 1 ? entries[1].time - entries[0].time : 0
        for entry in entries {
            do {
                let expression = try parse(entry.expression, options: ParserOptions(features: features))
                let result: QueryResult
                if one.expr.lowercased().contains("step()") || one.expr.contains("range()") {
                    let end = entries.last?.time ?? entry.time
                    let all = try engine.range(
                        expression,
                        from: Timestamp(milliseconds: entries[0].time),
                        through: Timestamp(milliseconds: end),
                        step: .milliseconds(max(1, step)),
                        reader: group.store.reader()
                    )
                    result = Self.slice(all, at: entry.time)
                } else {
                    result = try engine.instant(
                        expression,
                        at: Timestamp(milliseconds: entry.time),
                        reader: group.store.reader()
                    )
                }
                if one.expect_fail == true { return "is accepted" }
                if let problem = compare(result, entry) {
                    return "\(entry.expression) at \(entry.time) ms: \(problem)"
                }
            } catch {
                if one.expect_fail != true { return "\(entry.expression) at \(entry.time) ms: \(error)" }
            }
        }
        return nil
    }

    private static func slice(_ result: QueryResult, at time: Int64) -> QueryResult {
        guard case .matrix(let series) = result.value else { return result }
        var result = result
        result.value = .vector(
            series.compactMap { one in
                one.samples.first { $0.timestamp.milliseconds == time }
                    .map { Sample(labels: one.labels, value: $0.value) }
            }
        )
        return result
    }

    private func compare(_ result: QueryResult, _ entry: ConformanceGroup.Entry) -> String? {
        var got: [Sample] = []
        switch result.value {
        case .scalar(let value): got = [Sample(labels: Labels(), value: .float(value))]
        case .vector(let samples): got = samples
        case .string, .matrix: return "is not a vector"
        }
        let shown = "got " + got.map { "\($0.labels) \(Judge.text($0.value))" }.joined(separator: ", ")
        let wanted = "expected " + entry.samples.map { "\($0.labels) \(Judge.text($0.value))" }.joined(separator: ", ")
        guard got.count == entry.samples.count else { return "\(wanted) but \(shown)" }
        for sample in entry.samples {
            guard let found = got.first(where: { $0.labels == sample.labels }) else { return "\(wanted) but \(shown)" }
            guard Judge.same(found.value, sample.value, hasHint: sample.hasHint) else {
                return "\(wanted) but \(shown)"
            }
        }
        return nil
    }

    @Test func `printed expressions parse to the same text again`() throws {
        let options = ParserOptions(features: .all)
        for text in try ConformanceData.expressions() {
            guard let expression = try? parse(text, options: options) else { continue }
            let printed = expression.description
            let again = try parse(printed, options: options)
            #expect(again.description == printed, "from \(text)")
        }
    }
}

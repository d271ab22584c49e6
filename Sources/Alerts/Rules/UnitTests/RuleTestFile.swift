// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import PromQL
import TimeSeries
import YAMLDocument

/// A unit-test file in promtool's format.
struct RuleTestFile {
    struct InputSeries {
        var labels: Labels
        var samples: [DescribedSample]
    }

    struct AlertCase {
        var evaluationTime: Duration
        var alertName: String
        var expected: [(labels: Labels, annotations: [AlertAnnotation])]
    }

    struct ExpressionCase {
        struct Expected {
            var labels: Labels
            var value: Double
            var histogram: (histogram: FloatHistogram, hasHint: Bool)?
        }

        var expression: String
        var evaluationTime: Duration
        var expected: [Expected]
        /// What is wrong with the expectation itself; the case then fails with it.
        var problem: String?
    }

    struct Group {
        var name: String
        var interval: Duration
        var start: Timestamp
        var series: [InputSeries] = []
        var alerts: [AlertCase] = []
        var expressions: [ExpressionCase] = []
        var externalLabels: [(name: String, value: String)] = []
        var externalURL = ""
        /// What is wrong with the input; the group then fails with it.
        var problem: String?

        /// The latest time that anything is asked about.
        var end: Duration {
            max(alerts.map(\.evaluationTime).max() ?? .zero, expressions.map(\.evaluationTime).max() ?? .zero)
        }
    }

    var ruleFiles: [String] = []
    var evaluationInterval: Duration = .seconds(60)
    var groupOrder: [String] = []
    var comparesFuzzily = false
    var groups: [Group] = []

    /// nil when the file cannot be used; `problems` then says why.
    static func parse(_ text: String, path: String, problems: YAMLProblems) -> RuleTestFile? {
        guard let document = YAMLDocument.parse(text, file: path, problems: problems) else { return nil }
        var file = RuleTestFile()
        guard let root = document.root else { return file }
        guard let reader = YAMLMappingReader(root, file: path, problems: problems) else { return nil }
        file.ruleFiles = reader.strings("rule_files") ?? []
        if let interval = reader.duration("evaluation_interval"), interval > .zero {
            file.evaluationInterval = interval
        }
        file.groupOrder = reader.strings("group_eval_order") ?? []
        file.comparesFuzzily = reader.boolean("fuzzy_compare") ?? false
        if let repeated = file.groupOrder.enumerated().first(where: { file.groupOrder[..<$0].contains($1) })?.element {
            reader.problem("group_eval_order", "group name repeated in evaluation order: \(repeated)")
        }
        let tests = reader.mappings("tests") ?? []
        file.groups = tests.map { group($0, defaultInterval: file.evaluationInterval) }
        reader.finish()
        return problems.hasErrors ? nil : file
    }

    private static func group(_ reader: YAMLMappingReader, defaultInterval: Duration) -> Group {
        var interval = reader.duration("interval") ?? defaultInterval
        if interval <= .zero { interval = defaultInterval }
        var group = Group(name: reader.string("name") ?? "", interval: interval, start: start(reader))
        for series in reader.mappings("input_series") ?? [] {
            let (name, values) = (series.string("series") ?? "", series.string("values") ?? "")
            series.finish()
            guard group.problem == nil else { continue }
            do throws(ParseError) {
                // Parsed as one line, as promtool does: places in messages count from the name.
                let description = try SeriesDescription(parsing: "\(name) \(values)")
                group.series.append(InputSeries(labels: description.labels, samples: description.samples))
            } catch {
                group.problem = error.description
            }
        }
        for test in reader.mappings("alert_rule_test") ?? [] { group.alerts.append(alertCase(test)) }
        for test in reader.mappings("promql_expr_test") ?? [] { group.expressions.append(expressionCase(test)) }
        group.externalLabels = reader.stringPairs("external_labels") ?? []
        group.externalURL = reader.string("external_url") ?? ""
        reader.finish()
        return group
    }

    /// Unix seconds or a date.
    private static func start(_ reader: YAMLMappingReader) -> Timestamp {
        guard let text = reader.string("start_timestamp") else { return Timestamp(milliseconds: 0) }
        if let seconds = YAMLScalar.number(text), seconds.magnitude < 9e15 {
            return Timestamp(milliseconds: Int64((seconds * 1000).rounded()))
        }
        if let moment = DateText.parse(text) { return moment }
        reader.problem(
            "start_timestamp",
            "start_timestamp must be unix seconds or a date like 2024-01-01T00:00:00Z, not \"\(text)\""
        )
        return Timestamp(milliseconds: 0)
    }

    private static func alertCase(_ reader: YAMLMappingReader) -> AlertCase {
        let name = reader.string("alertname") ?? ""
        let time = reader.duration("eval_time") ?? .zero
        if name.isEmpty {
            let shown = PrometheusDuration.format(time)
            reader.problem(
                nil,
                "an item under alert_rule_test misses required attribute alertname at eval_time \(shown)"
            )
        }
        let expected = (reader.mappings("exp_alerts") ?? []).map { alert in
            let labels = (alert.stringPairs("exp_labels") ?? []).map { ($0.name, $0.value) }
            let annotations = (alert.stringPairs("exp_annotations") ?? []).map {
                AlertAnnotation(name: $0.name, value: $0.value)
            }
            alert.finish()
            return (Labels(labels + [("alertname", name)]), annotations.sorted { $0.name < $1.name })
        }
        reader.finish()
        return AlertCase(evaluationTime: time, alertName: name, expected: expected)
    }

    private static func expressionCase(_ reader: YAMLMappingReader) -> ExpressionCase {
        var test = ExpressionCase(
            expression: reader.string("expr") ?? "",
            evaluationTime: reader.duration("eval_time") ?? .zero,
            expected: []
        )
        for sample in reader.mappings("exp_samples") ?? [] {
            let text = sample.string("labels") ?? ""
            var expected = ExpressionCase.Expected(labels: Labels(), value: number(sample), histogram: nil)
            let histogram = sample.string("histogram")
            sample.finish()
            do throws(ParseError) {
                if !text.isEmpty { expected.labels = try SeriesDescription.labels(parsing: text) }
            } catch {
                test.problem = "labels \(GoText.quote(text)): \(error)"
            }
            do throws(ParseError) {
                if let histogram { expected.histogram = try SeriesDescription.histogram(parsing: histogram) }
            } catch {
                test.problem = "failed to parse custom histogram: \(error)"
            }
            test.expected.append(expected)
        }
        reader.finish()
        return test
    }

    /// `value`, which unlike other numbers of a file may be infinite or not a number.
    private static func number(_ reader: YAMLMappingReader) -> Double {
        guard let text = reader.string("value") else { return 0 }
        if let number = YAMLScalar.number(text) ?? TemplateText.float(text) { return number }
        reader.problem("value", "\(reader.name("value")) must be a number, not \"\(text)\"")
        return 0
    }
}

/// Dates with a time of day and a zone, as in RFC 3339.
enum DateText {
    static func parse(_ text: String) -> Timestamp? {
        let bytes = Array(text.utf8)
        func digits(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count, bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else {
                return nil
            }
            return Int64(String(decoding: bytes[range], as: UTF8.self))
        }
        func has(_ character: Character, at index: Int) -> Bool {
            index < bytes.count && bytes[index] == character.asciiValue
        }
        guard let year = digits(0..<4), has("-", at: 4), let month = digits(5..<7), has("-", at: 7),
            let day = digits(8..<10), has("T", at: 10) || has("t", at: 10), let hour = digits(11..<13),
            has(":", at: 13),
            let minute = digits(14..<16), has(":", at: 16), let second = digits(17..<19), (1...12).contains(month),
            (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var index = 19
        var milliseconds: Int64 = 0
        if has(".", at: index) {
            let fraction = bytes[(index + 1)...].prefix { (0x30...0x39).contains($0) }
            guard !fraction.isEmpty else { return nil }
            index += 1 + fraction.count
            let padded = (String(decoding: fraction, as: UTF8.self) + "000").prefix(3)
            milliseconds = Int64(padded) ?? 0
        }
        var offset: Int64 = 0
        if has("Z", at: index) || has("z", at: index) {
            index += 1
        } else {
            guard has("+", at: index) || has("-", at: index), let hours = digits((index + 1)..<(index + 3)),
                has(":", at: index + 3), let minutes = digits((index + 4)..<(index + 6)), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * 60 * (has("-", at: index) ? -1 : 1)
            index += 6
        }
        guard index == bytes.count else { return nil }
        // Days since 1970 over eras of 400 years that begin in March.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Timestamp(milliseconds: seconds * 1000 + milliseconds)
    }
}

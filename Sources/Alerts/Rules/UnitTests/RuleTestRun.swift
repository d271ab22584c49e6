// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import GoTemplates
import PromQL
import TimeSeries
import YAMLDocument

/// Runs one group of a unit-test file: loads its series tick by tick, evaluates the rules, compares.
struct RuleTestRun {
    private let test: RuleTestFile.Group
    private let file: RuleTestFile
    private let features: FeatureSet
    private let comparison: RuleTestComparison
    private let store: TimeSeriesStore
    private let engine: QueryEngine
    private let manager: RuleManager
    private let input: SeriesAppender
    private var loaded: [(reference: SeriesReference?, next: Int)]
    private var failures: [String] = []

    init(
        _ test: RuleTestFile.Group,
        file: RuleTestFile,
        rules: [RuleGroupDefinition],
        options: RuleTestCommand.Options
    ) {
        self.test = test
        self.file = file
        let features = options.features
        self.features = features
        comparison = RuleTestComparison(
            tolerance: options.relativeTolerance.map { .relative($0) } ?? (file.comparesFuzzily ? .neighbour : .exact)
        )
        var storeConfiguration = StoreConfiguration()
        // Nothing of a test is too old, too early or too much.
        storeConfiguration.retention = .seconds(9_000_000_000)
        storeConfiguration.oldestExplicitAge = .seconds(9_000_000_000)
        storeConfiguration.newestExplicitLead = .seconds(9_000_000_000)
        storeConfiguration.memoryLimit = 2 << 30
        storeConfiguration.maximumSeries = 5_000_000
        store = TimeSeriesStore(storeConfiguration)
        var configuration = QueryEngine.Configuration(features: features)
        configuration.subqueryStep = file.evaluationInterval
        engine = QueryEngine(configuration: configuration)
        var context = RuleContext()
        context.externalLabels = test.externalLabels
        context.externalURL = test.externalURL
        context.evaluationInterval = file.evaluationInterval
        context.alertLimit = .max
        manager = RuleManager(context: context, environment: StoreRuleEnvironment(store: store, engine: engine))
        input = store.appender(source: "input")
        loaded = test.series.map { _ in (nil, 0) }
        let order = Dictionary(file.groupOrder.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let ordered = rules.enumerated().sorted { left, right in
            (order[left.element.name] ?? 0, left.offset) < (order[right.element.name] ?? 0, right.offset)
        }
        _ = manager.load(ordered.map(\.element), context: context, at: test.start)
    }

    /// The failures, in promtool's words; none when all is well.
    mutating func run() -> [String] {
        if let problem = test.problem { return [problem] }
        let steps = file.evaluationInterval > .zero ? Int64(test.end / file.evaluationInterval) : 0
        guard steps <= 10_000_000 else { return ["more than 10000000 evaluations"] }
        let groups = manager.groups.map(\.key)
        var remaining = test.alerts.sorted { $0.evaluationTime < $1.evaluationTime }[...]
        for step in 0...steps {
            let elapsed = file.evaluationInterval * step
            let now = test.start + elapsed
            load(through: now)
            var errors: [String] = []
            for group in groups {
                for failure in manager.evaluate(group: group, at: now)?.failures ?? [] {
                    errors.append(
                        "    rule: \(failure.rule), time: \(Self.goDuration(elapsed)), err: \(failure.message)"
                    )
                }
            }
            failures += errors
            if !errors.isEmpty { return failures }
            while let next = remaining.first, next.evaluationTime < elapsed + file.evaluationInterval {
                check(next)
                remaining = remaining.dropFirst()
            }
        }
        for expression in test.expressions { check(expression) }
        return failures
    }

    private static func goDuration(_ duration: Duration) -> String {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        return (try? TemplateText.goDuration(seconds: seconds)) ?? "\(duration)"
    }

    /// Adds the samples that are due.
    private mutating func load(through now: Timestamp) {
        let interval = test.interval
        for index in test.series.indices {
            let samples = test.series[index].samples
            while loaded[index].next < samples.count {
                let position = loaded[index].next
                let moment = test.start + interval * position
                guard moment <= now else { break }
                loaded[index].next += 1
                if case .missing = samples[position] { continue }
                guard let reference = loaded[index].reference ?? (try? input.series(test.series[index].labels)) else {
                    continue
                }
                loaded[index].reference = reference
                switch samples[position] {
                case .missing: break
                case .float(let value): input.append(reference, value, at: moment)
                case .histogram(let histogram): input.append(reference, histogram, at: moment)
                }
            }
        }
        do throws(StoreError) {
            _ = try input.commit(at: now)
        } catch {
            failures.append("    loading at \(now): \(error)")
        }
    }

    private var title: String { test.name.isEmpty ? "" : "    name: \(test.name),\n" }

    // MARK: Alerts

    private mutating func check(_ expectation: RuleTestFile.AlertCase) {
        var got: [(labels: Labels, annotations: [AlertAnnotation])] = []
        for group in manager.groups {
            for entry in group.entries where entry.definition.name == expectation.alertName {
                for alert in manager.alerts(of: entry, in: group) where alert.state == .firing {
                    got.append((alert.labels, alert.annotations))
                }
            }
        }
        let expected = Self.sorted(expectation.expected)
        got = Self.sorted(got)
        let isEqual =
            expected.count == got.count
            && zip(expected, got).allSatisfy { $0.labels == $1.labels && $0.annotations == $1.annotations }
        guard !isEqual else { return }
        let time = PrometheusDuration.format(expectation.evaluationTime)
        failures.append(
            "\(title)    alertname: \(expectation.alertName), time: \(time), \n"
                + "        exp:\(Self.list(expected)), \n        got:\(Self.list(got))"
        )
    }

    private static func sorted(
        _ alerts: [(labels: Labels, annotations: [AlertAnnotation])]
    ) -> [(labels: Labels, annotations: [AlertAnnotation])] {
        alerts.sorted { left, right in
            if left.labels != right.labels { return left.labels < right.labels }
            return left.annotations.map(\.value).lexicographicallyPrecedes(right.annotations.map(\.value))
        }
    }

    private static func list(_ alerts: [(labels: Labels, annotations: [AlertAnnotation])]) -> String {
        if alerts.isEmpty { return "[]" }
        let items = alerts.enumerated().map { index, alert in
            let annotations = alert.annotations.map { ($0.name, $0.value) }
            return
                "            \(index):\n              Labels:\(text(alert.labels.pairs.map { ($0.name, $0.value) }))\n"
                + "              Annotations:\(text(annotations))"
        }
        return "[\n" + items.joined(separator: ",\n") + "\n            ]"
    }

    private static func text(_ pairs: [(String, String)]) -> String {
        "{" + pairs.map { "\($0)=\(GoText.quote($1))" }.joined(separator: ", ") + "}"
    }

    // MARK: Expressions

    private mutating func check(_ test: RuleTestFile.ExpressionCase) {
        let time = PrometheusDuration.format(test.evaluationTime)
        let head = "    expr: \(GoText.quote(test.expression)), time: \(time),"
        if let problem = test.problem {
            failures.append("\(head) err: \(problem)")
            return
        }
        let got: [RuleSample]
        do throws(RuleQueryError) {
            got = try evaluate(test).sorted { $0.labels < $1.labels }
        } catch {
            failures.append("\(head) err: \(error)")
            return
        }
        let expected = test.expected.sorted { $0.labels < $1.labels }
        guard !comparison.matches(expected, got) else { return }
        let wanted = expected.map { sample in
            let value = sample.histogram.map { SampleValue.histogram($0.histogram) } ?? .float(sample.value)
            return RuleSample(labels: sample.labels, value: value)
        }
        failures.append("\(head)\n        exp: \(Self.text(wanted))\n        got: \(Self.text(got))")
    }

    private func evaluate(_ test: RuleTestFile.ExpressionCase) throws(RuleQueryError) -> [RuleSample] {
        let expression: Expression
        do throws(ParseError) {
            expression = try parse(test.expression, options: ParserOptions(features: features))
        } catch {
            throw RuleQueryError(error.description)
        }
        let moment = self.test.start + test.evaluationTime
        let words = test.expression.lowercased()
        guard words.contains("step()") || words.contains("range()") else {
            return try StoreRuleEnvironment.run(expression, engine, store.reader(), QueryLimits(), at: moment)
        }
        // An instant query has neither step nor range. Cases of one expression stand for the steps of one range query.
        let times = self.test.expressions.filter { $0.expression == test.expression }.map(\.evaluationTime).sorted()
        let step = zip(times, times.dropFirst()).map { $1 - $0 }.first { $0 > .zero } ?? self.test.interval
        do throws(QueryError) {
            let result = try engine.range(
                expression,
                from: self.test.start + (times.first ?? test.evaluationTime),
                through: self.test.start + (times.last ?? test.evaluationTime),
                step: step,
                reader: store.reader()
            )
            guard case .matrix(let series) = result.value else { return [] }
            return series.compactMap { one in
                one.samples.first { $0.timestamp == moment }.map { RuleSample(labels: one.labels, value: $0.value) }
            }
        } catch {
            throw RuleQueryError(error.description)
        }
    }

    private static func text(_ samples: [RuleSample]) -> String {
        if samples.isEmpty { return "nil" }
        return samples.map { sample in
            let labels = text(sample.labels.pairs.map { ($0.name, $0.value) })
            switch sample.value {
            case .float(let value): return "\(labels) \(GoFloat.exponential(value))"
            case .histogram(let histogram): return "\(labels) \(histogram.seriesNotation)"
            }
        }.joined(separator: ", ")
    }
}

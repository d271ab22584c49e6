// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import GoTemplates
package import PromQL
import YAMLDocument

/// Turns objectives into rules: error ratios over several windows, burn-rate alerts that need a long and a short window
/// at once, and what is left of the error budget.
package enum ObjectiveRules {
    /// A pair of windows with the burn rate above which it speaks.
    private struct Alarm {
        var long: Duration
        var short: Duration
        var factor: Double
        var isPage: Bool
        var hold: Duration
    }

    private static let alarms = [
        Alarm(long: .seconds(3600), short: .seconds(300), factor: 14.4, isPage: true, hold: .seconds(0)),
        Alarm(long: .seconds(21_600), short: .seconds(1800), factor: 6, isPage: true, hold: .seconds(0)),
        Alarm(long: .seconds(86_400), short: .seconds(7200), factor: 3, isPage: false, hold: .seconds(0)),
        Alarm(long: .seconds(259_200), short: .seconds(21_600), factor: 1, isPage: false, hold: .seconds(0)),
    ]

    /// The rule group of one objective. Windows beyond `retention` are left out: there are no samples to fill them. The
    /// factors are for a window of 30 days and scale with it.
    package static func group(
        _ objective: ServiceLevelObjective,
        retention: Duration,
        features: FeatureSet = [],
        runbookURL: String = ""
    ) throws(ParseError) -> RuleGroupDefinition {
        let options = ParserOptions(features: features)
        var group = RuleGroupDefinition(name: "slo:" + objective.name, file: objective.file, line: objective.line)
        let usable = alarms.filter { $0.long <= retention }
        var windows: [Duration] = []
        for window in usable.flatMap({ [$0.short, $0.long] }) where !windows.contains(window) { windows.append(window) }
        for window in windows.sorted() {
            let name = "slo:error_ratio:ratio_rate" + PrometheusDuration.format(window)
            group.rules.append(try recording(name, ratio(objective, window), objective, options))
        }
        let span = min(objective.window, retention)
        let budget = "1 - (\(ratio(objective, span))) / \(number(1 - objective.objective))"
        group.rules.append(try recording("slo:error_budget_remaining:ratio", budget, objective, options))
        group.rules.append(
            try recording("slo:objective:ratio", "vector(\(number(objective.objective)))", objective, options)
        )
        for alarm in usable {
            group.rules.append(try alert(alarm, objective, options, runbookURL: runbookURL))
        }
        return group
    }

    private static func number(_ value: Double) -> String {
        // 1 - 0.999 is not quite 0.001; nobody wants to read the difference.
        let rounded = (value * 1e12).rounded() / 1e12
        return GoFloat.plain(rounded)
    }

    /// The share of bad events over a window.
    private static func ratio(_ objective: ServiceLevelObjective, _ window: Duration) -> String {
        let range = PrometheusDuration.format(window)
        let total = "sum(rate(\(objective.total)[\(range)]))"
        if let bad = objective.bad { return "(sum(rate(\(bad)[\(range)])) or vector(0)) / \(total)" }
        let good = objective.good ?? objective.total
        return "1 - (sum(rate(\(good)[\(range)])) or vector(0)) / \(total)"
    }

    private static func labels(_ objective: ServiceLevelObjective) -> [(name: String, value: String)] {
        objective.labels + [("slo", objective.name)]
    }

    private static func recording(
        _ name: String,
        _ expression: String,
        _ objective: ServiceLevelObjective,
        _ options: ParserOptions
    ) throws(ParseError) -> RuleDefinition {
        let query = try RuleQuery(expression, options: options)
        var rule = RuleDefinition(kind: .recording, name: name, query: query, line: objective.line, column: 1)
        rule.labels = labels(objective)
        return rule
    }

    private static func alert(
        _ alarm: Alarm,
        _ objective: ServiceLevelObjective,
        _ options: ParserOptions,
        runbookURL: String
    ) throws(ParseError) -> RuleDefinition {
        let days = Double(objective.window.components.seconds) / 86_400
        let factor = alarm.factor * days / 30
        let threshold = number(min(factor * (1 - objective.objective), 0.999999))
        let quoted = GoText.quote(objective.name)
        let (long, short) = (PrometheusDuration.format(alarm.long), PrometheusDuration.format(alarm.short))
        let query = try RuleQuery(
            "slo:error_ratio:ratio_rate\(long){slo=\(quoted)} > \(threshold)"
                + " and on() slo:error_ratio:ratio_rate\(short){slo=\(quoted)} > \(threshold)",
            options: options
        )
        var rule = RuleDefinition(
            kind: .alerting,
            name: alarm.isPage ? "ErrorBudgetBurnsFast" : "ErrorBudgetBurnsSlowly",
            query: query,
            line: objective.line,
            column: 1
        )
        let severity = alarm.isPage ? objective.pageSeverity : objective.ticketSeverity
        rule.labels = labels(objective) + [("severity", severity), ("long_window", long), ("short_window", short)]
        let events = try RuleQuery("sum(increase(\(objective.total)[\(long)]))", options: options)
        rule.extensions.minimumEvents = RuleExtensions.MinimumEvents(query: events, count: objective.minimumEvents)
        var annotations = [
            ("summary", "{{ $labels.slo }}: {{ $value | humanizePercentage }} of events are bad over \(long)"),
            (
                "description",
                "Objective \(number(objective.objective * 100)) %. At this rate the error budget of "
                    + "\(PrometheusDuration.format(objective.window)) is used up \(number(factor)) times as fast as planned."
            ),
        ]
        if !runbookURL.isEmpty { annotations.append(("runbook_url", runbookURL)) }
        for annotation in objective.annotations {
            annotations.removeAll { $0.0 == annotation.name }
            annotations.append((annotation.name, annotation.value))
        }
        rule.annotations = annotations.map { (name: $0.0, value: $0.1) }.sorted { $0.name < $1.name }
        return rule
    }
}

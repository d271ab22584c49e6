// SPDX-License-Identifier: Apache-2.0

import PromQL
package import TimeSeries
import YAMLDocument

/// Why an alert fires or does not: the rule, what it sees, and how long something still takes.
package struct AlertExplanation: Sendable {
    package var rule: String
    package var group: String
    package var expression: String
    /// nil: the rule has no alert now.
    package var alert: AlertSnapshot?
    /// The number on the other side of the comparison, with the operator in front of it: `> 0.01`.
    package var threshold: String?
    /// What the compared side is now, where it can be evaluated on its own.
    package var currentValues: [RuleSample]
    /// Until a pending alert fires if nothing changes.
    package var remaining: Duration?
    /// Until an alert without data ends.
    package var holdRemaining: Duration?
    package var lastError: String?
    /// Series that the expression reads.
    package var sources: [RuleSource]
    /// The same in sentences.
    package var sentences: [String]
}

extension RuleManager {
    /// Explains the rules of that name, each of their alerts that `labels` agrees with.
    package func explain(rule name: String, labels: Labels = Labels(), at time: Timestamp) -> [AlertExplanation] {
        var found: [AlertExplanation] = []
        for group in groups {
            for entry in group.entries where entry.definition.name == name {
                guard case .alerting(let rule) = entry.rule else { continue }
                let alerts = self.alerts(of: entry, in: group, includingResolved: true).filter { alert in
                    labels.pairs.allSatisfy { alert.labels[$0.name] == $0.value }
                }
                let subjects: [AlertSnapshot?] = alerts.isEmpty ? [nil] : alerts
                found += subjects.map { explain($0, rule, entry, group, at: time) }
            }
        }
        return found
    }

    private func explain(
        _ alert: AlertSnapshot?,
        _ rule: AlertingRule,
        _ entry: RuleGroup.Entry,
        _ group: RuleGroup,
        at time: Timestamp
    ) -> AlertExplanation {
        let definition = rule.definition
        let sides = definition.query.comparisonSides
        var values = sides.flatMap { try? evaluateForExplanation($0.left, at: time) } ?? []
        if let alert { values.removeAll { !RuleSource(labels: $0.labels, state: .live).agrees(with: alert.labels) } }
        var explanation = AlertExplanation(
            rule: definition.name,
            group: group.definition.name,
            expression: definition.query.text,
            alert: alert,
            threshold: sides?.threshold,
            currentValues: Array(values.prefix(20)),
            lastError: entry.lastError,
            sources: Array(sources(of: definition.query, at: time).prefix(100)),
            sentences: []
        )
        if let alert, alert.state == .pending {
            explanation.remaining = max(.zero, definition.holdDuration - (time - alert.activeAt))
        }
        if let since = alert?.heldSince, definition.extensions.onNoData == .hold {
            explanation.holdRemaining = max(.zero, definition.extensions.holdMaximum - (time - since))
        }
        explanation.sentences = sentences(explanation, definition, entry, at: time)
        return explanation
    }

    private func sentences(
        _ explanation: AlertExplanation,
        _ rule: RuleDefinition,
        _ entry: RuleGroup.Entry,
        at time: Timestamp
    ) -> [String] {
        func text(_ duration: Duration) -> String { PrometheusDuration.format(duration) }
        var lines: [String] = []
        if let error = entry.lastError { lines.append("The last evaluation failed, so nothing changes: \(error)") }
        guard let alert = explanation.alert else {
            if explanation.sources.isEmpty, !rule.query.expression.selectors.isEmpty {
                lines.append("No series matches the selectors of \(rule.query.text).")
            } else {
                lines.append("The expression \(rule.query.text) returns nothing.")
            }
            return lines + values(explanation)
        }
        switch alert.state {
        case .pending:
            lines.append("Pending for \(text(time - alert.activeAt)) of \(text(rule.holdDuration)).")
            if let remaining = explanation.remaining { lines.append("Fires in \(text(remaining)) if nothing changes.") }
        case .firing:
            lines.append("Firing for \(text(time - (alert.firedAt ?? alert.activeAt))).")
        case .resolved:
            lines.append("Resolved \(text(time - (alert.resolvedAt ?? time))) ago.")
        }
        let peak = Humanize.decimal(alert.peak)
        let threshold = explanation.threshold.map { ", condition \($0)" } ?? ""
        lines.append("Value \(Humanize.decimal(alert.value))\(threshold), at its worst \(peak).")
        if let since = alert.heldSince {
            let rest = explanation.holdRemaining.map { "; ends in \(text($0)) without data" } ?? ""
            lines.append(
                "Held for \(text(time - since)): the target or check behind it fails and sends no data\(rest)."
            )
        }
        if let since = alert.keepFiringSince {
            lines.append(
                "The condition ended \(text(time - since)) ago; keep_firing_for is \(text(rule.keepFiringFor))."
            )
        }
        if alert.isFlapping { lines.append("It flaps: it stays firing until it has been quiet for the whole window.") }
        if let parent = alert.suppressedBy { lines.append("Not told to anybody, because \(parent) is failing.") }
        return lines + values(explanation)
    }

    private func values(_ explanation: AlertExplanation) -> [String] {
        explanation.currentValues.prefix(5).map { sample in
            let threshold = explanation.threshold.map { " (condition \($0))" } ?? ""
            return "Now \(sample.labels): \(Humanize.decimal(sample.number))\(threshold)."
        }
    }
}

extension RuleQuery {
    /// The compared side and the operator with the other side, of an expression that is a comparison.
    var comparisonSides: (left: RuleQuery, threshold: String)? {
        var expression = expression
        while case .parenthesised(let node) = expression { expression = node.expression }
        guard comparison != nil, case .binary(let node) = expression, let left = RuleQuery(part: node.left, of: self),
            let right = RuleQuery(part: node.right, of: self)
        else { return nil }
        return (left, "\(node.operation.rawValue) \(right.text)")
    }
}

// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

extension RuleManager {
    /// An alert as the rule of that name would raise it, marked with `drill="true"`; nil when there is no such rule. Labels
    /// that are templates are left out unless they are given. The rule's own alerts are untouched.
    package func drill(rule name: String, labels: [(String, String)], at time: Timestamp) -> AlertSnapshot? {
        for group in groups {
            for entry in group.entries where entry.definition.name == name {
                guard case .alerting(let rule) = entry.rule else { continue }
                let own = rule.definition.labels.filter { !$0.value.contains("{{") }.map { ($0.name, $0.value) }
                let all = Labels(labels).pairs.reduce(into: Labels(own)) { $0 = $0.setting($1.name, to: $1.value) }
                    .setting("alertname", to: name).setting("drill", to: "true")
                var alert = AlertInstance(labels: all, sourceLabels: Labels(labels), value: 0, at: time)
                alert.annotations = [
                    AlertAnnotation(
                        name: "summary",
                        value: "DRILL: this tests the way of the alert \(name); nothing is wrong"
                    )
                ]
                alert.phase = .firing
                return AlertSnapshot(alert, rule: rule.definition, group: group.definition, context: context)
            }
        }
        return nil
    }
}

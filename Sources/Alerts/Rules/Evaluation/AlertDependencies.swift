// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Who is kept back because of whom: one root cause, one message. And which metrics alerting rules read.
struct AlertDependencies {
    private var readsAnything = false
    private var metrics: Set<String> = []
    /// Names that some rule depends on.
    private var parents: Set<String> = []
    /// When a parent was last seen firing.
    private var lastFailing: [String: Timestamp] = [:]
    /// Alerts kept back, with the parent's name.
    private var suppressed: [Labels: String] = [:]

    mutating func rebuild(_ groups: [RuleGroup]) {
        readsAnything = false
        metrics = []
        parents = []
        for entry in groups.lazy.flatMap(\.entries) {
            guard case .alerting(let rule) = entry.rule else { continue }
            if let names = rule.definition.query.metricNames { metrics.formUnion(names) } else { readsAnything = true }
            parents.formUnion(rule.definition.extensions.dependsOn)
        }
    }

    /// After a restart: alerts that fire beside what they depend on count as kept back, so that they are told when that
    /// has recovered. Telling somebody again is harmless, as a known alert is not sent twice.
    mutating func adoptRestored(_ groups: [RuleGroup], at time: Timestamp) {
        noteFailing(groups, at: time)
        for group in groups {
            for entry in group.entries {
                guard case .alerting(let rule) = entry.rule else { continue }
                guard let parent = failingParent(of: rule.definition) else { continue }
                for alert in rule.instances.values where alert.phase == .firing { suppressed[alert.labels] = parent }
            }
        }
    }

    /// After a restart: what keeps the rule of that name back, however its expression reads now.
    func parent(ofRuleNamed name: String, _ groups: [RuleGroup]) -> String? {
        groups.lazy.flatMap(\.entries).map(\.definition).filter { $0.kind == .alerting && $0.name == name }
            .compactMap { failingParent(of: $0) }.first
    }

    private func failingParent(of rule: RuleDefinition) -> String? {
        rule.extensions.dependsOn.first { $0 != rule.name && lastFailing[$0] != nil }
    }

    mutating func followClock(setBy distance: Duration) {
        lastFailing = lastFailing.mapValues { $0 + distance }
    }

    func reads(anyOf changed: Set<String>) -> Bool { readsAnything || !metrics.isDisjoint(with: changed) }

    func current(_ labels: Labels) -> String? { suppressed[labels] }

    /// The alert's rule is gone; answers what kept it back.
    mutating func forget(_ labels: Labels) -> String? { suppressed.removeValue(forKey: labels) }

    /// The name of a firing alert that this one depends on, directly; notes it as kept back.
    mutating func suppressor(
        of alert: AlertSnapshot,
        rule: RuleDefinition,
        groups: [RuleGroup],
        at time: Timestamp
    ) -> String? {
        guard !rule.extensions.dependsOn.isEmpty else { return nil }
        if alert.state == .resolved { return suppressed.removeValue(forKey: alert.labels) }
        noteFailing(groups, at: time)
        let parent = rule.extensions.dependsOn.first { name in
            guard name != rule.name, let last = lastFailing[name] else { return false }
            return time - last <= rule.extensions.settle
        }
        suppressed[alert.labels] = parent
        return parent
    }

    /// Alerts that were kept back, fire still, and are not kept back any more.
    mutating func released(groups: [RuleGroup], context: RuleContext, at time: Timestamp) -> [AlertTransition] {
        guard !suppressed.isEmpty else { return [] }
        noteFailing(groups, at: time)
        var transitions: [AlertTransition] = []
        for group in groups {
            for entry in group.entries {
                guard case .alerting(let rule) = entry.rule else { continue }
                let settle = rule.definition.extensions.settle
                for name in rule.definition.extensions.dependsOn {
                    if let last = lastFailing[name], time - last <= settle { continue }
                    for alert in rule.instances.values where suppressed[alert.labels] == name {
                        suppressed[alert.labels] = nil
                        guard alert.phase == .firing else { continue }
                        let snapshot = AlertSnapshot(
                            alert,
                            rule: rule.definition,
                            group: group.definition,
                            context: context
                        )
                        transitions.append(AlertTransition(kind: .released, alert: snapshot))
                    }
                }
            }
        }
        return transitions.sorted { $0.alert.labels < $1.alert.labels }
    }

    /// A parent fails while an alert of that name fires, or one that carries it as its `check` or `job`.
    private mutating func noteFailing(_ groups: [RuleGroup], at time: Timestamp) {
        for group in groups {
            for entry in group.entries {
                guard case .alerting(let rule) = entry.rule else { continue }
                for alert in rule.instances.values where alert.phase == .firing {
                    for name in [rule.definition.name, alert.labels["check"], alert.labels["job"]] {
                        if let name, parents.contains(name) { lastFailing[name] = time }
                    }
                }
            }
        }
    }
}

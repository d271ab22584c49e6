// SPDX-License-Identifier: Apache-2.0

/// How the rules stand, in numbers.
package struct RuleCondition: Sendable, Hashable {
    package var rules = 0
    /// Rules none of whose selectors has matched a series since the start.
    package var unmatched = 0
    /// Rules whose last evaluation failed.
    package var failing = 0
    package var pending = 0
    package var firing = 0
    /// Alerts kept as they are because their data is missing.
    package var held = 0
    /// Alerts that limits keep out at present.
    package var dropped = 0
    /// Failures to write the state, since the start.
    package var stateFailures = 0
    /// Alert series that the store refused, since the start.
    package var writeFailures = 0

    package init() {}
}

extension RuleManager {
    package var condition: RuleCondition {
        var condition = RuleCondition()
        condition.stateFailures = stateFailures
        for entry in groups.lazy.flatMap(\.entries) {
            condition.rules += 1
            if !entry.hasMatched { condition.unmatched += 1 }
            if entry.health == .err { condition.failing += 1 }
            condition.dropped += entry.dropped
            condition.writeFailures += entry.writeFailures
            guard case .alerting(let rule) = entry.rule else { continue }
            for alert in rule.instances.values {
                if alert.phase == .pending { condition.pending += 1 }
                if alert.phase == .firing { condition.firing += 1 }
                if alert.heldSince != nil { condition.held += 1 }
            }
        }
        return condition
    }

    /// Rules none of whose selectors has matched a series since the start: a name that was misspelt, or a metric that is gone.
    package var unmatchedRules: [(group: RuleGroupDefinition, rule: RuleDefinition)] {
        groups.flatMap { group in
            group.entries.filter { !$0.hasMatched }.map { (group.definition, $0.definition) }
        }
    }
}

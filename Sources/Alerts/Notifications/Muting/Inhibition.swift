// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// While an alert that matches the source fires, alerts that match the target and agree on `equal` are not notified.
package struct InhibitionRule: Hashable, Sendable {
    package var name: String
    package var sourceMatchers: [AlertMatcher]
    package var targetMatchers: [AlertMatcher]
    /// Labels that both sides must share; a missing label equals an empty one.
    package var equal: [String]

    package init(
        name: String = "",
        sourceMatchers: [AlertMatcher],
        targetMatchers: [AlertMatcher],
        equal: [String] = []
    ) {
        self.name = name
        self.sourceMatchers = sourceMatchers
        self.targetMatchers = targetMatchers
        self.equal = equal
    }
}

/// Knows which alerts can inhibit others; kept up to date alert by alert, so that asking is a look-up.
struct Inhibitor {
    private let rules: [InhibitionRule]
    /// Per rule: the shared labels' values, and the source alerts that have them.
    private var sources: [[Labels: Set<UInt64>]]

    init(rules: [InhibitionRule]) {
        self.rules = rules
        sources = Array(repeating: [:], count: rules.count)
    }

    mutating func note(_ alert: Alert) {
        for (index, rule) in rules.enumerated() where rule.sourceMatchers.matches(alert.labels) {
            sources[index][alert.labels.keeping(rule.equal), default: []].insert(alert.fingerprint)
        }
    }

    mutating func forget(_ alert: Alert) {
        for (index, rule) in rules.enumerated() where rule.sourceMatchers.matches(alert.labels) {
            let key = alert.labels.keeping(rule.equal)
            sources[index][key]?.remove(alert.fingerprint)
            if sources[index][key]?.isEmpty == true { sources[index][key] = nil }
        }
    }

    /// The alert that inhibits `alert`, and by which rule; `lookUp` answers with alerts that fire now.
    func inhibitor(of alert: Alert, firing lookUp: (UInt64) -> Alert?) -> (fingerprint: UInt64, rule: String)? {
        for (index, rule) in rules.enumerated() {
            guard !sources[index].isEmpty, rule.targetMatchers.matches(alert.labels),
                let candidates = sources[index][alert.labels.keeping(rule.equal)]
            else { continue }
            // Of two alerts that are both source and target neither inhibits the other.
            let isSource = rule.sourceMatchers.matches(alert.labels)
            let found = candidates.filter { fingerprint in
                guard let source = lookUp(fingerprint) else { return false }
                return !(isSource && rule.targetMatchers.matches(source.labels))
            }.min()
            if let found { return (found, rule.name.isEmpty ? "inhibit_rules[\(index)]" : rule.name) }
        }
        return nil
    }
}

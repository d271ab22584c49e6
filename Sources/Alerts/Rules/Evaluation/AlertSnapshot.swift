// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// An alert with everything that a message may want to say about it.
package struct AlertSnapshot: Sendable, Hashable {
    package var group: String
    package var file: String
    package var rule: String
    package var expression: String
    package var labels: Labels
    package var annotations: [AlertAnnotation]
    package var state: AlertInstance.Phase
    package var value: Double
    package var valueAtResolve: Double?
    /// The worst value since it became active: the highest, or the lowest for a `<` rule.
    package var peak: Double
    package var activeAt: Timestamp
    package var firedAt: Timestamp?
    package var resolvedAt: Timestamp?
    package var keepFiringSince: Timestamp?
    /// Since when its data is missing.
    package var heldSince: Timestamp?
    package var isFlapping: Bool
    /// What it depends on and what fails now: the alert is not to be told to anybody.
    package var suppressedBy: String?
    /// A link to the expression, relative to nothing: the external URL stands in front.
    package var generatorURL: String
    /// The series it came from, as selectors: each metric that the expression reads, with the alert's labels in the result.
    package var series: [String]

    /// True while it is kept as it is without data.
    package var isStale: Bool { heldSince != nil }
    package var fingerprint: UInt64 { labels.fingerprint }
}

extension AlertSnapshot {
    init(_ alert: AlertInstance, rule: RuleDefinition, group: RuleGroupDefinition, context: RuleContext) {
        self.init(
            alert,
            rule: rule.name,
            expression: rule.query.text,
            link: rule.query.link,
            group: group.name,
            file: group.file,
            context: context
        )
        series = rule.query.series(for: alert.sourceLabels)
    }

    init(
        _ alert: AlertInstance,
        rule: String,
        expression: String,
        link: String? = nil,
        group: String,
        file: String,
        context: RuleContext
    ) {
        self.group = group
        self.file = file
        self.rule = rule
        self.expression = expression
        labels = alert.labels
        annotations = alert.annotations
        state = alert.phase
        value = alert.value
        valueAtResolve = alert.valueAtResolve
        peak = alert.peak
        activeAt = alert.activeAt
        firedAt = alert.firedAt
        resolvedAt = alert.resolvedAt
        keepFiringSince = alert.keepFiringSince
        heldSince = alert.heldSince
        isFlapping = alert.isFlapping
        suppressedBy = nil
        generatorURL = context.externalURL + (link ?? RuleLinks.table(expression))
        series = []
    }
}

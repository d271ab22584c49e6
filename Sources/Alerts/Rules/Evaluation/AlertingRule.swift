// SPDX-License-Identifier: Apache-2.0

import GoTemplates
import PromQL
package import TimeSeries

/// An alerting rule with its alerts. A value: evaluating it changes it and says what changed.
package struct AlertingRule: Sendable {
    package private(set) var definition: RuleDefinition
    /// By the alerts' labels.
    package private(set) var instances: [Labels: AlertInstance] = [:]
    private var labelTemplates: [(name: String, template: RuleTemplate)] = []
    private var annotationTemplates: [(name: String, template: RuleTemplate)] = []
    private var isRepeatable = true
    private var observed: [RuleQuery] = []
    private var policy = AlertInstance.Policy()
    /// At the start, and after the clock was set back: what is stored may be of another time.
    private var suspectsClock = true

    package init(_ definition: RuleDefinition) {
        self.definition = definition
        adopt(definition)
    }

    /// What one evaluation did.
    package struct Outcome: Sendable {
        package var samples: [RuleSample] = []
        /// Alerts that changed; the last member is the alert as it is now, or was before it was deleted.
        package var changes: [(change: AlertInstance.Change, alert: AlertInstance)] = []
        /// New alerts that the limit kept out.
        package var dropped = 0
        package var held = 0

        package init() {}
    }

    /// Takes over a definition that is the same rule (equal identity) with other timing or annotations.
    mutating func adopt(_ definition: RuleDefinition) {
        self.definition = definition
        labelTemplates = definition.labels.map { ($0.name, RuleTemplate(checked: $0.value, alert: definition.name)) }
        annotationTemplates = definition.annotations.map {
            ($0.name, RuleTemplate(checked: $0.value, alert: definition.name))
        }
        // An annotation that asks the store or the clock is expanded at every evaluation.
        isRepeatable = !definition.annotations.contains { $0.value.contains("query") || $0.value.contains("now") }
        observed = Self.observed(of: definition.query)
        policy.holdDuration = definition.holdDuration
        policy.keepFiringFor = definition.keepFiringFor
        policy.onNoData = definition.extensions.onNoData
        policy.holdMaximum = definition.extensions.holdMaximum
        policy.flapTransitions = definition.extensions.flapDetection?.transitions ?? 0
        policy.flapWindow = definition.extensions.flapDetection?.window ?? .zero
        policy.peakIsMinimum = definition.query.comparison.map { $0.rawValue.hasPrefix("<") } ?? false
    }

    mutating func restore(_ alert: AlertInstance) {
        var alert = alert
        alert.isUnconfirmed = alert.isActive
        instances[alert.labels] = alert
    }

    /// Gives alerts that are told only now the number of that news, and answers with them.
    mutating func renumber(_ labels: Set<Labels>, news: Int64) -> [AlertInstance] {
        labels.filter { instances[$0] != nil }.sorted().compactMap { labels in
            instances[labels]?.news = news
            return instances[labels]
        }
    }

    mutating func followClock(setBy distance: Duration) {
        if distance <= .zero - Timestamp.setBack { suspectsClock = true }
        forEachAlert { $0.followClock(setBy: distance) }
    }

    mutating func forEachAlert(_ body: (inout AlertInstance) -> Void) {
        for labels in Array(instances.keys) {
            guard var alert = instances[labels] else { continue }
            body(&alert)
            instances[labels] = alert
        }
    }

    /// One evaluation at `time`. Throws without having changed anything when the expression fails: alerts freeze.
    mutating func evaluate(
        at time: Timestamp,
        queryOffset: Duration,
        limit: Int,
        news: Int64 = 0,
        context: RuleContext,
        environment: any RuleEnvironment
    ) throws(RuleQueryError) -> Outcome {
        let queryTime = time - queryOffset
        var results = try environment.evaluate(definition.query, at: queryTime)
        if let minimum = definition.extensions.minimumEvents {
            let counts = try environment.evaluate(minimum.query, at: queryTime)
            var enough = LabelIndex(counts.filter { $0.number >= minimum.count }, by: \.labels)
            results.removeAll { enough.agreeing(with: $0.labels).isEmpty }
        }
        if suspectsClock { dropBygone(&results, environment, at: time, queryTime: queryTime) }
        var functions = LazyFunctions(context: context, time: time, queryTime: queryTime, environment: environment)
        var present: [Labels: (source: Labels, sample: RuleSample)] = [:]
        present.reserveCapacity(results.count)
        for sample in results {
            let source = sample.labels.dropping([Labels.metricNameLabel])
            let labels = alertLabels(sample, source, &functions, context)
            guard present.updateValue((source, sample), forKey: labels) == nil else {
                throw RuleQueryError("vector contains metrics with the same labelset after applying alert labels")
            }
        }
        var outcome = Outcome()
        try observeAbsent(present, at: time, queryTime: queryTime, news: news, environment, &outcome)
        observePresent(present, at: time, limit: limit, news: news, &functions, context, &outcome)
        if context.writesAlertSeries { writeSeries(&outcome) }
        if outcome.changes.count > 1 {
            outcome.changes = Labels.order(outcome.changes.lazy.map(\.alert.labels)).map { outcome.changes[$0] }
        }
        return outcome
    }

    /// Leaves out what only series say whose newer samples lie in the future: the clock was set back, nothing has come of
    /// them since, and what stands a few minutes ago happened at another time.
    private mutating func dropBygone(
        _ results: inout [RuleSample],
        _ environment: any RuleEnvironment,
        at time: Timestamp,
        queryTime: Timestamp
    ) {
        let sources = environment.sources(of: definition.query, at: queryTime, now: time)
        suspectsClock = sources.contains { $0.state == .ahead }
        guard suspectsClock else { return }
        var index = LabelIndex(sources, by: \.labels)
        results.removeAll { RuleSource.areBygone(index.agreeing(with: $0.labels)) }
    }

    // MARK: Alerts in the result

    private func alertLabels(
        _ sample: RuleSample,
        _ source: Labels,
        _ functions: inout LazyFunctions,
        _ context: RuleContext
    ) -> Labels {
        var labels = source
        if labelTemplates.contains(where: { !$0.template.isPlain }) {
            let data = data(sample, context)
            for (name, template) in labelTemplates {
                labels = labels.setting(name, to: template.expand(data, functions: functions()))
            }
        } else {
            for label in definition.labels { labels = labels.setting(label.name, to: label.value) }
        }
        return labels.setting("alertname", to: definition.name)
    }

    private func data(_ sample: RuleSample, _ context: RuleContext) -> TemplateValue {
        RuleTemplate.data(
            labels: sample.labels,
            value: sample.value,
            external: context.externalLabels,
            externalURL: context.externalURL
        )
    }

    private func annotations(
        _ sample: RuleSample,
        _ functions: inout LazyFunctions,
        _ context: RuleContext
    ) -> [AlertAnnotation] {
        guard !annotationTemplates.isEmpty else { return [] }
        let data = data(sample, context)
        let functions = functions()
        return annotationTemplates.map {
            AlertAnnotation(name: $0.name, value: $0.template.expand(data, functions: functions))
        }
    }

    private mutating func observePresent(
        _ present: [Labels: (source: Labels, sample: RuleSample)],
        at time: Timestamp,
        limit: Int,
        news: Int64,
        _ functions: inout LazyFunctions,
        _ context: RuleContext,
        _ outcome: inout Outcome
    ) {
        var active = instances.values.count { $0.isActive }
        var fresh: [Labels] = []
        for (labels, found) in present {
            guard var alert = instances[labels], alert.isActive else {
                fresh.append(labels)
                continue
            }
            let number = found.sample.number
            if !isRepeatable || alert.value.bitPattern != number.bitPattern || alert.annotations.isEmpty {
                alert.annotations = annotations(found.sample, &functions, context)
            }
            let change = alert.observe(.present(value: number), at: time, policy: policy, news: news)
            instances[labels] = alert
            if change != .none { outcome.changes.append((change, alert)) }
        }
        // What fires already stays; of the new ones those come in for which there is room, in the labels' order.
        if limit > 0, active + fresh.count > limit { fresh.sort() }
        for labels in fresh {
            guard let found = present[labels] else { continue }
            if limit > 0, active >= limit {
                outcome.dropped += 1
                continue
            }
            active += 1
            let number = found.sample.number
            var alert =
                instances[labels]
                ?? AlertInstance(labels: labels, sourceLabels: found.source, value: number, at: time)
            alert.sourceLabels = found.source
            alert.annotations = annotations(found.sample, &functions, context)
            let change = alert.observe(.present(value: number), at: time, policy: policy, news: news)
            instances[labels] = alert
            outcome.changes.append((change, alert))
        }
    }

    // MARK: Alerts not in the result

    private mutating func observeAbsent(
        _ present: [Labels: (source: Labels, sample: RuleSample)],
        at time: Timestamp,
        queryTime: Timestamp,
        news: Int64,
        _ environment: any RuleEnvironment,
        _ outcome: inout Outcome
    ) throws(RuleQueryError) {
        let absent = instances.keys.filter { present[$0] == nil }
        guard !absent.isEmpty else { return }
        var evidence: AlertEvidence?
        var resolving: LabelIndex<RuleSample>?
        for labels in absent {
            guard var alert = instances[labels] else { continue }
            var observation = AlertInstance.Observation.absent(value: nil)
            if alert.isActive {
                if evidence == nil {
                    evidence = AlertEvidence(
                        definition.query,
                        parts: observed,
                        environment,
                        at: queryTime,
                        now: time
                    )
                }
                observation = evidence?.observation(of: alert) ?? observation
                if case .absent = observation, alert.phase == .firing, let query = definition.extensions.resolveQuery {
                    if resolving == nil {
                        resolving = LabelIndex(try environment.evaluate(query, at: queryTime), by: \.labels)
                    }
                    let isResolved = resolving?.agreeing(with: alert.sourceLabels).isEmpty == false
                    // With no data left for it there is nothing that could ever resolve it.
                    if !isResolved, evidence?.hasData(for: alert) == true { observation = .unresolved }
                }
            }
            if observation == .noData { outcome.held += 1 }
            let change = alert.observe(observation, at: time, policy: policy, news: news)
            instances[labels] = change == .forgotten ? nil : alert
            if change != .none { outcome.changes.append((change, alert)) }
        }
    }

    /// `ALERTS` and `ALERTS_FOR_STATE` of what is pending or firing.
    private func writeSeries(_ outcome: inout Outcome) {
        for alert in instances.values where alert.isActive {
            outcome.samples.append(
                RuleSample(
                    labels: alert.labels.setting("alertstate", to: alert.phase.rawValue)
                        .setting(Labels.metricNameLabel, to: "ALERTS"),
                    value: .float(1)
                )
            )
            outcome.samples.append(
                RuleSample(
                    labels: alert.labels.setting(Labels.metricNameLabel, to: "ALERTS_FOR_STATE"),
                    value: .float(alert.stateSeconds)
                )
            )
        }
    }

    /// The sides of comparisons that carry the alert's value: what has to have data for "not in the result" to mean
    /// "the condition is false".
    private static func observed(of query: RuleQuery) -> [RuleQuery] {
        var found: [RuleQuery] = []
        func visit(_ expression: Expression, _ depth: Int) {
            guard depth < 50 else { return }
            switch expression {
            case .parenthesised(let node): visit(node.expression, depth + 1)
            case .binary(let node):
                switch node.operation.rawValue {
                case "and", "or":
                    visit(node.left, depth + 1)
                    visit(node.right, depth + 1)
                case "unless": visit(node.left, depth + 1)
                case "==", "!=", "<", "<=", ">", ">=":
                    for side in [node.left, node.right] where side.type == .instantVector {
                        if let part = RuleQuery(part: side, of: query) { found.append(part) }
                    }
                default: break
                }
            default: break
            }
        }
        visit(query.expression, 0)
        return found
    }
}

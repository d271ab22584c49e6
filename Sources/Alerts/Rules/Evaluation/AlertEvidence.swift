// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// What the data says about alerts that are not in a result; asked once per evaluation, and only when there are any.
struct AlertEvidence {
    private var observed: [LabelIndex<RuleSample>] = []
    private var sources: LabelIndex<RuleSource>

    /// - Parameter parts: the sides of the expression's comparisons that carry the alerts' values.
    init(
        _ query: RuleQuery,
        parts: [RuleQuery],
        _ environment: any RuleEnvironment,
        at time: Timestamp,
        now: Timestamp
    ) {
        for part in parts {
            // A part that cannot be evaluated alone says nothing.
            guard let samples = try? environment.evaluate(part, at: time) else { continue }
            observed.append(LabelIndex(samples, by: \.labels))
        }
        sources = LabelIndex(environment.sources(of: query, at: time, now: now), by: \.labels)
    }

    mutating func observation(of alert: AlertInstance) -> AlertInstance.Observation {
        let related = sources.agreeing(with: alert.sourceLabels)
        if RuleSource.areBygone(related) { return .noData }
        let values = observed.indices.map { value(of: alert, at: $0) }
        if !values.isEmpty, values.allSatisfy({ $0 != nil }) { return .absent(value: values.first ?? nil) }
        if related.contains(where: { $0.contains { $0.state == .lost(targetFailed: true) } }) { return .noData }
        if alert.isUnconfirmed, !related.contains(where: { $0.contains { $0.state == .live } }) { return .noData }
        return .absent(value: values.compactMap { $0 }.first)
    }

    /// What a side of a comparison has for the alert: its very labels if they are there, else any that agree.
    private mutating func value(of alert: AlertInstance, at index: Int) -> Double? {
        let found = observed[index].agreeing(with: alert.sourceLabels)
        for samples in found {
            for sample in samples.prefix(10)
            where sample.labels.dropping([Labels.metricNameLabel]) == alert.sourceLabels {
                return sample.number
            }
        }
        return found.first?.first?.number
    }

    mutating func hasData(for alert: AlertInstance) -> Bool {
        sources.agreeing(with: alert.sourceLabels).contains { $0.contains { $0.state == .live } }
    }
}

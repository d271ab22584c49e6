// SPDX-License-Identifier: Apache-2.0

import AlertRules
import Notifications
import TimeSeries

extension Alert {
    /// What people are told of an alert of the rules: with the external labels that it does not have itself.
    init(_ snapshot: AlertSnapshot, context: RuleContext, at time: Timestamp) {
        var labels = snapshot.labels
        for (name, value) in context.externalLabels where labels[name] == nil {
            labels = labels.setting(name, to: value)
        }
        self.init(
            labels: labels,
            annotations: Labels(snapshot.annotations.map { ($0.name, $0.value) }),
            startsAt: snapshot.firedAt ?? snapshot.activeAt,
            endsAt: snapshot.state == .resolved ? snapshot.resolvedAt ?? time : nil,
            updatedAt: time,
            generatorURL: snapshot.generatorURL,
            source: .rules,
            value: snapshot.value,
            valueAtResolve: snapshot.valueAtResolve,
            peak: snapshot.peak,
            isStale: snapshot.isStale,
            query: snapshot.expression,
            series: snapshot.series
        )
    }
}

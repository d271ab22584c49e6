// SPDX-License-Identifier: Apache-2.0

import AlertRules
import Exposition

extension OwnMetrics {
    func addRules(_ builder: inout FamilyBuilder) {
        let statistics = rules.statistics
        builder.add("sidecar_rule_evaluations_total", .counter, "Rules evaluated.", [], Double(statistics.evaluations))
        builder.add(
            "sidecar_rule_edge_evaluations_total",
            .counter,
            "Extra evaluations after a connection edge.",
            [],
            Double(statistics.edgeEvaluations)
        )
        builder.add(
            "sidecar_rule_evaluation_failures_total",
            .counter,
            "Evaluations of rules that failed.",
            [],
            Double(statistics.failures)
        )
        builder.add(
            "sidecar_rule_iterations_missed_total",
            .counter,
            "Iterations of rule groups that were skipped.",
            [],
            Double(statistics.missedIterations)
        )
        builder.add(
            "sidecar_rule_evaluation_seconds_total",
            .counter,
            "Time spent evaluating rules.",
            [],
            statistics.seconds
        )
        builder.add(
            "sidecar_ticks_missed_total",
            .counter,
            "Ticks of the schedule that passed unseen.",
            [],
            Double(state.missedTicks)
        )
        addRuleCondition(statistics.condition, &builder)
    }

    private func addRuleCondition(_ condition: RuleCondition, _ builder: inout FamilyBuilder) {
        let gauges: [(name: String, help: String, value: Int)] = [
            ("sidecar_rules", "Rules loaded.", condition.rules),
            (
                "sidecar_rules_unmatched",
                "Rules none of whose selectors has matched a series since the start.",
                condition.unmatched
            ),
            ("sidecar_rules_failing", "Rules whose last evaluation failed.", condition.failing),
            (
                "sidecar_rule_files_broken",
                "Rule files that cannot be used and go on as they were, or not at all.",
                state.brokenRuleFiles
            ),
            ("sidecar_rule_alerts_pending", "Alerts of the rules that are pending.", condition.pending),
            ("sidecar_rule_alerts_firing", "Alerts of the rules that fire.", condition.firing),
            ("sidecar_rule_alerts_held", "Alerts kept as they are because data is missing.", condition.held),
            ("sidecar_rule_alerts_dropped", "New alerts that limits keep out at present.", condition.dropped),
        ]
        for gauge in gauges { builder.add(gauge.name, .gauge, gauge.help, [], Double(gauge.value)) }
        builder.add(
            "sidecar_rule_state_failures_total",
            .counter,
            "Failed writes of the alerts' states; they go on in memory.",
            [],
            Double(condition.stateFailures)
        )
        builder.add(
            "sidecar_rule_series_refused_total",
            .counter,
            "Times the store refused the ALERTS series of a rule.",
            [],
            Double(condition.writeFailures)
        )
    }
}

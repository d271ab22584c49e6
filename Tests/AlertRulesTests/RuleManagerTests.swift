// SPDX-License-Identifier: Apache-2.0

import AlertRules
import Testing
import TimeSeries

@Suite struct RuleManagerTests {
    private let rules = """
        groups:
          - name: booking
            interval: 1s
            labels: {team: night, severity: none}
            rules:
              - alert: ErrorsHigh
                expr: errors > 1
                for: 2s
                labels: {severity: critical}
                annotations:
                  summary: "{{ $labels.route }} has {{ $value | printf \\"%.1f\\" }} errors, {{ .ExternalURL }} {{ $externalLabels.site }}"
                  broken: "{{ index $labels 3 }}"
        """

    private func make(_ text: String? = nil, _ environment: ScriptedEnvironment) throws -> RuleManager {
        var context = RuleContext()
        context.externalURL = "http://sidecar:9464"
        context.externalLabels = [("site", "eu1")]
        let manager = RuleManager(context: context, environment: environment)
        _ = manager.load(try groups(text ?? rules), context: context, at: time(0))
        return manager
    }

    @Test func anAlertGoesThroughItsLife() throws {
        let environment = ScriptedEnvironment()
        let manager = try make(nil, environment)
        let key = manager.groups[0].key
        let errors = sample([("__name__", "errors"), ("route", "/book")], 5)
        func step(_ seconds: Double, _ samples: [RuleSample]) throws -> GroupEvaluation {
            environment.results["errors > 1"] = samples
            return try #require(manager.evaluate(group: key, at: time(seconds)))
        }
        #expect(try step(1, [errors]).transitions.isEmpty)
        let labels = Labels([
            ("alertname", "ErrorsHigh"), ("route", "/book"), ("severity", "critical"), ("team", "night"),
        ])
        let series = try #require(environment.written.values.first)
        #expect(
            series == [
                RuleSample(
                    labels: labels.setting("__name__", to: "ALERTS").setting("alertstate", to: "pending"),
                    value: .float(1)
                ),
                RuleSample(labels: labels.setting("__name__", to: "ALERTS_FOR_STATE"), value: .float(1)),
            ]
        )
        #expect(try step(2, [errors]).transitions.isEmpty)
        let firing = try step(3, [sample([("route", "/book")], 7)])
        #expect(firing.transitions.map(\.kind) == [.firing])
        let alert = try #require(firing.transitions.first?.alert)
        #expect(alert.labels == labels)
        #expect(alert.activeAt == time(1) && alert.firedAt == time(3))
        #expect(alert.generatorURL == "http://sidecar:9464/graph?g0.expr=errors+%3E+1&g0.tab=1")
        #expect(alert.annotations.last?.value == "/book has 7.0 errors, http://sidecar:9464 eu1")
        #expect(
            alert.annotations.first?.value
                == "<error expanding template: error executing template __alert_ErrorsHigh: template: "
                + "__alert_ErrorsHigh:1:115: executing \"__alert_ErrorsHigh\" at <index $labels 3>: error calling index: "
                + "value has type int; should be string>"
        )
        // The left side still has a value: the condition is false, and that value is the one at the resolve.
        environment.results["errors"] = [sample([("route", "/book")], 0.5)]
        let resolved = try step(4, [])
        #expect(resolved.transitions.map(\.kind) == [.resolved])
        #expect(resolved.transitions.first?.alert.valueAtResolve == 0.5)
        #expect(resolved.transitions.first?.alert.peak == 7)
        #expect(manager.alerts().isEmpty)
        #expect(manager.alerts(includingResolved: true).count == 1)
        #expect(try step(4 + 900, []).transitions.isEmpty)
        #expect(manager.alerts(includingResolved: true).count == 1)
        _ = try step(4 + 901, [])
        #expect(manager.alerts(includingResolved: true).isEmpty)
    }
}

// SPDX-License-Identifier: Apache-2.0

import AlertRules
import PromQL
import Testing
import TimeSeries
import YAMLDocument

@Suite struct ObjectiveTests {
    private func objectives(_ text: String) throws -> (found: [ServiceLevelObjective], problems: [String]) {
        let problems = YAMLProblems()
        let root = try #require(YAMLDocument.parse(text, file: "sidecar.yml", problems: problems)?.root)
        let reader = try #require(YAMLMappingReader(root, file: "sidecar.yml", problems: problems))
        let found = ServiceLevelObjective.decode(reader)
        reader.finish()
        return (found, problems.sorted.map(\.description))
    }

    private let good = """
        slos:
          - name: booking
            objective: 99.9
            total: requests_total{job="booking"}
            bad: requests_total{job="booking",code="500"}
            min_events: 20
            labels: {team: night}
        """

    @Test func faultsAreNamed() throws {
        let result = try objectives(
            """
            slos:
              - {name: a, objective: 100, total: x_total, good: y_total}
              - {name: a, objective: 99, total: 'x{', bad: y_total, good: z}
              - {objektive: 3}
            """
        )
        #expect(result.found.isEmpty)
        #expect(
            result.problems == [
                "sidecar.yml:2:26: slos[0].objective must be between 0 and 100, both excluded: 99.9 means 99.9 %",
                "sidecar.yml:3:5: slos[1] needs exactly one of good and bad",
                "sidecar.yml:3:37: slos[1].total must be a selector like http_requests_total{job=\"booking\"}: "
                    + "1:3: parse error: unexpected end of input inside braces",
                "sidecar.yml:4:5: slos[2].name is required", "sidecar.yml:4:5: slos[2].objective is required",
                "sidecar.yml:4:5: slos[2].total is required",
                "sidecar.yml:4:5: slos[2] needs exactly one of good and bad",
                "sidecar.yml:4:6: unknown key \"objektive\" in slos[2]; did you mean \"objective\"?",
            ]
        )
    }

    @Test func windowsThatTheStoreCannotHoldAreLeftOut() throws {
        let objective = try #require(try objectives(good).found.first)
        let short = try ObjectiveRules.group(objective, retention: .seconds(6 * 3600))
        #expect(
            short.rules.map(\.name) == [
                "slo:error_ratio:ratio_rate5m", "slo:error_ratio:ratio_rate30m", "slo:error_ratio:ratio_rate1h",
                "slo:error_ratio:ratio_rate6h", "slo:error_budget_remaining:ratio", "slo:objective:ratio",
                "ErrorBudgetBurnsFast", "ErrorBudgetBurnsFast",
            ]
        )
        let long = try ObjectiveRules.group(objective, retention: .seconds(40 * 86_400))
        #expect(long.rules.map(\.name).filter { $0.hasPrefix("ErrorBudget") }.count == 4)
        #expect(
            long.rules.last?.query.text
                == "slo:error_ratio:ratio_rate3d{slo=\"booking\"} > 0.001 and on() "
                + "slo:error_ratio:ratio_rate6h{slo=\"booking\"} > 0.001"
        )
    }

    /// Five per cent of errors, 50 times the budget: speaks once both windows see it, not on two failures at night.
    @Test(arguments: [(5.0, true), (0.003, false)])
    func burningBudgetsSpeak(requestsPerSecond: Double, fires: Bool) throws {
        let objective = try #require(try objectives(good).found.first)
        let store = TimeSeriesStore()
        let environment = StoreRuleEnvironment(store: store, engine: QueryEngine())
        let manager = RuleManager(context: RuleContext(), environment: environment)
        let definition = try ObjectiveRules.group(objective, retention: .seconds(6 * 3600))
        _ = manager.load([definition], context: RuleContext(), at: time(0))
        let target = store.appender(source: "booking")
        let ok = try target.series(Labels([("__name__", "requests_total"), ("job", "booking"), ("code", "200")]))
        let bad = try target.series(Labels([("__name__", "requests_total"), ("job", "booking"), ("code", "500")]))
        var kinds: [String] = []
        for tick in 0..<400 {
            let seconds = Double(tick) * 15
            target.append(ok, seconds * requestsPerSecond * 0.95)
            target.append(bad, seconds * requestsPerSecond * 0.05)
            _ = try target.commit(at: time(seconds + 1))
            let evaluation = try #require(manager.evaluate(group: manager.groups[0].key, at: time(seconds + 1)))
            #expect(evaluation.failures.isEmpty)
            kinds += evaluation.transitions.map { "\($0.kind.rawValue) \($0.alert.labels["long_window"] ?? "")" }
        }
        #expect(kinds.isEmpty == !fires)
        if fires {
            let alert = try #require(manager.alerts().first)
            #expect(alert.labels["severity"] == "critical" && alert.labels["slo"] == "booking")
            #expect(alert.annotations.first { $0.name == "summary" }?.value == "booking: 5% of events are bad over 1h")
        }
    }

    @Test func theBuiltInRulesLoadAndTheWatchdogBarks() throws {
        let group = try #require(SelfWatchRules.group(runbooks: "https://example.org/self"))
        #expect(
            group.rules.map(\.name) == [
                "Watchdog", "RuleEvaluationLate", "RuleEvaluationFailing", "ConfigReloadFailed", "RuleFilesBroken",
                "AlertsDropped", "AlertStatesNotSaved", "SeriesDropped", "NotificationsFailing", "StorageMemoryOnly",
            ]
        )
        let store = TimeSeriesStore()
        let environment = StoreRuleEnvironment(store: store, engine: QueryEngine())
        let manager = RuleManager(context: RuleContext(), environment: environment)
        _ = manager.load([group], context: RuleContext(), at: time(0))
        let evaluation = try #require(manager.evaluate(group: group.key, at: time(1)))
        #expect(evaluation.transitions.map(\.alert.rule) == ["Watchdog"])
        #expect(
            evaluation.transitions.first?.alert.annotations.contains { $0.value == "https://example.org/self#watchdog" }
                == true
        )
        let sidecar = store.appender(source: "sidecar")
        for (name, value) in [("sidecar_config_last_reload_successful", 0.0), ("sidecar_storage_memory_only", 1)] {
            sidecar.append(try sidecar.series(Labels([("__name__", name), ("job", "sidecar")])), value)
        }
        _ = try sidecar.commit(at: time(2))
        let second = try #require(manager.evaluate(group: group.key, at: time(2)))
        #expect(second.transitions.map(\.alert.rule) == ["ConfigReloadFailed", "StorageMemoryOnly"])
    }
}

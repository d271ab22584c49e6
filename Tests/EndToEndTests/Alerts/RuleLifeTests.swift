// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Rule files in the running program: what groups, reloads, errors and limits do to alerts that people hear of.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct RuleLifeTests {
    private static let broken = "      - { alert: Broken, expr: 'm > 1', for: 300ms, annotations: { note: one } }\n"

    @Test func `a reload keeps the alerts of rules that are the same, and owes the ends of those that are not`()
        async throws
    {
        let watched = try await WatchedTarget(page: "m 2\n", rules: Self.broken)
        let first = try #require(await watched.receiver.webhookAlert("Broken", firing: true))
        // Another `for`, another annotation: the same alert, told nobody again.
        let longer = Self.broken.replacingOccurrences(of: "300ms", with: "1h").replacingOccurrences(
            of: "one",
            with: "two"
        )
        #expect(try await watched.reload(rules: longer) == 200)
        let isTaken = try await waitUntil(deadline: .seconds(5)) {
            try await watched.rule("Broken")["duration"] as? Double == 3_600
        }
        #expect(isTaken)
        let alert = (try await watched.rule("Broken")["alerts"] as? [[String: Any]])?.first
        #expect(alert?["state"] as? String == "firing")
        #expect(watched.receiver.webhookStory == ["firing Broken"])
        // Another expression is another rule: the old one ends, the new one begins from the beginning.
        let other = Self.broken.replacingOccurrences(of: "m > 1", with: "m > 1.5")
        #expect(try await watched.reload(rules: other) == 200)
        let isWhole = await waitUntil(deadline: .seconds(10)) {
            watched.receiver.webhookStory == ["firing Broken", "resolved Broken", "firing Broken"]
        }
        #expect(isWhole, "\(watched.receiver.webhookStory)")
        let second = try #require(await watched.receiver.webhookAlert("Broken", firing: true))
        #expect(second.text("startsAt") != first.text("startsAt"))
        // No rule at all.
        #expect(try await watched.reload(rules: "      []\n") == 200)
        #expect(await waitUntil(deadline: .seconds(10)) { watched.receiver.webhookStory.last == "resolved Broken" })
        await watched.stop()
    }

    @Test func `an expression that fails freezes its alerts, says so, and goes on where it was`() async throws {
        let watched = try await WatchedTarget(
            page: "m 2\nn{k=\"a\"} 1\n",
            rules: """
                      - { alert: Compared, expr: 'm > on() n' }
                      - { alert: Other, expr: 'm > 1' }

                """
        )
        #expect(await watched.receiver.webhookAlert("Compared", firing: true) != nil)
        // Two partners for one series: no result, and m is fine meanwhile.
        watched.target.page = "m 0\nn{k=\"a\"} 1\nn{k=\"b\"} 1\n"
        #expect(await watched.receiver.webhookAlert("Other", firing: false) != nil)
        let fails = try await waitUntil(deadline: .seconds(5)) {
            try await watched.rule("Compared")["health"] as? String == "err"
        }
        #expect(fails)
        #expect(try await watched.rule("Compared")["state"] as? String == "firing")
        let isCounted = try await waitUntil(deadline: .seconds(5)) {
            try await watched.sidecar.query("sidecar_rules_failing").first?.value == 1
        }
        #expect(isCounted)
        #expect(watched.sidecar.process.errorOutput.contains("rule.failed"))
        #expect(!watched.receiver.webhookStory.contains("resolved Compared"))
        watched.target.page = "m 0\nn{k=\"a\"} 1\n"
        #expect(await watched.receiver.webhookAlert("Compared", firing: false) != nil)
        // The line is written by another thread than the message.
        #expect(await waitUntil { watched.sidecar.process.errorOutput.contains("rule.recovered") })
        await watched.stop()
    }

    @Test func `a rule that never matched is seen in metrics, API and check`() async throws {
        let rules = """
                  - { alert: Alive, expr: 'm > 1' }
                  - { alert: Dead, expr: 'misspelt_total > 1' }

            """
        let watched = try await WatchedTarget(page: "m 0\n", rules: rules)
        let isSeen = try await waitUntil(deadline: .seconds(15)) {
            try await watched.sidecar.query("sidecar_rules_unmatched").first?.value == 1
        }
        #expect(isSeen)
        #expect(try await watched.rule("Dead")["neverMatched"] as? Bool == true)
        #expect(try await watched.rule("Alive")["neverMatched"] == nil)
        let check = try await ChildProcess.run(
            Programs.sidecar,
            [
                "check", "rules", "--lint-fatal", "--live", watched.sidecar.url,
                watched.sidecar.directory.path("rules.yml"),
            ]
        )
        #expect(check.exit == .code(3), "\(check)")
        #expect(check.output.contains("Dead: nothing matches {__name__=\"misspelt_total\"}"), "\(check)")
        #expect(!check.output.contains("Alive"), "\(check)")
        await watched.stop()
    }

    @Test func `an objective becomes series, a budget and an alert when it burns`() async throws {
        let watched = try await WatchedTarget(
            page: "requests_total{code=\"200\"} 0\nrequests_total{code=\"500\"} 0\n",
            rules: "      []\n",
            more: """
                slos:
                  - name: booking
                    objective: 99.9
                    window: 1d
                    total: requests_total
                    bad: requests_total{code="500"}
                    min_events: 10
                """
        )
        #expect(
            await waitUntil(deadline: .seconds(10)) { (try? await watched.sidecar.query("requests_total"))?.count == 2 }
        )
        // Half of them fail.
        var count = 0
        let isTold = await waitUntil(deadline: .seconds(20)) {
            count += 5
            watched.target.page = "requests_total{code=\"200\"} \(count)\nrequests_total{code=\"500\"} \(count)\n"
            return watched.receiver.webhookAlerts.contains { $0.name == "ErrorBudgetBurnsFast" && $0.isFiring }
        }
        let series = try await watched.sidecar.query("{__name__=~\"slo:.*\"}")
        #expect(isTold, "\(series)")
        let told = try #require(await watched.receiver.webhookAlert("ErrorBudgetBurnsFast", firing: true))
        #expect(told.labels["slo"] == "booking" && told.labels["severity"] == "critical")
        let ratio = try await watched.sidecar.query(#"slo:error_ratio:ratio_rate5m{slo="booking"}"#).first?.value ?? 0
        #expect(abs(ratio - 0.5) < 0.1, "\(ratio)")
        let objective = try await watched.sidecar.query(#"slo:objective:ratio{slo="booking"}"#).first?.value ?? 0
        #expect(abs(objective - 0.999) < 1e-9)
        let budget =
            try await watched.sidecar.query(#"slo:error_budget_remaining:ratio{slo="booking"}"#).first?.value ?? 1
        #expect(budget < 0, "\(budget)")
        await watched.stop()
    }

    @Test func `what is exported is a rule file for any Prometheus`() async throws {
        let directory = try TemporaryDirectory("export")
        let folder = Programs.root + "/config/rules"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where name.hasSuffix(".yml") {
            let export = try await ChildProcess.run(Programs.sidecar, ["rules", "export", folder + "/" + name])
            #expect(export.exit == .code(0) && !export.output.contains("x_sidecar:"), "\(name): \(export.error)")
            let path = try directory.write(export.output, to: name)
            let verdict = try await ChildProcess.run("promtool", ["check", "rules", path])
            #expect(verdict.exit == .code(0), "\(name): \(verdict)")
        }
        let wrong = try directory.write("groups: [", to: "wrong.yml")
        let refused = try await ChildProcess.run(Programs.sidecar, ["rules", "export", wrong])
        #expect(refused.exit == .code(1) && refused.error.contains("wrong.yml") && refused.output.isEmpty)
    }
}

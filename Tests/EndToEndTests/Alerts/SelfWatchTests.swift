// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The alerts about the sidecar itself that nobody has to write: each is made true in the running program.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct SelfWatchTests {
    private static let rules = "      - { alert: Broken, expr: 'm > 1' }\n"

    /// The state of an alert that waits or fires; nil when there is none.
    private func state(_ watched: WatchedTarget, _ name: String) async throws -> String? {
        let rule = try await watched.rule(name)
        return (rule["alerts"] as? [[String: Any]])?.first?["state"] as? String
    }

    @Test func `the watchdog barks, and a reload that fails is told until one succeeds`() async throws {
        let watched = try await WatchedTarget(page: "m 0\n", rules: Self.rules, selfWatch: true)
        #expect(await watched.receiver.webhookAlert("Watchdog", firing: true) != nil)
        let path = watched.sidecar.directory.path("sidecar.yml")
        let good = try String(contentsOfFile: path, encoding: .utf8)
        _ = try watched.sidecar.directory.write(good + "\nrubbish: 1\n", to: "sidecar.yml")
        #expect(try await watched.reload() == 500)
        let failed = try #require(await watched.receiver.webhookAlert("ConfigReloadFailed", firing: true))
        #expect(failed.annotations["runbook_url"]?.hasSuffix("#configreloadfailed") == true)
        // The last good configuration goes on.
        watched.target.page = "m 2\n"
        #expect(await watched.receiver.webhookAlert("Broken", firing: true) != nil)
        _ = try watched.sidecar.directory.write(good, to: "sidecar.yml")
        #expect(try await watched.reload() == 200)
        #expect(await watched.receiver.webhookAlert("ConfigReloadFailed", firing: false) != nil)
        // A rule file that becomes bad is told, and what it had goes on.
        _ = try await watched.reload(rules: "      - { alert: Broken, expr: 'm >' }\n")
        #expect(await watched.receiver.webhookAlert("RuleFilesBroken", firing: true) != nil)
        #expect(try await state(watched, "Broken") == "firing")
        #expect(try await watched.reload(rules: Self.rules) == 200)
        #expect(await watched.receiver.webhookAlert("RuleFilesBroken", firing: false) != nil)
        let story = watched.receiver.webhookStory
        #expect(!story.contains("resolved Broken") && !story.contains("resolved Watchdog"), "\(story)")
        await watched.stop()
    }

    @Test func `a limit keeps what fires, leaves out what is new, and says so`() async throws {
        let watched = try await WatchedTarget(
            page: "m{k=\"a\"} 2\nm{k=\"b\"} 0\n",
            rules: Self.rules,
            group: "    limit: 1\n",
            selfWatch: true
        )
        #expect(await watched.receiver.webhookAlert("Broken", firing: true)?.labels["k"] == "a")
        watched.target.page = "m{k=\"a\"} 2\nm{k=\"b\"} 2\n"
        #expect(await watched.receiver.webhookAlert("AlertsDropped", firing: true) != nil)
        #expect(try await watched.sidecar.query("sidecar_rule_alerts_dropped").first?.value == 1)
        let told = watched.receiver.webhookAlerts.filter { $0.name == "Broken" }
        #expect(told.allSatisfy { $0.labels["k"] == "a" && $0.isFiring }, "\(watched.receiver.webhookStory)")
        // A place becomes free.
        watched.target.page = "m{k=\"a\"} 0\nm{k=\"b\"} 2\n"
        #expect(await watched.receiver.webhookAlert("Broken", firing: false)?.labels["k"] == "a")
        let isTold = await waitUntil(deadline: .seconds(10)) {
            watched.receiver.webhookAlerts.contains { $0.name == "Broken" && $0.isFiring && $0.labels["k"] == "b" }
        }
        #expect(isTold)
        #expect(await watched.receiver.webhookAlert("AlertsDropped", firing: false) != nil)
        await watched.stop()
    }

    @Test func `a destination that refuses is told through another one`() async throws {
        let slack = try HTTPReceiver { _ in HTTPAnswer(500) }
        let watched = try await WatchedTarget(
            page: "m 2\n",
            rules: Self.rules,
            selfWatch: true,
            receivers: "slack_configs: [ { api_url: \"\(slack.url)/services/a/b/c\", channel: \"#ops\" } ]"
        )
        let failing = await watched.receiver.webhookAlert("NotificationsFailing", firing: true, deadline: .seconds(20))
        #expect(failing?.labels["integration"]?.contains("slack") == true && failing?.labels["severity"] == "critical")
        slack.answer(with: { _ in HTTPAnswer(200, "ok") })
        let over = await watched.receiver.webhookAlert("NotificationsFailing", firing: false, deadline: .seconds(30))
        #expect(over != nil)
        await watched.stop()
    }

    @Test func `late evaluations and refused samples are alerts that wait a minute`() async throws {
        // A sample of 1970 is too old for any store.
        let watched = try await WatchedTarget(page: "m 0\nold 1 1000\n", rules: Self.rules, selfWatch: true)
        let isRefused = try await waitUntil(deadline: .seconds(10)) {
            try await state(watched, "SeriesDropped") == "pending"
        }
        let refused = try await watched.sidecar.query("sidecar_store_samples_refused_total")
        #expect(isRefused, "\(refused)")
        #expect(try await state(watched, "RuleEvaluationLate") == nil)
        watched.sidecar.process.send(SIGSTOP)
        try await Task.sleep(for: .seconds(1))
        watched.sidecar.process.send(SIGCONT)
        let isLate = try await waitUntil(deadline: .seconds(10)) {
            try await state(watched, "RuleEvaluationLate") == "pending"
        }
        #expect(isLate)
        await watched.stop()
    }
}

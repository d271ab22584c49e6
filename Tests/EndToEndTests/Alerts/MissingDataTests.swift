// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `x_sidecar` through the whole program: a real target that fails, and what a receiver hears.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct MissingDataTests {
    private static func rule(_ name: String, for hold: String = "0s", _ extensions: String) -> String {
        "      - { alert: \(name), expr: 'm{k=\"\(name)\"} > 1', for: \(hold), x_sidecar: { \(extensions) } }\n"
    }

    private static func page(_ values: [String: Double]) -> String {
        values.sorted { $0.key < $1.key }.map { "m{k=\"\($0.key)\"} \($0.value)\n" }.joined()
    }

    private func state(_ watched: WatchedTarget, _ name: String) async throws -> [String: Any]? {
        let answer = try await HTTPGet(watched.sidecar.url + "/api/sidecar/explain?alertname=\(name)")
        return (try JSONSerialization.jsonObject(with: answer.body) as? [[String: Any]])?.first
    }

    @Test func `a failing target holds, resolves or fires its alerts as their rules say, and holding ends`()
        async throws
    {
        let rules = [
            Self.rule("Holds", "hold_max: 10m"), Self.rule("Waits", for: "3s", "hold_max: 10m"),
            Self.rule("Resolves", "on_no_data: resolve"), Self.rule("Fires", for: "1s", "on_no_data: fire"),
            Self.rule("Gives", "on_no_data: hold, hold_max: 1s"),
        ]
        let all = ["Holds", "Waits", "Resolves", "Fires", "Gives"]
        let bad = Self.page(Dictionary(uniqueKeysWithValues: all.map { ($0, 5.0) }))
        let watched = try await WatchedTarget(page: bad, rules: rules.joined())
        for name in ["Holds", "Resolves", "Gives"] {
            #expect(await watched.receiver.webhookAlert(name, firing: true) != nil, "\(name)")
        }
        #expect(try await state(watched, "Fires")?["state"] as? String == "pending")
        // The target fails while Fires and Waits are pending.
        watched.target.page = nil
        #expect(await watched.receiver.webhookAlert("Resolves", firing: false) != nil)
        #expect(await watched.receiver.webhookAlert("Fires", firing: true) != nil)
        #expect(await watched.receiver.webhookAlert("Gives", firing: false) != nil)
        let held = try await state(watched, "Holds")
        #expect(held?["state"] as? String == "firing" && held?["heldSince"] is String)
        let waiting = try await state(watched, "Waits")
        #expect(waiting?["state"] as? String == "pending" && waiting?["heldSince"] is String)
        let since = waiting?["activeAt"] as? String
        // It comes back as bad as it was: the timer went on where it was.
        watched.target.page = bad
        #expect(await watched.receiver.webhookAlert("Waits", firing: true) != nil)
        #expect(try await state(watched, "Waits")?["activeAt"] as? String == since)
        #expect(!watched.receiver.webhookStory.contains("resolved Holds"))
        watched.target.page = Self.page(Dictionary(uniqueKeysWithValues: all.map { ($0, 0.0) }))
        for name in all { #expect(await watched.receiver.webhookAlert(name, firing: false) != nil, "\(name)") }
        #expect(watched.receiver.webhookStory.filter { $0.hasSuffix(" Holds") } == ["firing Holds", "resolved Holds"])
        await watched.stop()
    }

    @Test func `hysteresis, least events, dependencies and flaps decide what a receiver hears`() async throws {
        let rules = """
                  - { alert: Bent, expr: 'm{k="bent"} > 5', x_sidecar: { resolve_expr: 'm{k="bent"} < 3' } }
                  - { alert: Few, expr: 'm{k="ratio"} > 0.1', x_sidecar: { min_events: { count: 20, expr: 'sum(m{k="events"})' } } }
                  - { alert: Root, expr: 'm{k="root"} == 1' }
                  - { alert: Leaf, expr: 'm{k="leaf"} == 1', x_sidecar: { depends_on: [ Root ], settle: 1s } }
                  - { alert: Restless, expr: 'm{k="flap"} == 1', x_sidecar: { flap_detection: { transitions: 4, window: 3s } } }

            """
        var values: [String: Double] = ["bent": 6, "ratio": 0.5, "events": 5, "root": 1, "leaf": 0, "flap": 0]
        let watched = try await WatchedTarget(page: Self.page(values), rules: rules)
        func set(_ changes: [String: Double]) {
            values.merge(changes) { $1 }
            watched.target.page = Self.page(values)
        }
        let receiver = watched.receiver
        #expect(await receiver.webhookAlert("Bent", firing: true) != nil)
        #expect(await receiver.webhookAlert("Root", firing: true) != nil)
        #expect(!receiver.webhookStory.contains("firing Few"))
        // Leaf fires beside its root: shown, told to nobody.
        set(["bent": 4, "leaf": 1, "events": 25])
        #expect(await receiver.webhookAlert("Few", firing: true) != nil)
        let suppressed = try await waitUntil(deadline: .seconds(5)) {
            try await state(watched, "Leaf")?["suppressedBy"] as? String == "Root"
        }
        #expect(suppressed)
        #expect(!receiver.webhookStory.contains("firing Leaf") && !receiver.webhookStory.contains("resolved Bent"))
        set(["bent": 2, "root": 0])
        #expect(await receiver.webhookAlert("Bent", firing: false) != nil)
        #expect(await receiver.webhookAlert("Leaf", firing: true) != nil)
        // Four changes in three seconds: one flapping alert that lasts until it is quiet.
        for value in [1.0, 0, 1, 0, 1, 0] {
            set(["flap": value])
            try await Task.sleep(for: .milliseconds(250))
        }
        #expect(try await state(watched, "Restless")?["flapping"] as? Bool == true)
        set(["flap": 0])
        #expect(await waitUntil(deadline: .seconds(10)) { receiver.webhookStory.last == "resolved Restless" })
        let told = receiver.webhookStory.filter { $0.hasSuffix(" Restless") }
        #expect(told == ["firing Restless", "resolved Restless", "firing Restless", "resolved Restless"], "\(told)")
        await watched.stop()
    }
}

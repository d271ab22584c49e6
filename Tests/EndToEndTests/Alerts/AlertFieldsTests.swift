// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What an alert says of itself: in the webhook, in both APIs, and when it is asked why.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct AlertFieldsTests {
    private static let rules = """
              - alert: TooMany
                expr: 'sum by (k) (m) > 3'
                for: 300ms
                annotations: { summary: '{{ $labels.k }} has {{ $value }}' }

        """

    private func v2(_ watched: WatchedTarget) async throws -> [String: Any]? {
        let answer = try await HTTPGet(watched.sidecar.url + "/api/v2/alerts")
        return (try JSONSerialization.jsonObject(with: answer.body) as? [[String: Any]])?.first
    }

    private func explained(_ watched: WatchedTarget) async throws -> [String: Any] {
        let answer = try await HTTPGet(watched.sidecar.url + "/api/sidecar/explain?alertname=TooMany")
        return (try JSONSerialization.jsonObject(with: answer.body) as? [[String: Any]])?.first ?? [:]
    }

    @Test func `value, worst value, value at the end, times, query and series are in webhook and API`() async throws {
        let watched = try await WatchedTarget(page: "m{k=\"a\"} 2\n", rules: Self.rules)
        let quiet = try await explained(watched)
        #expect(quiet["state"] as? String == "inactive" && quiet["threshold"] as? String == "> 3")
        watched.target.page = "m{k=\"a\"} 5\n"
        let pending = try await waitUntil(deadline: .seconds(5)) {
            try await explained(watched)["firesInSeconds"] is Double
        }
        #expect(pending, "an alert that waits says how long")
        let firing = try #require(await watched.receiver.webhookAlert("TooMany", firing: true))
        #expect(firing.number("value") == 5 && firing.number("peak") == 5)
        #expect(firing.number("valueAtResolve") == nil)
        #expect(firing.annotations["summary"] == "a has 5" && firing.labels["site"] == "eu1")
        let query = try #require(firing.text("query"))
        #expect(query == "sum by (k) (m) > 3")
        #expect(firing.members["series"] as? [String] == ["m{k=\"a\"}"])
        let link = try #require(firing.text("generatorURL"))
        #expect(link.hasPrefix("http://sidecar.example/") && link.contains("sum"))
        #expect(firing.number("durationSeconds") ?? -1 >= 0)
        let found = try await watched.sidecar.query(query)
        #expect(found.map(\.value) == [5])

        // It gets worse, and better again without ending.
        watched.target.page = "m{k=\"a\"} 9\n"
        let peaked = try await waitUntil(deadline: .seconds(5)) { try await explained(watched)["peak"] as? Double == 9 }
        #expect(peaked)
        watched.target.page = "m{k=\"a\"} 4\n"
        let settled = try await waitUntil(deadline: .seconds(5)) {
            try await explained(watched)["value"] as? Double == 4
        }
        #expect(settled)
        let answer = try await JSONAnswer(watched.sidecar.url + "/api/v1/alerts")
        let shown = try #require(((answer["data"] as? [String: Any])?["alerts"] as? [[String: Any]])?.first)
        // Prometheus's own, exactly.
        #expect(shown["value"] as? String == "4e+00")
        #expect(Set(shown.keys) == ["labels", "annotations", "state", "activeAt", "value"])
        let known = try #require(try await v2(watched))
        #expect(known["query"] as? String == query && known["durationSeconds"] is Double && known["value"] is Double)
        let why = try await explained(watched)
        #expect(why["state"] as? String == "firing" && why["peak"] as? Double == 9)
        #expect(why["expression"] as? String == query && why["series"] as? [String] == ["m{k=\"a\"}"])
        #expect(why["firedAt"] is String && why["generatorURL"] as? String == link)
        #expect((why["sources"] as? [[String: Any]])?.first?["state"] as? String == "live")
        let sentences = (why["explanation"] as? [String] ?? []).joined(separator: " ")
        #expect(sentences.contains("Value 4, condition > 3, at its worst 9."), "\(sentences)")

        watched.target.page = "m{k=\"a\"} 1\n"
        let resolved = try #require(await watched.receiver.webhookAlert("TooMany", firing: false))
        #expect(resolved.number("valueAtResolve") == 1 && resolved.number("peak") == 9 && resolved.number("value") == 4)
        #expect(resolved.number("durationSeconds") ?? 0 > 0)
        #expect(resolved.text("startsAt") == firing.text("startsAt"))
        let command = try await ChildProcess.run(
            Programs.sidecar,
            ["explain", "TooMany", "k=a", "--url", watched.sidecar.url]
        )
        #expect(command.exit == .code(0) && command.output.contains("resolved"), "\(command)")
        await watched.stop()
    }

    @Test func `a drill goes the whole way, says how long each part took, and touches no real alert`() async throws {
        let watched = try await WatchedTarget(
            page: "m{k=\"a\"} 2\n",
            rules: Self.rules.replacingOccurrences(of: "for: 300ms", with: "labels: { severity: page }")
        )
        let drill = try await ChildProcess.run(
            Programs.sidecar,
            ["drill", "TooMany", "k=b", "--url", watched.sidecar.url]
        )
        #expect(drill.exit == .code(0), "\(drill)")
        #expect(
            drill.output.contains("queued") && drill.output.contains("sent") && drill.output.contains("hook/webhook[0]")
        )
        let firing = try #require(await watched.receiver.webhookAlert("TooMany", firing: true))
        #expect(firing.labels["drill"] == "true" && firing.labels["severity"] == "page" && firing.labels["k"] == "b")
        #expect(firing.annotations["summary"]?.hasPrefix("DRILL: ") == true)
        #expect(await watched.receiver.webhookAlert("TooMany", firing: false)?.labels["drill"] == "true")
        let alerts = try await JSONAnswer(watched.sidecar.url + "/api/v1/alerts")
        #expect(((alerts["data"] as? [String: Any])?["alerts"] as? [Any])?.isEmpty == true)
        let unknown = try await ChildProcess.run(Programs.sidecar, ["drill", "Nothing", "--url", watched.sidecar.url])
        #expect(unknown.exit == .code(1) && unknown.error.contains("no alerting rule Nothing"), "\(unknown)")
        // A receiver that fails: the drill says so.
        watched.receiver.answer(with: { _ in HTTPAnswer(500) })
        let failed = try await ChildProcess.run(
            Programs.sidecar,
            ["drill", "TooMany", "--timeout", "1", "--url", watched.sidecar.url]
        )
        #expect(failed.exit == .code(1) && failed.output.contains("not delivered"), "\(failed)")
        await watched.stop()
    }
}

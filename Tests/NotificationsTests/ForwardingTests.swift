// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import HTTPClient
import JSONDocument
import Notifications
import TestSupport
import Testing
import TimeSeries
import YAMLDocument

@Suite(.timeLimit(.minutes(1)))
struct ForwardingTests {
    private func forwarder(_ urls: [String] = ["http://127.0.0.1:1"]) -> AlertmanagerForwarder {
        var configuration = AlertmanagerForwarder.Configuration()
        configuration.endpoints = urls.map { AlertmanagerEndpoint(baseURL: Secret($0)) }
        configuration.externalLabels = ["site": "eu1", "job": "never"]
        return AlertmanagerForwarder(configuration)
    }

    private let ok = DeliveryOutcome.answered(status: 200, retryAfter: nil, body: [])
    private let firing = alert([("alertname", "A"), ("job", "x")])

    @Test func sendsOnChangeAndEachResendDelay() throws {
        var forwarder = forwarder()
        forwarder.update([firing], at: seconds(0))
        let post = try #require(forwarder.tick(at: seconds(0)).first)
        #expect(post.delivery.url.reveal() == "http://127.0.0.1:1/api/v2/alerts")
        let sent = try #require(JSONValue(parsing: post.delivery.body).array?.first)
        #expect(sent["labels"]?["site"]?.string == "eu1" && sent["labels"]?["job"]?.string == "x")
        #expect(sent["startsAt"]?.string == "2026-09-01T00:00:00Z" && sent["endsAt"]?.string == "2026-09-01T00:04:00Z")
        #expect(forwarder.tick(at: seconds(0)).isEmpty)
        forwarder.complete(post, ok, random: 0, at: seconds(1))
        forwarder.update([firing], at: seconds(30))
        #expect(forwarder.tick(at: seconds(30)).isEmpty)
        #expect(forwarder.nextWakeUp(at: seconds(30)) == seconds(60))
        #expect(forwarder.tick(at: seconds(60)).count == 1)
    }

    @Test func repeatsTheEndForAQuarterOfAnHour() throws {
        var forwarder = forwarder()
        forwarder.update([alert([("alertname", "A")], until: 10)], at: seconds(10))
        var times: [Double] = []
        for time in stride(from: 10.0, to: 2000, by: 10) {
            for post in forwarder.tick(at: seconds(time)) {
                times.append(time)
                let end = try JSONValue(parsing: post.delivery.body).array?.first?["endsAt"]?.string
                #expect(end == "2026-09-01T00:00:10Z")
                forwarder.complete(post, ok, random: 0, at: seconds(time))
            }
        }
        #expect(times.first == 10 && times.last == 850 && times.count == 15)
        #expect(forwarder.nextWakeUp(at: seconds(2000)) == nil)
    }

    @Test func everyAlertmanagerGetsItAndAFailingOneHoldsUpNobody() throws {
        var forwarder = forwarder(["http://127.0.0.1:1", "http://127.0.0.1:2"])
        forwarder.update([firing], at: seconds(0))
        let posts = forwarder.tick(at: seconds(0))
        #expect(posts.map(\.endpoint) == [0, 1])
        forwarder.complete(posts[0], .failed(reason: "connect_refused", text: ""), random: 200, at: seconds(0))
        forwarder.complete(posts[1], ok, random: 0, at: seconds(0))
        #expect(forwarder.tick(at: seconds(0.9)).isEmpty)
        let again = try #require(forwarder.tick(at: seconds(1)).first)
        #expect(again.endpoint == 0)
        forwarder.complete(again, ok, random: 0, at: seconds(1))
        #expect(forwarder.statistics.sent == [1, 1] && forwarder.statistics.failedPosts == [1, 0])
    }

    @Test func readsPrometheusAlertingSection() throws {
        let text = """
            alertmanagers:
              - scheme: https
                path_prefix: /am/
                timeout: 3s
                basic_auth: { username: me, password: pw }
                static_configs: [ { targets: ["a:9093", "b:9093"] } ]
              - static_configs: [ { targets: ["bad/target", "user:pw@host:9093"] } ]
            """
        let problems = YAMLProblems()
        let node = try #require(YAMLDocument.parse(text, file: "x.yml", problems: problems)?.root)
        let reader = try #require(YAMLMappingReader(node, file: "x.yml", path: "alerting", problems: problems))
        let environment = NotificationDecoder.Environment(
            resolve: { $0 },
            readFile: { _ in nil },
            expandPattern: { _ in [] },
            zone: { _ in nil }
        )
        let endpoints = NotificationDecoder.endpoints(reader, environment: environment)
        #expect(endpoints.map { $0.baseURL.reveal() } == ["https://a:9093/am", "https://b:9093/am"])
        #expect(endpoints[0].http.authorization == .basic(user: "me", password: Secret("pw")))
        #expect(problems.errors.count == 2)
    }

    /// A real Alertmanager takes our posts, and lets the alert go when we say so.
    @Test func aRealAlertmanagerAgrees() async throws {
        let folder = try TemporaryDirectory("alertmanager")
        let file = try folder.write("route: { receiver: a }\nreceivers: [ { name: a } ]\n", to: "alertmanager.yml")
        let port = try freePort()
        let process = try ChildProcess(
            "prometheus-alertmanager",
            [
                "--config.file=\(file)", "--storage.path=\(folder.path("data"))",
                "--web.listen-address=127.0.0.1:\(port)",
                "--cluster.listen-address=",
            ]
        )
        #expect(await waitUntil(deadline: .seconds(20)) { accepts(port: port) }, "\(process.errorOutput)")
        let loop = try EventLoop()
        defer { loop.stop() }
        let client = try HTTPClient(loop: loop)
        let performer = DeliveryPerformer(client: client, journal: nil)
        var forwarder = forwarder(["http://127.0.0.1:\(port)"])
        let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        var fire = Alert(labels: ["alertname": "Real", "q": "\"\\\n"], annotations: ["summary": "s"], startsAt: now)
        func names() async throws -> [String] {
            let body = try await client.perform(HTTPRequest(url: "http://127.0.0.1:\(port)/api/v2/alerts")).body
            let list = try #require(JSONValue(parsing: body).array)
            #expect(list.allSatisfy { $0["labels"]?["q"]?.string == "\"\\\n" })
            // The fingerprint is over the labels as sent, external ones included.
            let sent = fire.labels.setting("site", to: "eu1").setting("job", to: "never")
            #expect(list.allSatisfy { $0["fingerprint"]?.string == Alert(labels: sent, startsAt: now).fingerprintText })
            return list.compactMap { $0["labels"]?["alertname"]?.string }
        }
        for expected in [["Real"], []] {
            forwarder.update([fire], at: now)
            let post = try #require(forwarder.tick(at: now + .seconds(expected.isEmpty ? 1 : 0)).first)
            let outcome = await performer.post(post.delivery)
            #expect(outcome == .answered(status: 200, retryAfter: nil, body: []))
            forwarder.complete(post, outcome, random: 0, at: now)
            let found = await waitUntil(deadline: .seconds(10)) { (try? await names()) == expected }
            #expect(found)
            fire.endsAt = now + .milliseconds(1)
        }
        await process.stop()
    }
}

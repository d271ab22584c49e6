// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import HTTPClient
import JSONDocument
import Journal
import Notifications
import SQLiteClient
import TestSupport
import Testing
import TimeSeries

/// Real sockets: libcurl against a receiver that misbehaves, a mail server, the journal.
@Suite(.timeLimit(.minutes(1)), .serialized)
struct WireTests {
    private static let canary = "CANARY-7f3a-secret"

    private func withPerformer<Result>(
        journal: JournalWriter? = nil,
        _ body: (DeliveryPerformer) async throws -> Result
    ) async throws -> Result {
        let loop = try EventLoop()
        let client = try HTTPClient(loop: loop)
        let result = try await body(DeliveryPerformer(client: client, journal: journal))
        loop.stop()
        return result
    }

    private func attempts(_ integration: Integration, labels: [(String, String)] = [("alertname", "Down")]) throws
        -> (NotificationEngine, [DeliveryAttempt])
    {
        let receiver = Receiver(name: "oncall", integrations: [integration])
        let engine = try NotificationEngine(
            configuration: configuration(receivers: [receiver]),
            database: try SQLiteDatabase(path: nil),
            random: { 0 },
            at: seconds(0)
        )
        return (engine, engine.process([alert(labels)], at: seconds(0)))
    }

    private func webhookIntegration(_ url: String) -> Integration {
        var settings = WebhookSettings(url: Secret(url))
        settings.http.authorization = .scheme("Bearer", Secret(Self.canary + "-bearer"))
        settings.http.headers = [HTTPOptions.Header("X-Token", Secret(Self.canary + "-header"))]
        settings.http.timeout = .milliseconds(700)
        settings.signingSecrets = [Secret(Self.canary + "-signing")]
        return Integration(.webhook(settings))
    }

    @Test func postsWhatWasDecided() async throws {
        let receiver = try HTTPReceiver()
        defer { receiver.stop() }
        let (engine, attempts) = try attempts(webhookIntegration("\(receiver.url)/hook/\(Self.canary)?a=b"))
        let attempt = try #require(attempts.first)
        let outcome = try await withPerformer { await $0.perform(attempt) }
        engine.complete(attempt, outcome, at: seconds(1))
        #expect(engine.outboxItems.isEmpty)
        let request = try #require(receiver.requests.first)
        #expect(request.method == "POST" && request.target == "/hook/\(Self.canary)?a=b")
        #expect(request.header("content-type") == "application/json" && request.header("expect") == nil)
        #expect(request.header("authorization") == "Bearer \(Self.canary)-bearer")
        #expect(request.header("x-token") == "\(Self.canary)-header")
        #expect(request.header("idempotency-key") == attempt.notificationID)
        #expect(request.header("webhook-id") == attempt.notificationID)
        #expect(request.header("webhook-signature")?.hasPrefix("v1,") == true)
        #expect(try JSONValue(parsing: request.body)["version"]?.string == "4")
    }

    /// Whatever a receiver does, the attempt ends in time, nothing is followed, and no secret shows anywhere.
    @Test(
        arguments: [
            ("refused", "connect_refused"), ("redirect", "redirect"), ("echo", "http_5xx"), ("hang", "timeout"),
            ("reset", "connect_reset"), ("huge", "http_5xx"), ("throttle", "rate_limited"), ("forbidden", "http_403"),
        ]
    )
    func failuresAreTypedAndSafe(mode: String, reason: String) async throws {
        let other = try HTTPReceiver()
        defer { other.stop() }
        let receiver = try HTTPReceiver { request in
            var answer = HTTPAnswer()
            switch mode {
            case "redirect":
                answer.status = 307
                answer.headers = [(name: "Location", value: other.url + "/stolen")]
            case "echo":
                answer.status = 500
                answer.body = Array("you sent \(request.target) \(request.headers)".utf8)
            case "hang": answer.delay = .seconds(3)
            case "huge":
                answer.status = 500
                answer.body = [UInt8](repeating: 0x41, count: 8 << 20)
            case "throttle":
                answer.status = 429
                answer.headers = [(name: "Retry-After", value: "30")]
            case "forbidden": answer.status = 403
            case "reset":
                answer.raw = []
                answer.ending = .reset
            default: break
            }
            return answer
        }
        let url = mode == "refused" ? "http://127.0.0.1:\(try freePort())" : receiver.url
        if mode == "refused" { receiver.stop() }
        let (engine, attempts) = try attempts(webhookIntegration("\(url)/\(Self.canary)"))
        let attempt = try #require(attempts.first)
        let started = ContinuousClock.now
        let outcome = try await withPerformer { await $0.perform(attempt) }
        #expect(ContinuousClock.now - started < .seconds(3))
        engine.complete(attempt, outcome, at: seconds(1))
        let item = try #require(engine.outboxItems.first)
        #expect(item.lastReason?.hasPrefix(reason) == true, "\(item.lastReason ?? "none"), \(outcome)")
        if mode == "throttle" { #expect(item.nextAttemptAt == seconds(31)) }
        #expect(other.requests.isEmpty)
        var shown = "\(item) \(engine.statistics) \(engine.condition(at: seconds(1)))"
        shown += String(decoding: engine.outboxJSON() + (try engine.historyJSON(HistoryQuery())), as: UTF8.self)
        shown += "\(attempt) \(attempt.action)"
        dump(attempt, to: &shown)
        #expect(!shown.contains(Self.canary), "a secret shows after \(mode)")
        if mode != "refused" { receiver.stop() }
    }

    @Test func noSecretReachesTheStateFile() throws {
        let folder = try TemporaryDirectory("leak")
        let path = folder.path("state.db")
        let integrations = [
            webhookIntegration("http://127.0.0.1:1/\(Self.canary)"),
            Integration(.slack(SlackSettings(url: Secret("http://127.0.0.1:1/\(Self.canary)"))), sendsResolved: true),
            Integration(.pagerduty(PagerDutySettings(routingKey: Secret(Self.canary)))),
            {
                var settings = EmailSettings(to: ["a@b.example"], from: "c@d.example", smarthost: "localhost:1")
                settings.password = Secret(Self.canary)
                return Integration(.email(settings), sendsResolved: true)
            }(),
        ]
        let engine = try NotificationEngine(
            configuration: configuration(receivers: [Receiver(name: "all", integrations: integrations)]),
            database: try SQLiteDatabase(path: path),
            random: { 0 },
            at: seconds(0)
        )
        let attempts = engine.process([alert([("alertname", "Down")])], at: seconds(0))
        #expect(attempts.count == 4)
        for attempt in attempts {
            let text = Array("\(Self.canary) is wrong".utf8)
            engine.complete(attempt, .answered(status: 500, retryAfter: nil, body: text), at: seconds(1))
            #expect(!"\(attempt)".contains(Self.canary))
        }
        for suffix in ["", "-wal"] {
            let data = try Data(contentsOf: URL(fileURLWithPath: path + suffix))
            #expect(data.range(of: Data(Self.canary.utf8)) == nil)
            #expect(data.range(of: Data(Data(Self.canary.utf8).base64EncodedString().utf8)) == nil)
        }
    }

    @Test func mailArrives() async throws {
        let server = try SMTPReceiver()
        defer { server.stop() }
        var settings = EmailSettings(
            to: ["Me <me@example.org>", "you@example.org"],
            from: "sidecar@example.org",
            smarthost: "127.0.0.1:\(server.port)"
        )
        settings.requiresTLS = false
        let (engine, attempts) = try attempts(Integration(.email(settings)))
        let attempt = try #require(attempts.first)
        let outcome = try await withPerformer { await $0.perform(attempt) }
        #expect(outcome == .accepted)
        engine.complete(attempt, outcome, at: seconds(1))
        let message = try #require(server.messages.first)
        #expect(message.recipients == ["me@example.org", "you@example.org"] && message.sender == "sidecar@example.org")
        #expect(message.content.contains("Subject: [FIRING:1] Down"))
    }

    @Test func mailThatRequiresTLSIsNotSentInTheClear() async throws {
        let server = try SMTPReceiver()
        defer { server.stop() }
        let settings = EmailSettings(
            to: ["me@example.org"],
            from: "s@example.org",
            smarthost: "127.0.0.1:\(server.port)"
        )
        let attempt = try #require(try attempts(Integration(.email(settings))).1.first)
        let outcome = try await withPerformer { await $0.perform(attempt) }
        #expect(outcome != .accepted && server.messages.isEmpty)
    }

    @Test func journalEntryArrives() async throws {
        try await JournalDaemon.ensureRunning()
        let name = "Journal\(UInt32.random(in: 0 ... .max))"
        let (engine, attempts) = try attempts(
            Integration(.journald(JournaldSettings())),
            labels: [("alertname", name), ("severity", "page")]
        )
        let attempt = try #require(attempts.first)
        let writer = JournalWriter()
        let outcome = try await withPerformer(journal: writer) { await $0.perform(attempt) }
        writer.close(deadline: .seconds(5))
        engine.complete(attempt, outcome, at: seconds(1))
        #expect(outcome == .accepted && engine.outboxItems.isEmpty)
        var entries: [[String: String]] = []
        for _ in 0..<50 where entries.isEmpty {
            entries = try await JournalDaemon.entries(["ALERT_NAME=\(name)"])
            if entries.isEmpty { try await Task.sleep(for: .milliseconds(100)) }
        }
        let entry = try #require(entries.first)
        #expect(entry["MESSAGE"] == "\(name) firing: something is wrong" && entry["PRIORITY"] == "3")
        #expect(entry["MESSAGE_ID"] == JournalRecord.MessageID.fired.rawValue)
        #expect(entry["NOTIFICATION_ID"] == attempt.notificationID && entry["ALERT_STATUS"] == "firing")
    }

    @Test func aMissingJournalIsSaid() async throws {
        let attempt = try #require(try attempts(Integration(.journald(JournaldSettings()))).1.first)
        let outcome = try await withPerformer { await $0.perform(attempt) }
        #expect(outcome == .refused(reason: "journal_unreachable", text: "no journal listens"))
    }
}

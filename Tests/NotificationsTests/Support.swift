// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONDocument
import Notifications
import SQLiteClient
import TimeSeries

/// A moment in September 2026 plus some seconds.
func seconds(_ seconds: Double) -> Timestamp {
    Timestamp(milliseconds: 1_788_220_800_000 + Int64(seconds * 1000))
}

func alert(
    _ labels: [(String, String)],
    from start: Double = 0,
    until end: Double? = nil,
    summary: String = "something is wrong"
) -> Alert {
    Alert(
        labels: Labels(labels),
        annotations: Labels([("summary", summary)]),
        startsAt: seconds(start),
        endsAt: end.map { seconds($0) },
        generatorURL: "http://sidecar/graph"
    )
}

func matcher(_ text: String) throws -> AlertMatcher { try MatcherParser.parseOne(text) }

/// An engine over a database in memory, with a receiver that records what arrives.
final class Bench {
    let engine: NotificationEngine
    var answer: (DeliveryAttempt) -> DeliveryOutcome = { _ in .answered(status: 200, retryAfter: nil, body: []) }
    /// What the receivers took, in order.
    private(set) var delivered: [Message] = []
    private(set) var attempts: [DeliveryAttempt] = []

    struct Message: CustomStringConvertible {
        var at: Timestamp
        var integration: String
        var id: String
        var status: String
        var reason: String
        var groupKey: String
        /// `name=status` of every alert.
        var alerts: [String]
        var json: JSONValue

        var description: String { "\(integration) \(status) \(alerts)" }
    }

    init(_ configuration: NotificationConfiguration, database: SQLiteDatabase? = nil, at now: Timestamp = seconds(0))
        throws
    {
        let file = if let database { database } else { try SQLiteDatabase(path: nil) }
        var count: UInt64 = 0
        // Remainder 200 of 401 is the middle of the spread of waits.
        let random = { () -> UInt64 in
            count += 401
            return count + 200
        }
        engine = try NotificationEngine(configuration: configuration, database: file, random: random, at: now)
    }

    func process(_ alerts: [Alert], at now: Double) {
        perform(engine.process(alerts, at: seconds(now)), at: seconds(now))
    }

    func reload(_ configuration: NotificationConfiguration, at now: Double) {
        perform(engine.reload(configuration, at: seconds(now)), at: seconds(now))
    }

    /// Runs the engine's timers up to a moment.
    func run(until end: Double) {
        var steps = 0
        while let next = engine.nextWakeUp, next <= seconds(end), steps < 100_000 {
            steps += 1
            perform(engine.tick(at: next), at: next)
        }
        perform(engine.tick(at: seconds(end)), at: seconds(end))
    }

    func perform(_ attempts: [DeliveryAttempt], at now: Timestamp) {
        var waiting = attempts
        while !waiting.isEmpty {
            for attempt in waiting {
                self.attempts.append(attempt)
                let outcome = answer(attempt)
                if case .answered(200..<300, _, _) = outcome { take(attempt, at: now) }
                if outcome == .accepted { take(attempt, at: now) }
                engine.complete(attempt, outcome, at: now)
            }
            waiting = engine.tick(at: now)
        }
    }

    private func take(_ attempt: DeliveryAttempt, at now: Timestamp) {
        guard case .http(let delivery) = attempt.action, let json = try? JSONValue(parsing: delivery.body) else {
            delivered.append(
                Message(
                    at: now,
                    integration: attempt.integration,
                    id: attempt.notificationID,
                    status: "",
                    reason: "",
                    groupKey: "",
                    alerts: [],
                    json: .null
                )
            )
            return
        }
        let alerts = (json["alerts"]?.array ?? []).map {
            ($0["labels"]?["alertname"]?.string ?? "") + "=" + ($0["status"]?.string ?? "")
        }
        delivered.append(
            Message(
                at: now,
                integration: attempt.integration,
                id: attempt.notificationID,
                status: json["status"]?.string ?? "",
                reason: json["notification_reason"]?.string ?? "",
                groupKey: json["groupKey"]?.string ?? "",
                alerts: alerts,
                json: json
            )
        )
    }

    /// `status: alert=status …` of every message.
    var story: [String] { delivered.map { "\($0.status): \($0.alerts.joined(separator: " "))" } }

    func history(_ kinds: HistoryRecord.Kind...) throws -> [HistoryRecord] {
        var query = HistoryQuery()
        query.kinds = Set(kinds)
        query.limit = 1000
        return try engine.history(query).reversed()
    }
}

func webhook(_ name: String = "oncall", url: String = "http://127.0.0.1:1/hook", sendsResolved: Bool? = nil) -> Receiver
{
    Receiver(
        name: name,
        integrations: [Integration(.webhook(WebhookSettings(url: Secret(url))), sendsResolved: sendsResolved)]
    )
}

/// One webhook receiver behind a root route.
func configuration(
    groupBy: RouteConfiguration.Grouping = .labels(["alertname"]),
    wait: Double = 0,
    interval: Double = 60,
    repeatInterval: Double = 4 * 3600,
    receivers: [Receiver] = [webhook()],
    routes: [RouteConfiguration] = []
) -> NotificationConfiguration {
    var configuration = NotificationConfiguration()
    configuration.receivers = receivers
    configuration.externalURL = "http://sidecar"
    configuration.route = RouteConfiguration(
        receiver: receivers[0].name,
        groupBy: groupBy,
        groupWait: .milliseconds(Int64(wait * 1000)),
        groupInterval: .milliseconds(Int64(interval * 1000)),
        repeatInterval: .milliseconds(Int64(repeatInterval * 1000)),
        routes: routes
    )
    return configuration
}

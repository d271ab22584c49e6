// SPDX-License-Identifier: Apache-2.0

import Calendar
import JSONDocument
import Notifications
import TimeSeries

/// What the receivers were told, and whether that is what they had to be told.
struct Ledger {
    struct Message {
        var receiver: String
        var id: String
        var alert: AlertID
        var isFiring: Bool
        /// In milliseconds.
        var startsAt: Int64
        var at: Duration
    }

    /// One time that an alert fired, as the rules committed it.
    struct Episode {
        /// In milliseconds, as payloads have it.
        var startsAt: Int64
        var firedAt: Timestamp
        var hasEnded = false
        /// Nobody died while it was committed: it happened for certain.
        var isCertain: Bool
        /// It began while a rule that it depends on fired, and may rightly never be told.
        var mayBeKeptBack: Bool
        /// Its rule was replaced by one that may have raised it again at once.
        var endMayBeMerged = false
    }

    private(set) var messages: [Message] = []
    private var bodies: [String: [UInt8]] = [:]
    var episodes: [AlertID: [Episode]] = [:]
    private(set) var complaints: [String] = []

    mutating func complain(_ text: String) { if complaints.count < 20 { complaints.append(text) } }

    /// A receiver takes a message.
    mutating func receive(_ attempt: DeliveryAttempt, at now: Duration) {
        guard case .http(let delivery) = attempt.action, let json = try? JSONValue(parsing: delivery.body) else {
            return complain("not JSON")
        }
        let id = json["notificationId"]?.string ?? ""
        let key = delivery.headers.first { $0.name == "Idempotency-Key" }?.value.reveal()
        if id != attempt.notificationID || key != id { complain("a message with two ids: \(id)") }
        let known = attempt.receiver + " " + id
        if let before = bodies[known], before != delivery.body { complain("one id, two bodies: \(id)") }
        bodies[known] = delivery.body
        for told in json["alerts"]?.array ?? [] {
            let alert = AlertID(
                rule: told["labels"]?["alertname"]?.string ?? "",
                instance: told["labels"]?["instance"]?.string ?? ""
            )
            messages.append(
                Message(
                    receiver: attempt.receiver,
                    id: id,
                    alert: alert,
                    isFiring: told["status"]?.string == "firing",
                    startsAt: told["startsAt"]?.string.flatMap { RFC3339.milliseconds($0) } ?? 0,
                    at: now
                )
            )
        }
    }

    // MARK: At the end

    /// - Parameter isExact: every change was told on its own and no clock ran backwards, so that each message can be
    ///   matched with its episode.
    mutating func audit(isExact: Bool) {
        for receiver in Scenario.receivers {
            let told = Dictionary(grouping: messages.filter { $0.receiver == receiver }, by: \.alert)
            for alert in Set(told.keys).union(episodes.keys).sorted() {
                let told = told[alert] ?? []
                if let last = told.last, last.isFiring { complain("\(receiver) never heard that \(alert) is over") }
                if told.first?.isFiring == false { complain("\(receiver) heard first that \(alert) is over") }
                if isExact { match(told, alert, receiver) }
            }
        }
    }

    private mutating func match(_ told: [Message], _ alert: AlertID, _ receiver: String) {
        let episodes = episodes[alert] ?? []
        var ids: [String: String] = [:]
        for message in told {
            let what = "\(message.isFiring ? "firing" : "resolved") \(message.startsAt)"
            if let id = ids[what], id != message.id { complain("\(receiver): \(alert) \(what) under two ids") }
            ids[what] = message.id
            guard let episode = episodes.first(where: { $0.startsAt == message.startsAt }) else {
                complain("\(receiver) was told of \(alert) since \(message.startsAt), which never was: \(episodes)")
                continue
            }
            if !message.isFiring, !episode.hasEnded { complain("\(receiver) was told falsely that \(alert) is over") }
        }
        for episode in episodes where episode.isCertain && !episode.mayBeKeptBack {
            if ids["firing \(episode.startsAt)"] == nil {
                complain("\(receiver): \(alert) \(episode.startsAt) was lost")
            }
        }
        for episode in episodes where ids["firing \(episode.startsAt)"] != nil {
            if ids["resolved \(episode.startsAt)"] == nil, !episode.endMayBeMerged {
                complain("\(receiver): the end of \(alert) \(episode.startsAt) was lost")
            }
        }
    }
}

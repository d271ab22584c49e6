// SPDX-License-Identifier: Apache-2.0

import JSONDocument
package import SQLiteClient
package import TimeSeries

/// What neither Prometheus nor Alertmanager answers: history, outbox, dead letters, route tests, test notifications.
extension NotificationEngine {
    /// How things stand, for metrics and the status page.
    package func condition(at now: Timestamp) -> NotificationCondition {
        var condition = NotificationCondition()
        condition.alerts = alerts.count
        condition.alertsFiring = alerts.values.lazy.filter { !$0.isResolved(at: now) }.count
        condition.groups = groups.count
        condition.outboxItems = outbox.count
        condition.outboxBytes = outbox.bytes
        condition.inFlight = outbox.inFlightCount
        condition.deadLetters = deadLetters.count
        condition.oldestItemAge = outbox.items.values.lazy.map(\.createdAt).min().map { now - $0 }
        for silence in silences.silences.values {
            switch silence.state(at: now) {
            case .active: condition.silencesActive += 1
            case .pending: condition.silencesPending += 1
            case .expired: condition.silencesExpired += 1
            }
        }
        condition.silencesActive += maintenance.announced(at: now).count { $0.state(at: now) == .active }
        condition.failing = outbox.failingDestinations
        condition.storageError = storageError
        return condition
    }

    /// The alerts known now, in the order of payloads.
    package var currentAlerts: [Alert] { alerts.values.inOrder() }

    package var outboxItems: [OutboxItem] { outbox.items.values.sorted { $0.id < $1.id } }

    package var deadLetterItems: [OutboxItem] { deadLetters.values.sorted { $0.id < $1.id } }

    /// Newest first.
    package func history(_ query: HistoryQuery) throws(SQLiteError) -> [HistoryRecord] { try storage.history(query) }

    /// `/api/sidecar/history`
    package func historyJSON(_ query: HistoryQuery) throws(SQLiteError) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 4096)
        writer.array(try history(query)) { json, record in
            json.object { json in
                json.member("at", TimeText.format(record.at))
                json.member("kind", record.kind.rawValue)
                for (name, value) in [
                    ("receiver", record.receiver), ("integration", record.integration), ("groupKey", record.groupKey),
                    ("notificationId", record.notificationID), ("fingerprint", record.fingerprint),
                    ("alertname", record.alertName), ("status", record.status), ("reason", record.reason),
                    ("detail", record.detail),
                ] { json.optional(name, value) }
            }
        }
        return writer.bytes
    }

    /// `/api/sidecar/outbox`: what waits and what was given up; never a body, which may be long.
    package func outboxJSON() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 4096)
        writer.object { json in
            json.member("pending", array: outboxItems) {
                Self.write($1, to: &$0, isInFlight: self.outbox.isInFlight($1.id))
            }
            json.member("dead", array: deadLetterItems) { Self.write($1, to: &$0, isInFlight: false) }
        }
        return writer.bytes
    }

    private static func write(_ item: OutboxItem, to writer: inout JSONWriter, isInFlight: Bool) {
        writer.object { json in
            json.member("id", item.id)
            json.member("notificationId", item.notificationID)
            json.member("receiver", item.receiver)
            json.member("integration", item.integration)
            json.member("groupKey", item.groupKey)
            json.member("status", item.status.rawValue)
            json.member("reason", item.reason.rawValue)
            json.member("firing", item.firing.count)
            json.member("resolved", item.resolved.count)
            json.member("bytes", item.body.count)
            json.member("createdAt", TimeText.format(item.createdAt))
            json.member("attempts", item.attempts)
            json.member("inFlight", isInFlight)
            json.member("nextAttemptAt", TimeText.format(item.nextAttemptAt))
            if let reason = item.lastReason { json.member("lastReason", reason) }
            if let error = item.lastError { json.member("lastError", error) }
            if let dead = item.deadSince { json.member("deadSince", TimeText.format(dead)) }
        }
    }

    // MARK: Tests by people

    /// Where alerts with these labels would go: receiver and group key of every route that takes them.
    package func destinations(of labels: Labels) -> [(receiver: String, groupKey: String)] {
        routes.matches(labels).map { node in
            let group = routes.groupLabels(of: labels, node: node)
            return (routes.nodes[node].receiver, routes.groupKey(node: node, groupLabels: group))
        }
    }

    /// Queues a firing and its resolve, both marked as a test, to every integration of a receiver. False when there is no
    /// receiver of that name. The attempts come with the next `tick`.
    package func sendTest(receiver: String, at now: Timestamp) -> Bool {
        guard configuration.effectiveReceivers.contains(where: { $0.name == receiver }) else { return false }
        let labels = Labels([("alertname", "SidecarTest"), ("severity", "info"), ("test", "true")])
        let summary = "TEST: this is a test notification of the sidecar; nothing is wrong"
        let alert = Alert(
            labels: labels,
            annotations: Labels([("summary", summary)]),
            startsAt: now,
            source: .selfWatch
        )
        var ended = alert
        ended.endsAt = now + .milliseconds(1)
        for key in receiverKeys[receiver] ?? [] {
            guard let configured = integrations[key] else { continue }
            var previous = "test \(now.milliseconds)"
            for (entry, reason) in [
                (AlertNotification.Entry(alert: alert, isResolved: false), NotificationReason.first),
                (AlertNotification.Entry(alert: ended, isResolved: true), .allResolved),
            ] where !entry.isResolved || configured.integration.sendsResolved {
                previous = enqueue(
                    [entry],
                    key: key,
                    configured,
                    groupKey: "{}:{test=\"true\"}",
                    groupLabels: labels.keeping(["alertname"]),
                    reason: reason,
                    previousID: previous,
                    at: now
                )
            }
        }
        commit(at: now)
        return true
    }
}

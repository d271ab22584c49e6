// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import TimeSeries

/// One structured journal entry per alert.
package enum JournalRecord {
    /// Ids of the kinds of entry, for `journalctl MESSAGE_ID=…` and the message catalogue.
    package enum MessageID: String, CaseIterable, Sendable {
        case fired = "8f2d0bd25c0b4f0c9d3d1b6ad4f0a911"
        case resolved = "3b6a9c5f1f5e4a5f8f1f7f0f2a6f9d12"
        case deliveryFailed = "c1d9a7f4a25e4ac2a9b3f1a0d0b6e313"
        case deadLettered = "57d6f0b6b9d14f6c8c3b0f6f6f1c2a14"
    }

    /// Longer values are cut, so that one entry stays below what a journal takes in one datagram.
    private static let valueLimit = 32 << 10

    typealias Field = (name: String, value: String)

    /// The stored body: an array of entries, each an array of `[name, value]` pairs.
    static func bytes(_ notification: AlertNotification, integration: String, identifier: String) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: notification.entries.count * 1024 + 16)
        writer.array(notification.entries) { json, entry in
            json.array(fields(entry, notification, integration: integration, identifier: identifier)) { json, field in
                json.array([field.name, field.value]) { $0.string($1) }
            }
        }
        return writer.bytes
    }

    static func entries(_ body: [UInt8]) -> [[Field]] {
        guard let entries = (try? JSONValue(parsing: body))?.array else { return [] }
        return entries.map { entry in
            (entry.array ?? []).compactMap { pair in
                guard let texts = pair.array, texts.count == 2, let name = texts[0].string, let value = texts[1].string
                else { return nil }
                return (name, value)
            }
        }
    }

    private static func fields(
        _ entry: AlertNotification.Entry,
        _ notification: AlertNotification,
        integration: String,
        identifier: String
    ) -> [Field] {
        let alert = entry.alert
        let severity = alert.labels["severity"] ?? ""
        var labels = JSONWriter()
        labels.object { json in
            for pair in alert.labels.pairs { json.member(pair.name, pair.value) }
        }
        var fields: [Field] = [
            ("MESSAGE", message(entry)),
            ("MESSAGE_ID", (entry.isResolved ? MessageID.resolved : .fired).rawValue),
            ("PRIORITY", String(priority(severity: severity, isResolved: entry.isResolved))),
            ("SYSLOG_IDENTIFIER", identifier),
            ("ALERT_NAME", alert.name),
            ("ALERT_STATUS", entry.status.rawValue),
            ("ALERT_FINGERPRINT", alert.fingerprintText),
            ("ALERT_GROUP_KEY", notification.groupKey),
            ("ALERT_STARTS_AT", TimeText.format(alert.startsAt)),
            ("ALERT_LABELS", String(decoding: labels.bytes, as: UTF8.self)),
            ("ALERT_RECEIVER", notification.receiver),
            ("NOTIFICATION_ID", notification.id),
        ]
        if !severity.isEmpty { fields.append(("ALERT_SEVERITY", severity)) }
        if entry.isResolved { fields.append(("ALERT_ENDS_AT", TimeText.format(alert.endsAt))) }
        if let value = alert.value { fields.append(("ALERT_VALUE", value.description)) }
        if let check = alert.labels["check"] { fields.append(("CHECK_NAME", check)) }
        if let instance = alert.labels["instance"] { fields.append(("TARGET", instance)) }
        if let runbook = alert.annotations["runbook_url"] { fields.append(("DOCUMENTATION", runbook)) }
        return fields.map { ($0.name, cut($0.value)) }
    }

    private static func message(_ entry: AlertNotification.Entry) -> String {
        let alert = entry.alert
        let text = alert.annotations["summary"] ?? alert.annotations["description"] ?? ""
        let head = "\(alert.name.isEmpty ? "alert" : alert.name) \(entry.status.rawValue)"
        return text.isEmpty ? head : "\(head): \(text)"
    }

    /// Syslog levels.
    static func priority(severity: String, isResolved: Bool) -> Int {
        if isResolved { return 5 }
        switch severity.lowercased() {
        case "critical": return 2
        case "error", "page": return 3
        case "info", "none": return 6
        default: return 4
        }
    }

    private static func cut(_ value: String) -> String {
        guard value.utf8.count > valueLimit else { return value }
        return String(decoding: value.utf8.prefix(valueLimit), as: UTF8.self)
    }
}

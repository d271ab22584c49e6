// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import TimeSeries

/// The body of Alertmanager's webhook, version 4, with our own additions, which decoders skip.
enum WebhookPayload {
    static func bytes(_ notification: AlertNotification) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512 + notification.entries.count * 768)
        writer.object { json in
            json.member("receiver", quotedMeta(notification.receiver))
            json.member("status", notification.status.rawValue)
            json.member("alerts", array: notification.entries) {
                append($1, createdAt: notification.createdAt, to: &$0)
            }
            json.member("groupLabels", notification.groupLabels)
            json.member("commonLabels", notification.commonLabels)
            json.member("commonAnnotations", notification.commonAnnotations)
            json.member("externalURL", notification.externalURL)
            json.member("notification_reason", notification.reason.rawValue)
            json.member("routeLabels", object: { _ in })
            json.member("version", "4")
            json.member("groupKey", notification.groupKey)
            json.member("truncatedAlerts", notification.truncated)
            json.member("notificationId", notification.id)
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    private static func append(_ entry: AlertNotification.Entry, createdAt: Timestamp, to writer: inout JSONWriter) {
        let alert = entry.alert
        writer.object { json in
            json.member("status", entry.status.rawValue)
            json.member("labels", alert.labels)
            json.member("annotations", alert.annotations)
            json.member("startsAt", TimeText.format(alert.startsAt))
            json.member("endsAt", TimeText.format(entry.isResolved ? alert.endsAt : nil))
            json.member("generatorURL", alert.generatorURL)
            json.member("fingerprint", alert.fingerprintText)
            alert.writeMeasures(to: &json, isResolved: entry.isResolved, at: createdAt)
        }
    }

    /// Alertmanager quotes the receiver's name as if it were an expression.
    static func quotedMeta(_ text: String) -> String {
        var result = ""
        for character in text {
            if #"\.+*?()|[]{}^$"#.contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }
}

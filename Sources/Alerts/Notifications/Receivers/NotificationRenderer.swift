// SPDX-License-Identifier: Apache-2.0

/// Makes the bytes of a notification for one integration: one message, or several where a group is large.
enum NotificationRenderer {
    struct Message {
        var body: [UInt8]
        var entries: [AlertNotification.Entry]
    }

    static func render(
        _ notification: AlertNotification,
        _ integration: Integration,
        key: String,
        templates: NotificationTemplates,
        id: (_ part: Int) -> String
    ) -> (messages: [Message], failures: [String]) {
        var texts = TextExpander(templates, notification)
        let body: [UInt8]
        switch integration.settings {
        case .webhook(let settings): return (webhook(notification, settings, id: id), [])
        case .slack(let settings): body = SlackPayload.bytes(notification, settings, &texts)
        case .pagerduty(let settings): body = PagerDutyEvent.bytes(notification, settings, &texts)
        case .email(let settings): body = EmailMessage.bytes(notification, settings, &texts)
        case .journald(let settings):
            body = JournalRecord.bytes(notification, integration: key, identifier: settings.identifier)
        }
        return ([Message(body: body, entries: notification.entries)], texts.failures)
    }

    private static func webhook(
        _ notification: AlertNotification,
        _ settings: WebhookSettings,
        id: (_ part: Int) -> String
    ) -> [Message] {
        var whole = notification
        if settings.maximumAlerts > 0, whole.entries.count > settings.maximumAlerts {
            whole.truncated = whole.entries.count - settings.maximumAlerts
            whole.entries = Array(whole.entries.prefix(settings.maximumAlerts))
        }
        let size = max(settings.alertsPerMessage, 1)
        return stride(from: 0, to: max(whole.entries.count, 1), by: size).enumerated().map { part, start in
            var piece = whole
            piece.id = id(part)
            piece.entries = Array(whole.entries[start..<min(start + size, whole.entries.count)])
            return Message(body: WebhookPayload.bytes(piece), entries: piece.entries)
        }
    }
}

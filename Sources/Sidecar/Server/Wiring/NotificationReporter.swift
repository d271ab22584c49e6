// SPDX-License-Identifier: Apache-2.0

import Journal
import Logging
import Notifications

/// Says what went wrong with notifications: in the log, and in the journal, where it can be found by its fields even when
/// the program's output goes elsewhere.
struct NotificationReporter: Sendable {
    let logger: Logger
    let journal: JournalWriter

    func report(_ records: [HistoryRecord]) {
        for record in records {
            let (event, isError) = Self.event(record.kind)
            var metadata: Logger.Metadata = [:]
            var fields = [JournalEntry.Field("SIDECAR_EVENT", event)]
            for (key, field, value) in [
                ("receiver", "ALERT_RECEIVER", record.receiver),
                ("integration", "ALERT_INTEGRATION", record.integration),
                ("alertname", "ALERT_NAME", record.alertName), ("status", "ALERT_STATUS", record.status),
                ("notification_id", "ALERT_NOTIFICATION_ID", record.notificationID),
                ("reason", "SIDECAR_REASON", record.reason), ("detail", "SIDECAR_DETAIL", record.detail),
            ] where !value.isEmpty {
                metadata[key] = .string(value)
                fields.append(JournalEntry.Field(field, value))
            }
            logger.log(level: isError ? .error : .warning, "\(event)", metadata: metadata)
            let priority: JournalPriority = isError ? .error : .warning
            journal.send(JournalEntry(event, priority: priority, fields: fields))
        }
    }

    /// The words of the log, and whether something was lost.
    static func event(_ kind: HistoryRecord.Kind) -> (name: String, isError: Bool) {
        switch kind {
        case .failed: ("notification.failed", false)
        case .deadLetter: ("notification.given_up", true)
        case .dropped: ("alert.refused", true)
        case .templateFailed: ("notification.template_failed", true)
        default: ("notification.\(kind.rawValue)", false)
        }
    }
}

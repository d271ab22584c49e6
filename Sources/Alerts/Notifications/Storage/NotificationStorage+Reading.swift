// SPDX-License-Identifier: Apache-2.0

import SQLiteClient
package import TimeSeries

/// Which part of the history is asked for.
package struct HistoryQuery: Hashable, Sendable {
    package var since = Timestamp.distantPast
    package var until = Timestamp.distantFuture
    package var kinds: Set<HistoryRecord.Kind> = []
    package var receiver: String?
    package var alertName: String?
    package var notificationID: String?
    /// Newest first, at most this many.
    package var limit = 100

    package init() {}
}

extension NotificationStorage {
    func load() throws(SQLiteError) -> StoredState {
        var state = StoredState()
        try database.query("SELECT * FROM notification_alert") { row throws(SQLiteError) in
            if let alert = Self.alert(row) { state.alerts.append(alert) } else { state.damaged += 1 }
        }
        try database.query("SELECT * FROM notification_log") { row throws(SQLiteError) in
            guard let labels = StorageText.decodeLabels(row.text(8)) else {
                state.damaged += 1
                return
            }
            let entry = NotificationLogEntry(
                firing: StorageText.decodeSet(row.blob(2)),
                resolved: StorageText.decodeSet(row.blob(3)),
                owed: StorageText.decodeSet(row.blob(4)),
                sentAt: Timestamp(milliseconds: row.integer(5)),
                notificationID: row.text(6),
                receiver: row.text(7),
                groupLabels: labels,
                target: row.text(9)
            )
            state.log.append((LogKey(integration: row.text(0), groupKey: row.text(1)), entry))
        }
        try database.query("SELECT * FROM notification_outbox ORDER BY id") { row throws(SQLiteError) in
            guard let item = Self.item(row) else {
                state.damaged += 1
                return
            }
            if item.deadSince == nil { state.items.append(item) } else { state.deadLetters.append(item) }
        }
        try database.query("SELECT * FROM notification_silence") { row throws(SQLiteError) in
            if let silence = Self.silence(row) { state.silences.append(silence) } else { state.damaged += 1 }
        }
        state.receipt =
            try database.integer(
                "SELECT number FROM notification_receipt WHERE source = ?",
                [.text(Alert.Source.rules.rawValue)]
            ) ?? 0
        return state
    }

    func history(_ query: HistoryQuery) throws(SQLiteError) -> [HistoryRecord] {
        var conditions = ["at >= ?", "at <= ?"]
        var values: [SQLiteValue] = [.integer(query.since.milliseconds), .integer(query.until.milliseconds)]
        for (column, value) in [
            ("receiver", query.receiver), ("alert_name", query.alertName), ("notification_id", query.notificationID),
        ] {
            guard let value else { continue }
            conditions.append("\(column) = ?")
            values.append(.text(value))
        }
        if !query.kinds.isEmpty {
            conditions.append("kind IN (\(query.kinds.map { _ in "?" }.joined(separator: ", ")))")
            values += query.kinds.map(\.rawValue).sorted().map { .text($0) }
        }
        values.append(.integer(Int64(max(query.limit, 0))))
        let sql = """
            SELECT at, kind, receiver, integration, group_key, notification_id, fingerprint, alert_name, status, reason, detail
            FROM notification_history WHERE \(conditions.joined(separator: " AND ")) ORDER BY id DESC LIMIT ?
            """
        return try database.rows(sql, values) { row throws(SQLiteError) in
            var record = HistoryRecord(
                at: Timestamp(milliseconds: row.integer(0)),
                kind: HistoryRecord.Kind(rawValue: row.text(1)) ?? .dropped
            )
            record.receiver = row.text(2)
            record.integration = row.text(3)
            record.groupKey = row.text(4)
            record.notificationID = row.text(5)
            record.fingerprint = row.text(6)
            record.alertName = row.text(7)
            record.status = row.text(8)
            record.reason = row.text(9)
            record.detail = row.text(10)
            return record
        }
    }

    private static func alert(_ row: borrowing SQLiteRow) -> Alert? {
        guard let labels = StorageText.decodeLabels(row.text(1)), !labels.isEmpty,
            let annotations = StorageText.decodeLabels(row.text(2)), let source = Alert.Source(rawValue: row.text(8))
        else { return nil }
        let alert = Alert(
            labels: labels,
            annotations: annotations,
            startsAt: Timestamp(milliseconds: row.integer(3)),
            endsAt: row.optionalInteger(4).map { Timestamp(milliseconds: $0) },
            updatedAt: Timestamp(milliseconds: row.integer(5)),
            timesOut: row.bool(6),
            generatorURL: row.text(7),
            source: source,
            value: row.optionalReal(9),
            valueAtResolve: row.optionalReal(10),
            peak: row.optionalReal(11),
            isStale: row.bool(12),
            query: row.text(13),
            series: row.text(14).split(separator: "\n").map(String.init)
        )
        return Int64(bitPattern: alert.fingerprint) == row.integer(0) ? alert : nil
    }

    private static func item(_ row: borrowing SQLiteRow) -> OutboxItem? {
        guard let status = OutboxItem.Status(rawValue: row.text(7)) else { return nil }
        var item = OutboxItem(
            id: row.integer(0),
            notificationID: row.text(1),
            integration: row.text(2),
            receiver: row.text(3),
            target: row.text(4),
            groupKey: row.text(5),
            alertName: row.text(6),
            status: status,
            reason: NotificationReason(rawValue: row.text(8)) ?? .unknown,
            firing: StorageText.decodeSet(row.blob(9)),
            resolved: StorageText.decodeSet(row.blob(10)),
            body: row.blob(11),
            createdAt: Timestamp(milliseconds: row.integer(12)),
            nextAttemptAt: Timestamp(milliseconds: row.integer(15))
        )
        item.attempts = Int(clamping: max(row.integer(13), 0))
        item.firstAttemptAt = row.optionalInteger(14).map { Timestamp(milliseconds: $0) }
        item.lastReason = row.optionalText(16)
        item.lastError = row.optionalText(17)
        item.isAside = row.bool(18)
        item.deadSince = row.optionalInteger(19).map { Timestamp(milliseconds: $0) }
        return item
    }

    private static func silence(_ row: borrowing SQLiteRow) -> Silence? {
        guard let matchers = StorageText.decodeMatchers(row.text(1)), !matchers.isEmpty,
            let annotations = StorageText.decodeLabels(row.text(7))
        else { return nil }
        return Silence(
            id: row.text(0),
            matchers: matchers,
            startsAt: Timestamp(milliseconds: row.integer(2)),
            endsAt: Timestamp(milliseconds: row.integer(3)),
            updatedAt: Timestamp(milliseconds: row.integer(4)),
            createdBy: row.text(5),
            comment: row.text(6),
            annotations: annotations
        )
    }
}

// SPDX-License-Identifier: Apache-2.0

import SQLiteClient
import TimeSeries

/// The tables of alerts, notification log, outbox, silences and history in the state file.
struct NotificationStorage {
    let database: SQLiteDatabase

    init(_ database: SQLiteDatabase) throws(SQLiteError) {
        self.database = database
        try database.migrate(component: "notifications", steps: Self.schema)
    }

    private static let schema = [
        """
        CREATE TABLE notification_alert (
            fingerprint INTEGER PRIMARY KEY, labels TEXT NOT NULL, annotations TEXT NOT NULL, starts_at INTEGER NOT NULL,
            ends_at INTEGER, updated_at INTEGER NOT NULL, times_out INTEGER NOT NULL, generator_url TEXT NOT NULL,
            source TEXT NOT NULL, value REAL, value_at_resolve REAL, peak REAL, is_stale INTEGER NOT NULL);
        CREATE TABLE notification_log (
            integration TEXT NOT NULL, group_key TEXT NOT NULL, firing BLOB NOT NULL, resolved BLOB NOT NULL,
            owed BLOB NOT NULL, sent_at INTEGER NOT NULL, notification_id TEXT NOT NULL, receiver TEXT NOT NULL,
            group_labels TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (integration, group_key)) WITHOUT ROWID;
        CREATE TABLE notification_outbox (
            id INTEGER PRIMARY KEY, notification_id TEXT NOT NULL, integration TEXT NOT NULL, receiver TEXT NOT NULL,
            target TEXT NOT NULL, group_key TEXT NOT NULL, alert_name TEXT NOT NULL, status TEXT NOT NULL,
            reason TEXT NOT NULL,
            firing BLOB NOT NULL, resolved BLOB NOT NULL, body BLOB NOT NULL, created_at INTEGER NOT NULL,
            attempts INTEGER NOT NULL, first_attempt_at INTEGER, next_attempt_at INTEGER NOT NULL, last_reason TEXT,
            last_error TEXT, is_aside INTEGER NOT NULL, dead_since INTEGER);
        CREATE TABLE notification_silence (
            id TEXT PRIMARY KEY, matchers TEXT NOT NULL, starts_at INTEGER NOT NULL, ends_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL, created_by TEXT NOT NULL, comment TEXT NOT NULL, annotations TEXT NOT NULL)
            WITHOUT ROWID;
        CREATE TABLE notification_history (
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, receiver TEXT NOT NULL,
            integration TEXT NOT NULL, group_key TEXT NOT NULL, notification_id TEXT NOT NULL, fingerprint TEXT NOT NULL,
            alert_name TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
        CREATE INDEX notification_history_at ON notification_history (at);
        CREATE INDEX notification_history_id ON notification_history (notification_id);
        """,
        """
        ALTER TABLE notification_alert ADD COLUMN query TEXT NOT NULL DEFAULT '';
        ALTER TABLE notification_alert ADD COLUMN series TEXT NOT NULL DEFAULT '';
        """,
        """
        CREATE TABLE notification_receipt (source TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
        """,
    ]

    // MARK: Writing

    /// Writes all of it or nothing.
    func commit(_ operations: [StorageOperation]) throws(SQLiteError) {
        guard !operations.isEmpty else { return }
        try database.transaction { () throws(SQLiteError) in
            for operation in operations { try apply(operation) }
        }
    }

    /// Replaces everything but the history by `operations`; after a time in which the disk took nothing.
    func replaceAll(_ operations: [StorageOperation]) throws(SQLiteError) {
        try database.transaction { () throws(SQLiteError) in
            for table in ["alert", "log", "outbox", "silence"] { try database.run("DELETE FROM notification_\(table)") }
            for operation in operations { try apply(operation) }
        }
    }

    private func apply(_ operation: StorageOperation) throws(SQLiteError) {
        switch operation {
        case .saveAlert(let alert): try save(alert)
        case .deleteAlert(let fingerprint):
            try database.run(
                "DELETE FROM notification_alert WHERE fingerprint = ?",
                [.integer(Int64(bitPattern: fingerprint))]
            )
        case .saveLog(let key, let entry): try save(key, entry)
        case .deleteLog(let key):
            try database.run(
                "DELETE FROM notification_log WHERE integration = ? AND group_key = ?",
                [.text(key.integration), .text(key.groupKey)]
            )
        case .addItem(let item): try add(item)
        case .updateItem(let item): try update(item)
        case .deleteItem(let id): try database.run("DELETE FROM notification_outbox WHERE id = ?", [.integer(id)])
        case .saveSilence(let silence): try save(silence)
        case .deleteSilence(let id): try database.run("DELETE FROM notification_silence WHERE id = ?", [.text(id)])
        case .record(let record): try add(record)
        case .saveReceipt(let number):
            try database.run(
                "INSERT OR REPLACE INTO notification_receipt VALUES (?, ?)",
                [.text(Alert.Source.rules.rawValue), .integer(number)]
            )
        }
    }

    private func save(_ alert: Alert) throws(SQLiteError) {
        try database.run(
            "INSERT OR REPLACE INTO notification_alert VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .integer(Int64(bitPattern: alert.fingerprint)), .text(StorageText.encode(alert.labels)),
                .text(StorageText.encode(alert.annotations)), .integer(alert.startsAt.milliseconds),
                .optional(alert.endsAt?.milliseconds), .integer(alert.updatedAt.milliseconds),
                .integer(alert.timesOut ? 1 : 0), .text(alert.generatorURL), .text(alert.source.rawValue),
                .optional(alert.value), .optional(alert.valueAtResolve), .optional(alert.peak),
                .integer(alert.isStale ? 1 : 0), .text(alert.query), .text(alert.series.joined(separator: "\n")),
            ]
        )
    }

    private func save(_ key: LogKey, _ entry: NotificationLogEntry) throws(SQLiteError) {
        try database.run(
            "INSERT OR REPLACE INTO notification_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(key.integration), .text(key.groupKey), .blob(StorageText.encode(entry.firing)),
                .blob(StorageText.encode(entry.resolved)), .blob(StorageText.encode(entry.owed)),
                .integer(entry.sentAt.milliseconds), .text(entry.notificationID), .text(entry.receiver),
                .text(StorageText.encode(entry.groupLabels)), .text(entry.target),
            ]
        )
    }

    private func add(_ item: OutboxItem) throws(SQLiteError) {
        try database.run(
            "INSERT OR REPLACE INTO notification_outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .integer(item.id), .text(item.notificationID), .text(item.integration), .text(item.receiver),
                .text(item.target), .text(item.groupKey), .text(item.alertName), .text(item.status.rawValue),
                .text(item.reason.rawValue),
                .blob(StorageText.encode(item.firing)), .blob(StorageText.encode(item.resolved)), .blob(item.body),
                .integer(item.createdAt.milliseconds), .integer(Int64(item.attempts)),
                .optional(item.firstAttemptAt?.milliseconds), .integer(item.nextAttemptAt.milliseconds),
                .optional(item.lastReason), .optional(item.lastError), .integer(item.isAside ? 1 : 0),
                .optional(item.deadSince?.milliseconds),
            ]
        )
    }

    private func update(_ item: OutboxItem) throws(SQLiteError) {
        try database.run(
            """
            UPDATE notification_outbox SET attempts = ?, first_attempt_at = ?, next_attempt_at = ?, last_reason = ?,
            last_error = ?, is_aside = ?, dead_since = ? WHERE id = ?
            """,
            [
                .integer(Int64(item.attempts)), .optional(item.firstAttemptAt?.milliseconds),
                .integer(item.nextAttemptAt.milliseconds), .optional(item.lastReason), .optional(item.lastError),
                .integer(item.isAside ? 1 : 0), .optional(item.deadSince?.milliseconds), .integer(item.id),
            ]
        )
    }

    private func save(_ silence: Silence) throws(SQLiteError) {
        try database.run(
            "INSERT OR REPLACE INTO notification_silence VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(silence.id), .text(StorageText.encode(silence.matchers)), .integer(silence.startsAt.milliseconds),
                .integer(silence.endsAt.milliseconds), .integer(silence.updatedAt.milliseconds),
                .text(silence.createdBy), .text(silence.comment), .text(StorageText.encode(silence.annotations)),
            ]
        )
    }

    private func add(_ record: HistoryRecord) throws(SQLiteError) {
        try database.run(
            "INSERT INTO notification_history VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .integer(record.at.milliseconds), .text(record.kind.rawValue), .text(record.receiver),
                .text(record.integration), .text(record.groupKey), .text(record.notificationID),
                .text(record.fingerprint), .text(record.alertName), .text(record.status), .text(record.reason),
                .text(record.detail),
            ]
        )
    }

    /// Forgets history beyond the limits; returns the rows that went.
    func pruneHistory(before limit: Timestamp, keeping rows: Int) throws(SQLiteError) -> Int {
        try database.transaction { () throws(SQLiteError) in
            let old = try database.run("DELETE FROM notification_history WHERE at < ?", [.integer(limit.milliseconds)])
            let excess = try database.run(
                "DELETE FROM notification_history WHERE id <= (SELECT max(id) FROM notification_history) - ?",
                [.integer(Int64(rows))]
            )
            return old + excess
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

package import SQLiteClient
import TimeSeries

/// Alert states in SQLite. Belongs to the thread that owns the database handle.
package final class AlertStateStore: AlertStateStoring {
    private let database: SQLiteDatabase
    /// Rows that could not be read and were left out.
    package private(set) var unreadableRows = 0

    private static let steps = [
        """
        CREATE TABLE alert_state (
            writer TEXT NOT NULL, labels TEXT NOT NULL, rule_group TEXT NOT NULL, file TEXT NOT NULL, rule TEXT NOT NULL,
            expression TEXT NOT NULL, source TEXT NOT NULL, annotations TEXT NOT NULL, phase TEXT NOT NULL,
            active_at INTEGER NOT NULL, fired_at INTEGER, resolved_at INTEGER, keep_firing_since INTEGER,
            value REAL, value_at_resolve REAL, peak REAL, flapping INTEGER NOT NULL, turns TEXT NOT NULL,
            seen_at INTEGER NOT NULL, PRIMARY KEY (writer, labels)
        ) WITHOUT ROWID
        """,
        """
        ALTER TABLE alert_state ADD COLUMN held_since INTEGER;
        ALTER TABLE alert_state ADD COLUMN quiet_since INTEGER
        """,
        """
        ALTER TABLE alert_state ADD COLUMN news INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE alert_state ADD COLUMN departed INTEGER;
        ALTER TABLE alert_state ADD COLUMN kept_back INTEGER NOT NULL DEFAULT 0
        """,
    ]

    package init(_ database: SQLiteDatabase) throws(AlertStateError) {
        self.database = database
        do throws(SQLiteError) {
            try database.migrate(component: "alert_state", steps: Self.steps)
        } catch {
            throw AlertStateError(error.description)
        }
    }

    package func load() throws(AlertStateError) -> [AlertStateRow] {
        var rows: [AlertStateRow] = []
        do throws(SQLiteError) {
            try database.query(
                """
                SELECT writer, labels, rule_group, file, rule, expression, source, annotations, phase, active_at, fired_at,
                    resolved_at, keep_firing_since, value, value_at_resolve, peak, flapping, turns, seen_at, held_since, quiet_since,
                    news, departed, kept_back
                FROM alert_state ORDER BY writer, labels
                """
            ) { row throws(SQLiteError) in
                if let read = Self.decode(row) { rows.append(read) } else { unreadableRows += 1 }
            }
        } catch {
            throw AlertStateError(error.description)
        }
        return rows
    }

    package func save(_ rows: [AlertStateRow], removing keys: [AlertStateRow.Key]) throws(AlertStateError) {
        try write(rows, removing: keys, isWhole: false)
    }

    package func replaceAll(with rows: [AlertStateRow]) throws(AlertStateError) {
        try write(rows, removing: [], isWhole: true)
    }

    private func write(
        _ rows: [AlertStateRow],
        removing keys: [AlertStateRow.Key],
        isWhole: Bool
    ) throws(AlertStateError) {
        do throws(SQLiteError) {
            try database.transaction { () throws(SQLiteError) in
                if isWhole { try database.run("DELETE FROM alert_state") }
                for key in keys {
                    try database.run(
                        "DELETE FROM alert_state WHERE writer = ? AND labels = ?",
                        [.text(key.writer), .text(PairText.encode(key.labels.pairs))]
                    )
                }
                for row in rows {
                    try database.run(
                        "INSERT OR REPLACE INTO alert_state VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                        Self.encode(row)
                    )
                }
            }
        } catch {
            throw AlertStateError(error.description)
        }
    }

    private static func encode(_ row: AlertStateRow) -> [SQLiteValue] {
        let alert = row.alert
        let annotations = PairText.encode(alert.annotations.map { ($0.name, $0.value) })
        return [
            .text(row.writer), .text(PairText.encode(alert.labels.pairs)), .text(row.group), .text(row.file),
            .text(row.rule), .text(row.expression), .text(PairText.encode(alert.sourceLabels.pairs)),
            .text(annotations),
            .text(alert.phase.rawValue), .integer(alert.activeAt.milliseconds),
            .optional(alert.firedAt?.milliseconds), .optional(alert.resolvedAt?.milliseconds),
            .optional(alert.keepFiringSince?.milliseconds), real(alert.value), .optional(alert.valueAtResolve),
            real(alert.peak), .integer(alert.isFlapping ? 1 : 0),
            .text(alert.turns.map { String($0.milliseconds) }.joined(separator: " ")),
            .integer(row.seenAt.milliseconds), .optional(alert.heldSince?.milliseconds),
            .optional(alert.quietSince?.milliseconds), .integer(alert.news), .optional(row.departure?.number),
            .integer(row.departure?.isKeptBack == true ? 1 : 0),
        ]
    }

    /// SQLite makes null of NaN; null reads back as NaN.
    private static func real(_ value: Double) -> SQLiteValue { value.isNaN ? .null : .real(value) }

    private static func decode(_ row: borrowing SQLiteRow) -> AlertStateRow? {
        guard let labels = PairText.decode(row.text(1)), !labels.isEmpty, let source = PairText.decode(row.text(6)),
            let annotations = PairText.decode(row.text(7)), let phase = AlertInstance.Phase(rawValue: row.text(8))
        else { return nil }
        func time(_ value: Int64?) -> Timestamp? { value.map { Timestamp(milliseconds: $0) } }
        var alert = AlertInstance(
            labels: Labels(labels),
            sourceLabels: Labels(source),
            value: row.optionalReal(13) ?? .nan,
            at: Timestamp(milliseconds: row.integer(9))
        )
        alert.annotations = annotations.map { AlertAnnotation(name: $0.0, value: $0.1) }
        alert.phase = phase
        alert.firedAt = time(row.optionalInteger(10))
        alert.resolvedAt = time(row.optionalInteger(11))
        alert.keepFiringSince = time(row.optionalInteger(12))
        alert.valueAtResolve = row.optionalReal(14)
        alert.peak = row.optionalReal(15) ?? .nan
        alert.isFlapping = row.bool(16)
        alert.heldSince = time(row.optionalInteger(19))
        alert.quietSince = time(row.optionalInteger(20))
        alert.news = row.integer(21)
        alert.turns = row.text(17).split(separator: " ").compactMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
        return AlertStateRow(
            writer: row.text(0),
            group: row.text(2),
            file: row.text(3),
            rule: row.text(4),
            expression: row.text(5),
            alert: alert,
            seenAt: Timestamp(milliseconds: row.integer(18)),
            departure: row.optionalInteger(22).map { .init(number: $0, isKeptBack: row.bool(23)) }
        )
    }
}

/// Pairs as one text: each part with its length in front, so that any text may be in it.
enum PairText {
    static func encode(_ pairs: some Sequence<(name: String, value: String)>) -> String {
        var text = ""
        func append(_ part: String) {
            text += String(part.utf8.count)
            text += ":"
            text += part
        }
        for pair in pairs {
            append(pair.name)
            append(pair.value)
        }
        return text
    }

    static func decode(_ text: String) -> [(String, String)]? {
        var bytes = Array(text.utf8)[...]
        func part() -> String? {
            let digits = bytes.prefix { $0 != UInt8(ascii: ":") }
            guard let count = Int(String(decoding: digits, as: UTF8.self)), count >= 0 else { return nil }
            bytes = bytes.dropFirst(digits.count + 1)
            guard count <= bytes.count else { return nil }
            defer { bytes = bytes.dropFirst(count) }
            return String(decoding: bytes.prefix(count), as: UTF8.self)
        }
        var pairs: [(String, String)] = []
        while !bytes.isEmpty {
            guard let name = part(), let value = part() else { return nil }
            pairs.append((name, value))
        }
        return pairs
    }
}

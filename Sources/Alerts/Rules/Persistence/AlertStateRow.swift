// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// An alert as it is kept on disk: enough to go on with it, and enough to resolve it when its rule is gone.
package struct AlertStateRow: Sendable, Hashable {
    package struct Key: Sendable, Hashable {
        package var writer: String
        package var labels: Labels
    }

    /// What is left of an alert whose rule is gone.
    package struct Departure: Sendable, Hashable {
        /// Of the news of its end: once the notifications have that, the row may go.
        package var number: Int64
        /// Nobody was told that it fired, as something that it depends on failed.
        package var isKeptBack: Bool
    }

    package var writer: String
    package var group: String
    package var file: String
    package var rule: String
    package var expression: String
    package var alert: AlertInstance
    package var seenAt: Timestamp
    package var departure: Departure?

    package var key: Key { Key(writer: writer, labels: alert.labels) }

    init(_ change: AlertChange, group: RuleGroupDefinition, seenAt: Timestamp) {
        writer = change.origin.writer
        self.group = group.name
        file = group.file
        rule = change.origin.rule.name
        expression = change.origin.rule.query.text
        alert = change.alert
        self.seenAt = seenAt
    }

    init(
        writer: String,
        group: String,
        file: String,
        rule: String,
        expression: String,
        alert: AlertInstance,
        seenAt: Timestamp,
        departure: Departure? = nil
    ) {
        self.writer = writer
        self.group = group
        self.file = file
        self.rule = rule
        self.expression = expression
        self.alert = alert
        self.seenAt = seenAt
        self.departure = departure
    }

    /// The same for an alert whose rule is gone, under a name of its own: the rule may come again, and the alert with it.
    func departed(number: Int64, isKeptBack: Bool) -> AlertStateRow {
        var row = self
        row.writer += ";gone \(number)"
        row.departure = Departure(number: number, isKeptBack: isKeptBack)
        return row
    }
}

/// Where alerts survive the process.
package protocol AlertStateStoring: AnyObject {
    func load() throws(AlertStateError) -> [AlertStateRow]
    /// All or nothing, and on disk when it returns.
    func save(_ rows: [AlertStateRow], removing keys: [AlertStateRow.Key]) throws(AlertStateError)
    /// Forgets everything else; after a time in which the disk took nothing.
    func replaceAll(with rows: [AlertStateRow]) throws(AlertStateError)
}

package struct AlertStateError: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

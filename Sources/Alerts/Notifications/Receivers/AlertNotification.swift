// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// What one integration is told about one group: the input of every payload.
package struct AlertNotification: Sendable {
    package struct Entry: Sendable {
        package var alert: Alert
        package var isResolved: Bool

        package var status: OutboxItem.Status { isResolved ? .resolved : .firing }
    }

    /// The entries in the order of payloads.
    static func inOrder(_ entries: [Entry]) -> [Entry] {
        Labels.order(entries.lazy.map(\.alert.labels), by: ["job", "instance"]).map { entries[$0] }
    }

    package var id: String
    package var receiver: String
    package var groupKey: String
    package var groupLabels: Labels
    package var reason: NotificationReason
    package var externalURL: String
    package var entries: [Entry]
    /// Alerts left out of this message.
    package var truncated = 0
    /// firing when any alert of the group does, whichever part of the group this message holds.
    package var status: OutboxItem.Status
    package var commonLabels: Labels
    package var commonAnnotations: Labels
    package var createdAt: Timestamp

    package init(
        id: String,
        receiver: String,
        groupKey: String,
        groupLabels: Labels,
        reason: NotificationReason,
        externalURL: String,
        entries: [Entry],
        createdAt: Timestamp
    ) {
        self.id = id
        self.receiver = receiver
        self.groupKey = groupKey
        self.groupLabels = groupLabels
        self.reason = reason
        self.externalURL = externalURL
        self.entries = entries
        self.createdAt = createdAt
        status = entries.contains { !$0.isResolved } ? .firing : .resolved
        commonLabels = Self.common(entries.lazy.map(\.alert.labels))
        commonAnnotations = Self.common(entries.lazy.map(\.alert.annotations))
    }

    package var firing: [Entry] { entries.filter { !$0.isResolved } }
    package var resolved: [Entry] { entries.filter(\.isResolved) }

    /// The pairs that all sets share.
    private static func common(_ sets: some Sequence<Labels>) -> Labels {
        var iterator = sets.makeIterator()
        guard var common = iterator.next() else { return Labels() }
        while !common.isEmpty, let next = iterator.next() {
            common = common.common(with: next)
        }
        return common
    }
}

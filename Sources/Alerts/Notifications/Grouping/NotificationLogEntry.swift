// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// Names one integration's dealings with one group.
package struct LogKey: Hashable, Sendable {
    /// `receiver/kind[index]`
    package var integration: String
    package var groupKey: String

    package init(integration: String, groupKey: String) {
        self.integration = integration
        self.groupKey = groupKey
    }
}

/// What an integration was last told about a group, and what it is still owed.
package struct NotificationLogEntry: Hashable, Sendable {
    package var firing: Set<UInt64> = []
    package var resolved: Set<UInt64> = []
    /// Alerts it was told are firing and not yet told are over. Outlives silences, inhibitions and route changes.
    package var owed: Set<UInt64> = []
    package var sentAt: Timestamp
    package var notificationID: String
    package var receiver: String
    package var groupLabels: Labels
    /// Digest of where the firing went, so that the resolve goes there too.
    package var target: String

    /// Alertmanager's decision, in its order, with one addition: a resolve that is owed is always sent.
    static func decide(
        _ entry: NotificationLogEntry?,
        firing: Set<UInt64>,
        resolved: Set<UInt64>,
        sendsResolved: Bool,
        repeatInterval: Duration,
        at now: Timestamp
    ) -> NotificationReason? {
        guard let entry else { return firing.isEmpty ? nil : .first }
        if !firing.isSubset(of: entry.firing) { return entry.firing.isEmpty ? .first : .newAlerts }
        let owesResolve = sendsResolved && !entry.owed.isDisjoint(with: resolved)
        if firing.isEmpty { return !entry.firing.isEmpty || owesResolve ? .allResolved : nil }
        if owesResolve || sendsResolved && !resolved.isSubset(of: entry.resolved) { return .someResolved }
        return entry.sentAt < now - repeatInterval ? .repeated : nil
    }
}

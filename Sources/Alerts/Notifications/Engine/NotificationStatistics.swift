// SPDX-License-Identifier: Apache-2.0

package import SQLiteClient
import TimeSeries

/// Counters and gauges of the notification side, for the wiring to export.
package struct NotificationStatistics: Sendable {
    package struct Failure: Hashable, Sendable {
        package var integration: String
        package var reason: String
    }

    /// By integration kind.
    package var notifications: [String: UInt64] = [:]
    package var notificationsFailed: [Failure: UInt64] = [:]
    package var requests: [String: UInt64] = [:]
    package var requestsFailed: [String: UInt64] = [:]
    package var deadLettered: [String: UInt64] = [:]
    /// Alerts kept from being notified, by the reason's word.
    package var suppressed: [String: UInt64] = [:]
    package var alertsReceived: [String: UInt64] = [:]
    /// Alerts refused, by reason.
    package var alertsDropped: [String: UInt64] = [:]
    package var merged: UInt64 = 0
    package var templateFailures: UInt64 = 0
    package var storageFailures: UInt64 = 0
    package var historyDropped: UInt64 = 0
    package var eventsDropped: UInt64 = 0
    package var damagedRows: UInt64 = 0
    /// From the moment a notification was made to its acceptance, by integration kind: count and sum of seconds.
    package var latencyCount: [String: UInt64] = [:]
    package var latencySeconds: [String: Double] = [:]

    package init() {}
}

/// How the notification side stands at a moment.
package struct NotificationCondition: Sendable {
    package var alerts = 0
    package var alertsFiring = 0
    package var groups = 0
    package var outboxItems = 0
    package var outboxBytes = 0
    package var inFlight = 0
    package var deadLetters = 0
    /// Age of the oldest notification that waits.
    package var oldestItemAge: Duration?
    package var silencesActive = 0, silencesPending = 0, silencesExpired = 0
    /// Integrations whose destination failed its last attempt, with the failures in a row.
    package var failing: [(integration: String, failures: Int)] = []
    /// Why the store takes nothing at the moment; nil when it does.
    package var storageError: SQLiteError?

    package init() {}
}

extension Dictionary where Value == UInt64 {
    mutating func count(_ key: Key, by amount: UInt64 = 1) {
        self[key, default: 0] = self[key, default: 0].addingReportingOverflow(amount).partialValue
    }
}

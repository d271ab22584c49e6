// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// One notification to one integration, rendered, waiting to be accepted by it.
package struct OutboxItem: Hashable, Sendable, Identifiable {
    package enum Status: String, Hashable, Sendable, CaseIterable {
        case firing, resolved
    }

    /// The order of creation, and the key in the store.
    package let id: Int64
    /// The same on every attempt.
    package let notificationID: String
    /// `receiver/kind[index]`
    package let integration: String
    package let receiver: String
    package let target: String
    package let groupKey: String
    /// The name of its first alert, for the history.
    package let alertName: String
    package let status: Status
    package let reason: NotificationReason
    package let firing: Set<UInt64>
    package let resolved: Set<UInt64>
    /// What goes over the wire, without the secrets, which are added for each attempt.
    package let body: [UInt8]
    package let createdAt: Timestamp
    package var attempts = 0
    package var firstAttemptAt: Timestamp?
    package var nextAttemptAt: Timestamp
    /// Closed word and safe text of the last failure.
    package var lastReason: String?
    package var lastError: String?
    /// Refused for what it is; it no longer holds up the group's next notification.
    package var isAside = false
    package var deadSince: Timestamp?

    var lane: LogKey { LogKey(integration: integration, groupKey: groupKey) }
    var destination: String { integration + " " + target }
}

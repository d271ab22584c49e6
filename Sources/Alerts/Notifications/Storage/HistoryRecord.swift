// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// One line of what became of alerts and notifications, and why.
package struct HistoryRecord: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A notification was made and is in the outbox.
        case queued
        /// The receiver took it.
        case sent
        /// The first of a series of failed attempts; the others are only counted.
        case failed
        /// Given up.
        case deadLetter = "dead_letter"
        /// A later notification says all that this one said.
        case merged
        /// An alert is not notified: silence, inhibition, time interval.
        case held
        /// The reason to hold it is gone.
        case released
        /// Nothing to send: the receiver does not want resolves.
        case notSent = "not_sent"
        /// Refused at the door: limits, bad labels.
        case dropped
        case replayed
        case silenceSet = "silence_set"
        case silenceExpired = "silence_expired"
        case templateFailed = "template_failed"
        case reloaded
    }

    package var at: Timestamp
    package var kind: Kind
    package var receiver = ""
    package var integration = ""
    package var groupKey = ""
    package var notificationID = ""
    /// Empty where a whole notification is meant.
    package var fingerprint = ""
    package var alertName = ""
    package var status = ""
    package var reason = ""
    package var detail = ""

    package init(at: Timestamp, kind: Kind) {
        self.at = at
        self.kind = kind
    }
}

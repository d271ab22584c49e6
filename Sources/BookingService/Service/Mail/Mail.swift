// SPDX-License-Identifier: Apache-2.0

import SidecarMetrics

/// A message to one person.
package struct Mail: Codable, Sendable, Equatable {
    package var recipient: String
    package var subject: String
    package var body: String

    package init(recipient: String, subject: String, body: String) {
        self.recipient = recipient
        self.subject = subject
        self.body = body
    }

    /// The confirmation of a booking or of its cancellation; nil when the user left no address.
    init?(about booking: Booking) {
        guard let email = booking.email else { return nil }
        let what = booking.slotId.map { "slot \($0)" } ?? "\(booking.seats) seats of event \(booking.eventId ?? "")"
        let verb = booking.status == .confirmed ? "confirmed" : "cancelled"
        self.init(
            recipient: email,
            subject: "Booking \(booking.id) \(verb)",
            body: "Your booking \(booking.id) (\(what)) is \(verb).\n"
        )
    }
}

/// What became of an attempt to deliver: the label `outcome` of `mail_deliveries_total`.
package enum MailOutcome: String, LabelEnum {
    package static let labelName = "outcome"

    /// Accepted by the mail server.
    case delivered = "success"
    /// Not now; it will be tried again.
    case deferred
    /// Never; it will not be tried again.
    case rejected = "failure"
}

/// Where mails go.
package protocol MailSink: Sendable {
    /// Hands over one mail. May be called twice for the same mail after a crash.
    func deliver(_ mail: Mail) async -> MailOutcome
}

// SPDX-License-Identifier: Apache-2.0

/// A message for a mail server. A value whose description shows no password.
package struct MailMessage: Sendable, CustomStringConvertible {
    package enum Security: Hashable, Sendable {
        /// Never encrypted.
        case none
        /// STARTTLS when the server offers it.
        case opportunistic
        /// STARTTLS, or nothing is sent.
        case startTLS
        /// TLS from the first byte, port 465.
        case tls
    }

    package var host: String
    package var port: UInt16
    package var security = Security.startTLS
    package var tls = TLSOptions()
    /// What to call ourselves in EHLO.
    package var heloName: String?
    package var user: String?
    package var password: String?
    /// The envelope's sender and recipients, without angle brackets.
    package var sender: String
    package var recipients: [String]
    /// Header and body as RFC 5322 wants them, lines ended by CR LF; dots are stuffed here.
    package var content: [UInt8]
    package var connectTimeout: Duration = .seconds(10)
    package var deadline: Duration = .seconds(30)

    package init(host: String, port: UInt16, sender: String, recipients: [String], content: [UInt8]) {
        self.host = host
        self.port = port
        self.sender = sender
        self.recipients = recipients
        self.content = content
    }

    package var description: String { "mail to \(recipients.count) recipients through \(host):\(port)" }

    /// What makes sending impossible, or would smuggle a command.
    var problem: String? {
        for text in recipients + [sender, heloName ?? "", host] {
            if text.utf8.contains(where: {
                $0 <= 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: ">")
            }) {
                return "address with a space, an angle bracket or a control character"
            }
        }
        if host.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "@") }) { return "host" }
        return recipients.isEmpty ? "no recipient" : nil
    }
}

/// Why a message was not accepted.
package struct MailFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package var failure: HTTPFailure
    /// The server's last reply; 0 when there was none.
    package var replyCode: Int

    /// The server will say the same again.
    package var isPermanent: Bool { (500..<600).contains(replyCode) }

    package var description: String { replyCode > 0 ? "\(failure) (reply \(replyCode))" : failure.description }
}

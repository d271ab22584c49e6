// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
import HealthChecks

/// Which mail server to greet. Its description shows nothing of the conversation.
package struct SMTPCheckConfiguration: Sendable, CustomStringConvertible {
    package enum Encryption: String, Hashable, Sendable, CaseIterable {
        case none
        /// A server that does not offer STARTTLS is down.
        case startTLS = "starttls"
        /// From the first byte.
        case implicit
    }

    /// `host:port`.
    package var address: String
    package var encryption = Encryption.none
    package var tls = TLSOptions()
    /// What the client calls itself.
    package var greeting = "sidecar"
    /// An RE2 expression for the answer to EHLO, such as `AUTH`.
    package var expect: String?
    package var slowAfter: Duration?
    package var certificateWarning: Duration? = .seconds(14 * 86_400)

    package init(address: String) {
        self.address = address
    }

    package var description: String { "smtp check" }
}

extension ProbeCheck where Probe == TCPProbe {
    /// A mail server that greets, answers EHLO, and speaks TLS where asked; no mail is sent.
    package convenience init(
        name: String,
        smtp configuration: SMTPCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard configuration.greeting.utf8.allSatisfy({ $0 > 32 && $0 < 127 }), !configuration.greeting.isEmpty else {
            throw CheckConfigurationError("ehlo: expected a host name")
        }
        let no = "(?m)^[45][0-9][0-9][ -]"
        let hello = ConversationStep.say("EHLO \(configuration.greeting)\r\n")
        let answer = try ConversationStep.hear("(?m)^250 [^\n]*\n", refusal: no)
        var steps = [try ConversationStep.hear("(?m)^220 [^\n]*\n", refusal: no)]
        if configuration.encryption == .startTLS {
            steps += [hello, answer, .say("STARTTLS\r\n"), try .hear("(?m)^220[^\n]*\n", refusal: no), .startTLS]
        }
        steps.append(hello)
        if let pattern = configuration.expect {
            // The answer is heard whole before it is judged.
            let whole = try ConversationStep.Expectation("(?m)^250 [^\n]*\n", refusal: no)
            let wanted = try ConversationStep.Expectation(pattern)
            steps.append(
                .hear(
                    .init { bytes in
                        guard case .fits(let count) = whole.judge(bytes) else { return whole.judge(bytes) }
                        if case .fits = wanted.judge(Array(bytes[..<count])) { return .fits(count) }
                        return .refused
                    }
                )
            )
        } else {
            steps.append(answer)
        }
        steps.append(.say("QUIT\r\n"))
        var connection = TCPCheckConfiguration(address: configuration.address)
        connection.usesTLS = configuration.encryption == .implicit
        connection.tls = configuration.tls
        connection.slowAfter = configuration.slowAfter
        connection.certificateWarning = configuration.certificateWarning
        try self.init(name: name, kind: "smtp", connection, steps: steps, in: environment)
    }
}

// SPDX-License-Identifier: Apache-2.0

package import HTTPClient

/// Whom to connect to, and what to say and hear. Its description shows nothing of the conversation.
package struct TCPCheckConfiguration: Sendable, CustomStringConvertible {
    package enum Step: Hashable, Sendable {
        /// Sent as it stands.
        case send(String)
        /// An RE2 expression that the next lines, or the bytes before the deadline, must match.
        case expect(String)
        /// Speaks TLS from here on.
        case startTLS
    }

    /// `host:port`, `[::1]:port` or `unix:/path`.
    package var address: String
    /// Asked to speak TLS before the steps.
    package var startTLS: StartTLSProtocol?
    package var steps: [Step] = []
    /// TLS from the first byte.
    package var usesTLS = false
    package var tls = TLSOptions()
    package var slowAfter: Duration?
    package var certificateWarning: Duration? = .seconds(14 * 86_400)

    package init(address: String) {
        self.address = address
    }

    package var description: String { "tcp check" }
}

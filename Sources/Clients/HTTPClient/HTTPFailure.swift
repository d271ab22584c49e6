// SPDX-License-Identifier: Apache-2.0

/// Why no complete answer came. The raw values are label values.
package enum HTTPFailureReason: String, Hashable, Sendable, CaseIterable {
    case dns
    case connectRefused = "connect_refused"
    case connectTimeout = "connect_timeout"
    case connectUnreachable = "connect_unreachable"
    /// The peer reset the connection, before or in the middle of an answer.
    case connectReset = "connect_reset"
    /// The peer closed the connection without a complete answer.
    case connectionClosed = "connection_closed"
    case connectFailed = "connect_failed"
    case addressForbidden = "address_forbidden"
    case tlsHandshake = "tls_handshake"
    case tlsTimeout = "tls_timeout"
    case tlsExpired = "tls_expired"
    case tlsUntrusted = "tls_untrusted"
    case tlsHostname = "tls_hostname"
    /// The client's own CA, certificate or key file cannot be used.
    case tlsConfiguration = "tls_configuration"
    case timeoutFirstByte = "timeout_first_byte"
    case timeoutBody = "timeout_body"
    case bodyTooLarge = "body_too_large"
    case headersTooLarge = "headers_too_large"
    case contentEncoding = "content_encoding"
    /// What came is not the protocol that was asked for.
    case protocolViolation = "protocol"
    case tooManyRedirects = "too_many_redirects"
    /// The other side asked for a login, or refused it (SMTP).
    case authentication = "auth"
    /// The other side refused the sender, a recipient or the message (SMTP).
    case rejected
    case invalidRequest = "invalid_request"
    case cancelled
    case `internal`
}

/// A failed transfer: the closed reason, and a text that is safe to show.
package struct HTTPFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package var reason: HTTPFailureReason
    /// At most 256 bytes; host names and system errors, never a path, query, header or password.
    package var text: String

    package init(_ reason: HTTPFailureReason, _ text: String) {
        self.reason = reason
        self.text = text
    }

    package var description: String { text.isEmpty ? reason.rawValue : "\(reason.rawValue): \(text)" }
}

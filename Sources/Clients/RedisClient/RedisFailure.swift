// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// Why a Redis server did not answer, or not as it should. Text without credentials.
package struct RedisFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        case stream
        /// Connected, and no answer within the deadline.
        case timeout
        case noAuthentication = "noauth"
        case wrongPassword = "wrongpass"
        case noPermission = "noperm"
        case loading
        case readOnly = "readonly"
        case misconfigured = "misconf"
        case outOfMemory = "oom"
        case masterDown = "masterdown"
        case clusterDown = "clusterdown"
        case busy
        case tooManyClients = "max_clients"
        case protocolViolation = "protocol"
        case command
        case `internal`
    }

    package var reason: Reason
    /// What the stream says, where `reason` is `stream`.
    package var stream: StreamFailure?
    package var text: String

    package init(_ reason: Reason, _ text: String = "") {
        self.reason = reason
        self.text = text
    }

    package init(_ failure: StreamFailure) {
        reason = .stream
        stream = failure
        text = failure.description
    }

    /// From an error reply.
    package init(reply text: String) {
        let code = text.prefix { $0 != " " && $0 != ":" }
        let reason: Reason =
            switch code {
            case "NOAUTH": .noAuthentication
            case "WRONGPASS": .wrongPassword
            case "NOPERM": .noPermission
            case "LOADING": .loading
            case "READONLY": .readOnly
            case "MISCONF": .misconfigured
            case "OOM": .outOfMemory
            case "MASTERDOWN": .masterDown
            case "CLUSTERDOWN": .clusterDown
            case "BUSY": .busy
            default: Self.reason(ofPlainError: text)
            }
        self.init(reason, text)
    }

    /// Errors that have no word of their own.
    private static func reason(ofPlainError text: String) -> Reason {
        if text.contains("max number of clients") { return .tooManyClients }
        // "ERR AUTH <password> called without any password configured", and Redis 5's "ERR invalid password".
        if text.contains("invalid password") { return .wrongPassword }
        return .command
    }

    package var description: String { text.isEmpty ? reason.rawValue : "\(reason.rawValue): \(text)" }
}

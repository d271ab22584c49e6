// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hummingbird
import NIOCore
import NIOHTTP1

/// What an error means for the request: a status, and a cause for the `error_type` label.
struct RequestFailure {
    let status: Int
    let errorType: String

    static let clientClosed = "client_closed"
    static let clientClosedStatus = 499
    /// OpenTelemetry's word for it.
    static let timeout = "timeout"

    /// An error that the handler threw.
    init(_ error: any Error) {
        if let answer = error as? any HTTPResponseError {
            status = answer.status.code
            // OpenTelemetry: the status as text for server errors; what the client did wrong is no error of ours.
            errorType = status >= 500 ? String(status) : ""
        } else if Self.isDisconnect(error) {
            self = Self.disconnect
        } else if Self.isTimeout(error) {
            status = 500
            errorType = Self.timeout
        } else if error is HTTPParserError {
            // What the client sent is not HTTP. Hummingbird answers 400.
            self = RequestFailure(status: 400, errorType: "")
        } else {
            status = 500
            errorType = Self.name(of: error)
        }
    }

    /// An error that came up while the response was being written.
    init(whileWriting error: any Error) {
        if Self.isDisconnect(error) || error is IOError || "\(type(of: error))".hasPrefix("NIOAsyncWriter") {
            self = Self.disconnect
        } else {
            status = 500
            errorType = Self.name(of: error)
        }
    }

    private init(status: Int, errorType: String) {
        self.status = status
        self.errorType = errorType
    }

    private static let disconnect = RequestFailure(status: clientClosedStatus, errorType: clientClosed)

    private static func isDisconnect(_ error: any Error) -> Bool {
        if error is CancellationError { return true }
        // Reading a body from a client that is gone ends so; failing to reach somebody else does not.
        if let error = error as? IOError {
            return [ECONNRESET, EPIPE, ENOTCONN, ECONNABORTED].contains(error.errnoCode)
        }
        // The connection ended in the middle of the request's body.
        if let error = error as? HTTPParserError { return error == .invalidEOFState || error == .closedConnection }
        switch error as? ChannelError {
        case .ioOnClosedChannel, .outputClosed, .inputClosed, .alreadyClosed, .eof: return true
        default: return false
        }
    }

    /// What the handler waited for did not come in time. Packages have their own errors for that, named alike.
    private static func isTimeout(_ error: any Error) -> Bool {
        if let error = error as? IOError { return error.errnoCode == ETIMEDOUT }
        if case .connectTimeout = error as? ChannelError { return true }
        let name = "\(type(of: error))"
        return name.utf8.count <= 256 && (name.contains("Timeout") || name.contains("TimedOut"))
    }

    /// The type's name: as many values as the program has error types.
    private static func name(of error: any Error) -> String {
        String("\(type(of: error))".prefix(64))
    }
}

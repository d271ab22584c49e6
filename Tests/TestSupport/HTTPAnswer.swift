// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A request as it arrived.
package struct RecordedRequest: Sendable {
    package var method: String
    /// Path and query.
    package var target: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    package var arrived: ContinuousClock.Instant
    /// Counts connections from 1; equal numbers mean a kept connection.
    package var connection: Int

    package var text: String { String(decoding: body, as: UTF8.self) }

    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// What `HTTPReceiver` sends back.
package struct HTTPAnswer: Sendable {
    /// What happens to the connection after the answer, or instead of it.
    package enum Ending: Sendable {
        case keepAlive
        /// Announced by `Connection: close`.
        case close
        /// Closed without being announced.
        case closeSilently
        /// Closed with a TCP reset.
        case reset
        /// Kept open, and silent for good.
        case hang
    }

    package var status = 200
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8] = []
    /// Waits before the first byte.
    package var delay = Duration.zero
    /// Waits between head and body.
    package var bodyDelay = Duration.zero
    package var ending = Ending.keepAlive
    /// Sent as they are instead of status, headers and body.
    package var raw: [UInt8]?

    package init(
        _ status: Int = 200,
        _ text: String = "",
        headers: [(name: String, value: String)] = [],
        delay: Duration = .zero,
        ending: Ending = .keepAlive
    ) {
        self.status = status
        self.headers = headers
        body = Array(text.utf8)
        self.delay = delay
        self.ending = ending
    }

    /// The head as sent, with the length of the body and the connection's fate.
    func head() -> [UInt8] {
        var text = "HTTP/1.1 \(status) \(status < 400 ? "OK" : "Error")\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if !headers.contains(where: { ["content-length", "transfer-encoding"].contains($0.name.lowercased()) }) {
            text += "Content-Length: \(body.count)\r\n"
        }
        if case .close = ending { text += "Connection: close\r\n" }
        return Array((text + "\r\n").utf8)
    }
}

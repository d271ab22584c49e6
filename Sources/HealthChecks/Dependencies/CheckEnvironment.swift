// SPDX-License-Identifier: Apache-2.0

package import EventLoop
import Glibc
package import HTTPClient
package import HealthChecks

/// What the checks share: the loop, the HTTP client, and whom to tell that a watched connection has died.
package struct CheckEnvironment: Sendable {
    package var loop: EventLoop
    package var http: HTTPClient
    /// Called on the loop's thread with the name of a check whose idle connection was closed or reset by its peer.
    package var connectionClosed: @Sendable (String) -> Void
    /// Unix seconds, for the ages of files and certificates.
    package var unixTime: @Sendable () -> Double
    /// Reads expressions over stored series; nil where there are none.
    package var expressions: (any ExpressionEvaluating)?
    /// Where jobs report; nil where they cannot.
    package var heartbeats: HeartbeatBoard?
    /// Hears what an attempt does, line by line, without credentials: for somebody who looks for a fault. nil costs nothing.
    package var trace: (@Sendable (String) -> Void)?

    package init(
        loop: EventLoop,
        http: HTTPClient,
        connectionClosed: @escaping @Sendable (String) -> Void = { _ in },
        unixTime: @escaping @Sendable () -> Double = systemUnixTime,
        expressions: (any ExpressionEvaluating)? = nil,
        heartbeats: HeartbeatBoard? = nil
    ) {
        self.loop = loop
        self.http = http
        self.connectionClosed = connectionClosed
        self.unixTime = unixTime
        self.expressions = expressions
        self.heartbeats = heartbeats
    }

    /// Tells whoever looks for a fault; the line is made only then.
    func note(_ line: @autoclosure () -> String) { trace?(line()) }
}

/// The machine's wall clock.
package func systemUnixTime() -> Double {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
}

/// A check of a dependency, which may hold a connection between its attempts.
package protocol DependencyCheck: CallbackHealthCheck, AnyObject {
    /// Gives up connections and observations, when the check leaves the configuration. From any thread.
    func close()
}

extension DependencyCheck {
    package func close() {}
}

/// Why a check cannot be made from its configuration. Safe to show.
package struct CheckConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}

// SPDX-License-Identifier: Apache-2.0

import CSystemd
import Glibc

/// Tells systemd how the service is, over `$NOTIFY_SOCKET`. Does nothing where there is none.
package struct ServiceNotifier: Sendable {
    /// A line of systemd's protocol. Ready is for the moment when readiness first passes.
    package enum Message: Hashable, Sendable {
        case ready
        case reloading(monotonicMicroseconds: UInt64)
        case stopping
        case watchdog
        /// Shown by `systemctl status`; cut at the first line end.
        case status(String)
        case extendTimeout(Duration)

        var line: String {
            switch self {
            case .ready: "READY=1"
            case .reloading(let microseconds): "RELOADING=1\nMONOTONIC_USEC=\(microseconds)"
            case .stopping: "STOPPING=1"
            case .watchdog: "WATCHDOG=1"
            case .status(let text): "STATUS=\(text.prefix { !$0.isNewline })"
            case .extendTimeout(let duration): "EXTEND_TIMEOUT_USEC=\(max(0, duration.components.seconds) * 1_000_000)"
            }
        }
    }

    package init() {}

    /// Whether anybody listens.
    package var isSupervised: Bool { unsafe getenv("NOTIFY_SOCKET") != nil }

    /// Sends messages in one datagram; false when nobody was told. Never blocks for long: systemd's socket is a datagram
    /// socket with room for many.
    @discardableResult
    package func notify(_ messages: Message...) -> Bool {
        let text = messages.map(\.line).joined(separator: "\n")
        return unsafe sd_notify(0, text) > 0
    }

    /// How often `watchdog` is due: half of what systemd allows; nil when it asks for none.
    package var watchdogInterval: Duration? {
        var microseconds: UInt64 = 0
        guard unsafe sd_watchdog_enabled(0, &microseconds) > 0, microseconds > 0 else { return nil }
        return .microseconds(Int64(clamping: microseconds / 2))
    }
}

/// Where the standard error stream goes.
package enum StandardError {
    /// Whether it is a stream of journald's, by `$JOURNAL_STREAM`.
    package static var isJournal: Bool {
        guard let text = unsafe getenv("JOURNAL_STREAM").map({ unsafe String(cString: $0) }) else { return false }
        var information = stat()
        guard unsafe fstat(STDERR_FILENO, &information) == 0 else { return false }
        return text == "\(information.st_dev):\(information.st_ino)"
    }
}

// SPDX-License-Identifier: Apache-2.0

/// One thing that `sidecar doctor` has looked at.
package struct Finding: Sendable {
    package enum Outcome: String, Sendable {
        case good
        /// Works, and somebody should know.
        case warning
        /// Does not work.
        case failure
    }

    package enum Area: String, Sendable, CaseIterable {
        case configuration, permissions, storage, ports, descriptors, journal, clock, targets, checks, receivers
        case alerting
        case remoteWrite = "remote_write"
    }

    package var area: Area
    /// What was looked at, without credentials.
    package var subject: String
    package var outcome: Outcome
    package var text: String

    static func good(_ area: Area, _ subject: String, _ text: String = "ok") -> Finding {
        Finding(area: area, subject: subject, outcome: .good, text: text)
    }

    static func warning(_ area: Area, _ subject: String, _ text: String) -> Finding {
        Finding(area: area, subject: subject, outcome: .warning, text: text)
    }

    static func failure(_ area: Area, _ subject: String, _ text: String) -> Finding {
        Finding(area: area, subject: subject, outcome: .failure, text: text)
    }
}

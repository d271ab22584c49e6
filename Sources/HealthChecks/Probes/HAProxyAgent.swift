// SPDX-License-Identifier: Apache-2.0

public import HealthChecks

/// What HAProxy's agent check is told.
///
/// HAProxy keeps what a reply does not mention, so every reply takes back the words of the one before: `up` after
/// `down`, `ready` after `drain`. A failed connection to the agent changes nothing there, so the last reply before a
/// stop must not be `down`.
public struct HAProxyAgent: Sendable, Hashable {
    /// Creates the words.
    public init() {}

    /// The reply's line, with its line feed.
    ///
    /// - Parameters:
    ///   - failure: why readiness fails; nil when ready.
    ///   - weight: percent of the configured weight, kept between 1 and 100.
    public static func reply(failure: HealthReason?, weight: Int = 100) -> String {
        let weight = min(max(weight, 1), 100)
        return switch failure {
        case nil: "up ready \(weight)%\n"
        case .draining?: "up drain\n"
        case .notStarted?: "down ready #not_started\n"
        case let reason?: "down ready #\(reason.rawValue)\n"
        }
    }

    /// The weight for a load: full below half of the capacity, then falling to a tenth when it is used up.
    ///
    /// - Parameter load: used part of the capacity, 1 is all of it.
    public static func weight(forLoad load: Double) -> Int {
        guard load.isFinite, load > 0.5 else { return 100 }
        return Int(100 - min(load - 0.5, 0.5) * 180)
    }
}

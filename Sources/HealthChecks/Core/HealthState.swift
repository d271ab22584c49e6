// SPDX-License-Identifier: Apache-2.0

/// What is believed about a dependency, after thresholds.
///
/// `unknown` is not a pass: nothing has been learned yet, the last answer is too old, or the check could not tell.
/// The order is by gravity, so that `max()` over several checks is the state of the whole.
public enum HealthState: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Works.
    case healthy
    /// Works, with something a person should look at.
    case degraded
    /// Not known: no answer yet, or none that is recent enough.
    case unknown
    /// Does not work.
    case unhealthy

    /// Whether traffic may be sent to something in this state.
    public var isServing: Bool { self == .healthy || self == .degraded }

    private var gravity: Int {
        switch self {
        case .healthy: 0
        case .degraded: 1
        case .unknown: 2
        case .unhealthy: 3
        }
    }

    /// Orders by gravity: healthy, degraded, unknown, unhealthy.
    public static func < (left: Self, right: Self) -> Bool { left.gravity < right.gravity }
}

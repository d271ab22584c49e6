// SPDX-License-Identifier: Apache-2.0

/// Turns single answers into a state that does not flap.
///
/// - A first success after nothing is healthy at once; after unhealthy it takes `rise` successes in a row.
/// - `fall` failures in a row are unhealthy. The first of them asks for an immediate second attempt, so that a fault is
///   known within one interval and a single lost packet changes nothing.
/// - A degraded answer counts as a success; the step between healthy and degraded has the same two thresholds.
/// - An undetermined answer ends a row of successes but not one of failures; `fall` of them in a row are unknown.
/// - An answer older than ``CheckSettings/effectiveStaleAfter`` is unknown, whatever it was; the thresholds are kept.
public struct CheckStateMachine: Sendable, Hashable {
    /// A change of the state.
    public struct Transition: Sendable, Hashable {
        /// The state before.
        public let from: HealthState
        /// The state now.
        public let to: HealthState
        /// Why, unless healthy.
        public let reason: HealthReason?
        /// When.
        public let time: HealthTime
    }

    /// What follows from an answer.
    public struct Observation: Sendable, Hashable {
        /// The change of state, if there was one.
        public var transition: Transition?
        /// Whether the next attempt should start at once.
        public var recheckNow = false
    }

    private let fall: Int
    private let rise: Int
    private let staleAfter: Duration
    private var settled = HealthState.unknown
    private var isStale = false
    private var failures = 0
    private var successes = 0
    private var degradedInRow = 0
    private var cleanInRow = 0
    private var undetermined = 0
    private var lastAnswer: HealthTime?
    private var settledReason: HealthReason? = .pending

    /// When the state last changed; nil before the first change.
    public private(set) var since: HealthTime?

    /// Creates a machine in the state unknown.
    public init(settings: CheckSettings) {
        fall = settings.fall
        rise = settings.rise
        staleAfter = settings.effectiveStaleAfter
    }

    /// The state as of the last call of ``observe(_:reason:at:)`` or ``expire(at:)``.
    public var state: HealthState { isStale ? .unknown : settled }

    /// Why the state is what it is; nil when healthy.
    public var reason: HealthReason? { isStale ? .stale : settledReason }

    /// When the state becomes unknown if no further answer comes; nil before the first answer.
    public var staleAt: Duration? { lastAnswer.map { $0.uptime + staleAfter } }

    /// Takes in one answer.
    public mutating func observe(
        _ verdict: CheckResult.Verdict,
        reason: HealthReason?,
        at now: HealthTime
    ) -> Observation {
        let before = state
        lastAnswer = now
        isStale = false
        let recheck = count(verdict, reason: reason)
        return Observation(transition: transition(from: before, at: now), recheckNow: recheck)
    }

    /// Lets the state become unknown when the last answer is too old.
    public mutating func expire(at now: HealthTime) -> Transition? {
        guard let staleAt, now.uptime >= staleAt, !isStale else { return nil }
        let before = state
        isStale = true
        return transition(from: before, at: now)
    }

    private mutating func transition(from before: HealthState, at now: HealthTime) -> Transition? {
        guard state != before else { return nil }
        since = now
        return Transition(from: before, to: state, reason: reason, time: now)
    }

    /// Returns whether to ask again at once.
    private mutating func count(_ verdict: CheckResult.Verdict, reason: HealthReason?) -> Bool {
        switch verdict {
        case .up, .degraded:
            countSuccess(isDegraded: verdict == .degraded, reason: reason)
            return false
        case .down:
            return countFailure(reason: reason)
        case .undetermined:
            (successes, degradedInRow, cleanInRow) = (0, 0, 0)
            undetermined = min(undetermined + 1, fall)
            if undetermined >= fall, settled != .unhealthy { settle(.unknown, reason ?? .internalError) }
            return false
        }
    }

    private mutating func countSuccess(isDegraded: Bool, reason: HealthReason?) {
        (failures, undetermined) = (0, 0)
        successes = min(successes + 1, rise)
        degradedInRow = isDegraded ? min(degradedInRow + 1, fall) : 0
        cleanInRow = isDegraded ? 0 : min(cleanInRow + 1, rise)
        let degradedReason = reason ?? .threshold
        switch settled {
        case .unknown:
            settle(isDegraded ? .degraded : .healthy, isDegraded ? degradedReason : nil)
        case .unhealthy where successes >= rise:
            settle(isDegraded ? .degraded : .healthy, isDegraded ? degradedReason : nil)
        case .healthy where degradedInRow >= fall:
            settle(.degraded, degradedReason)
        case .degraded where cleanInRow >= rise:
            settle(.healthy, nil)
        case .degraded where isDegraded:
            settledReason = degradedReason
        case .healthy, .degraded, .unhealthy:
            break
        }
    }

    private mutating func countFailure(reason: HealthReason?) -> Bool {
        (successes, degradedInRow, cleanInRow, undetermined) = (0, 0, 0, 0)
        let reason = reason ?? .internalError
        failures = reason.forbidsQuickRetry ? fall : min(failures + 1, fall)
        if failures >= fall { settle(.unhealthy, reason) }
        return failures == 1 && fall > 1 && settled != .unhealthy
    }

    private mutating func settle(_ state: HealthState, _ reason: HealthReason?) {
        settled = state
        settledReason = reason
    }
}

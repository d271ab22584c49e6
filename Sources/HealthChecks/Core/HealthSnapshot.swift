// SPDX-License-Identifier: Apache-2.0

/// Where the process stands between its start and its end.
public enum ServicePhase: String, Sendable, Hashable, CaseIterable {
    /// Not ready for anything yet; `/startupz` fails.
    case starting
    /// Serves, as far as its checks allow.
    case serving
    /// Still serves, but wants no new traffic: readiness fails.
    case draining
}

/// What is known about one check.
public struct CheckStatus: Sendable, Hashable {
    /// Name, kind, instance and settings.
    public let descriptor: CheckDescriptor
    /// After thresholds.
    public var state: HealthState
    /// Why, unless healthy.
    public var reason: HealthReason?
    /// When the state last changed.
    public var since: HealthTime?
    /// The last answer; its samples are left out here, see ``HealthRegistry/record(_:for:at:)``.
    public var lastResult: CheckResult?
    /// When that answer came.
    public var lastAttempt: HealthTime?
    /// Answers so far.
    public var attempts: UInt64
    /// Answers so far that were down.
    public var failedAttempts: UInt64
    /// For every reason seen, when last; unix milliseconds.
    public var lastFailures: [HealthReason: Int64]
    /// The last failures with their texts, oldest first.
    public var recentFailures: [FailureRing.Failure]
    /// The failing checks that explain this failure; empty when it explains itself.
    public var rootCauses: [String]
    /// When the state becomes unknown without a further answer, on the monotonic clock.
    public var staleAt: Duration?

    /// The check's name.
    public var name: String { descriptor.name }
    /// Whether readiness depends on it.
    public var isCritical: Bool { descriptor.settings.policy == .critical }
}

/// Everything a probe answers from: made when something changes, read in constant time.
public final class HealthSnapshot: Sendable {
    /// Grows with every change that a probe's short answer can show: phase, readiness, names, states and reasons.
    public let generation: UInt64
    /// When it was made.
    public let time: HealthTime
    /// The process's phase.
    public let phase: ServicePhase
    /// All checks in the order of their names.
    public let checks: [CheckStatus]
    /// Whether the process has finished starting.
    public var isStarted: Bool { phase != .starting }
    /// The state of the whole: the worst critical check; a failing advisory one makes it degraded.
    public let overall: HealthState
    /// Why readiness fails; nil when ready.
    public let notReady: HealthReason?
    /// From when on a critical check counts as stale, on the monotonic clock; nil when none can become so.
    public let criticalStaleAt: Duration?
    /// The version shown by `/health`.
    public let version: String
    /// When the process started.
    public let startedAt: HealthTime
    /// Answers that no check was registered for.
    public let unmatchedResults: UInt64

    init(
        generation: UInt64,
        time: HealthTime,
        phase: ServicePhase,
        checks: [CheckStatus],
        version: String,
        startedAt: HealthTime,
        unmatchedResults: UInt64
    ) {
        self.generation = generation
        self.time = time
        self.phase = phase
        self.checks = checks
        self.version = version
        self.startedAt = startedAt
        self.unmatchedResults = unmatchedResults
        overall = Self.overall(checks)
        notReady = Self.notReady(phase, checks)
        criticalStaleAt = checks.lazy.filter(\.isCritical).compactMap(\.staleAt).min()
    }

    /// Whether traffic may come, as of `now`: in constant time, also when nothing refreshes the snapshot any more.
    public func readinessFailure(at now: Duration) -> HealthReason? {
        if let notReady { return notReady }
        guard let criticalStaleAt, now >= criticalStaleAt else { return nil }
        return .stale
    }

    /// The status of one check, by binary search.
    public func check(named name: String) -> CheckStatus? {
        var low = 0
        var high = checks.count
        while low < high {
            let middle = (low + high) / 2
            if checks[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low < checks.count && checks[low].name == name ? checks[low] : nil
    }

    private static func overall(_ checks: [CheckStatus]) -> HealthState {
        checks.reduce(.healthy) { worst, check in
            let state = check.isCritical || check.state == .healthy ? check.state : .degraded
            return max(worst, state)
        }
    }

    private static func notReady(_ phase: ServicePhase, _ checks: [CheckStatus]) -> HealthReason? {
        switch phase {
        case .starting: return .notStarted
        case .draining: return .draining
        case .serving: break
        }
        let failing = checks.filter { $0.isCritical && !$0.state.isServing }
        guard let worst = failing.max(by: { $0.state < $1.state }) else { return nil }
        let cause = failing.first { $0.state == worst.state && $0.rootCauses.isEmpty } ?? worst
        return cause.reason ?? .internalError
    }
}

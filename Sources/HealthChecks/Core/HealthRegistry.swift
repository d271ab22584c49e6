// SPDX-License-Identifier: Apache-2.0

/// Holds what is known about all checks and hands out snapshots of it.
///
/// The registry starts no attempts: a loop does, with ``CheckScheduler``, and tells the answers here. Conditions that
/// are no checks (a scrape target, a firing alert, a heartbeat) may be registered and recorded in the same way.
/// All methods may be called from any thread; reading the snapshot takes one short lock.
public final class HealthRegistry: Sendable {
    private struct Entry: Sendable {
        var descriptor: CheckDescriptor
        var machine: CheckStateMachine
        var ring = FailureRing()
        var lastResult: CheckResult?
        var lastAttempt: HealthTime?
        var attempts: UInt64 = 0
        var failedAttempts: UInt64 = 0
        var lastFailures: [HealthReason: Int64] = [:]
    }

    private struct Contents: Sendable {
        var entries: [String: Entry] = [:]
        var graph = DependencyGraph()
        var phase = ServicePhase.starting
        var unmatched: UInt64 = 0
        var liveness: [any LivenessCheck] = []
    }

    private let version: String
    private let startedAt: HealthTime
    private let contents: Guarded<Contents>
    private let published: Guarded<HealthSnapshot>

    /// Creates a registry without checks, in the phase `starting`.
    public init(version: String, startedAt: HealthTime) {
        self.version = version
        self.startedAt = startedAt
        contents = Guarded(Contents())
        published = Guarded(
            HealthSnapshot(
                generation: 0,
                time: startedAt,
                phase: .starting,
                checks: [],
                version: version,
                startedAt: startedAt,
                unmatchedResults: 0
            )
        )
    }

    /// The latest snapshot.
    public var snapshot: HealthSnapshot { published.withLock { $0 } }

    /// Replaces the set of checks in one step. A check of the same name, kind, instance and settings keeps its state.
    public func configure(_ checks: [CheckDescriptor], at now: HealthTime) throws(DependencyGraph.Problem) {
        let graph = try DependencyGraph(
            Dictionary(checks.map { ($0.name, $0.settings.dependsOn) }) { $0 + $1 }
        )
        change(at: now) { contents in
            let before = contents.entries
            contents.entries = [:]
            contents.graph = graph
            for check in checks {
                if let kept = before[check.name], kept.descriptor == check {
                    contents.entries[check.name] = kept
                } else {
                    let machine = CheckStateMachine(settings: check.settings)
                    contents.entries[check.name] = Entry(descriptor: check, machine: machine)
                }
            }
        }
    }

    /// Takes in the answer of one attempt. The result's samples are for the caller to store; the registry drops them.
    ///
    /// - Returns: what follows; nothing for a name that is not registered, which is counted.
    @discardableResult
    public func record(
        _ result: CheckResult,
        for name: String,
        at now: HealthTime
    ) -> CheckStateMachine.Observation {
        change(at: now) { contents in
            guard contents.entries[name] != nil else {
                contents.unmatched &+= 1
                return CheckStateMachine.Observation()
            }
            return Self.observe(result, at: now, entry: &contents.entries[name])
        }
    }

    /// Lets old answers become unknown. Call it once a tick.
    ///
    /// - Returns: the changes, by name of the check.
    @discardableResult
    public func refresh(at now: HealthTime) -> [(check: String, transition: CheckStateMachine.Transition)] {
        change(at: now) { contents in
            var changes: [(check: String, transition: CheckStateMachine.Transition)] = []
            for name in contents.entries.keys.sorted() {
                if let transition = contents.entries[name]?.machine.expire(at: now) {
                    changes.append((name, transition))
                }
            }
            return changes
        }
    }

    /// Moves to another phase; `draining` is final.
    public func setPhase(_ phase: ServicePhase, at now: HealthTime) {
        change(at: now) { contents in
            if contents.phase != .draining { contents.phase = phase }
        }
    }

    /// Ends a drain that was asked for by hand, not by a signal.
    public func cancelDrain(at now: HealthTime) {
        change(at: now) { contents in
            if contents.phase == .draining { contents.phase = .serving }
        }
    }

    /// Adds an internal check to liveness.
    public func addLiveness(_ check: any LivenessCheck) { contents.withLock { $0.liveness.append(check) } }

    /// The internal checks, in the order they were added.
    public var livenessChecks: [any LivenessCheck] { contents.withLock { $0.liveness } }

    private static func observe(
        _ result: CheckResult,
        at now: HealthTime,
        entry: inout Entry?
    ) -> CheckStateMachine.Observation {
        guard entry != nil else { return CheckStateMachine.Observation() }
        let observation = entry?.machine.observe(result.verdict, reason: result.reason, at: now)
        entry?.attempts &+= 1
        entry?.lastAttempt = now
        var kept = result
        kept.samples = []
        entry?.lastResult = kept
        if result.verdict == .down || result.verdict == .undetermined {
            let reason = result.reason ?? .internalError
            if result.verdict == .down { entry?.failedAttempts &+= 1 }
            entry?.lastFailures[reason] = now.unixMilliseconds
            entry?.ring.append(
                reason: reason,
                text: result.text,
                duration: result.duration,
                unixMilliseconds: now.unixMilliseconds
            )
        }
        return observation ?? CheckStateMachine.Observation()
    }

    private func change<Result: Sendable>(at now: HealthTime, _ body: (inout Contents) -> Result) -> Result {
        contents.withLock { contents in
            let result = body(&contents)
            let checks = Self.statuses(contents)
            published.withLock { published in
                let probesDiffer = Self.differs(published, phase: contents.phase, checks: checks)
                published = HealthSnapshot(
                    generation: published.generation &+ (probesDiffer ? 1 : 0),
                    time: now,
                    phase: contents.phase,
                    checks: checks,
                    version: version,
                    startedAt: startedAt,
                    unmatchedResults: contents.unmatched
                )
            }
            return result
        }
    }

    private static func differs(_ old: HealthSnapshot, phase: ServicePhase, checks: [CheckStatus]) -> Bool {
        guard old.phase == phase, old.checks.count == checks.count else { return true }
        return zip(old.checks, checks).contains { before, after in
            before.state != after.state || before.reason != after.reason || before.descriptor != after.descriptor
                || before.rootCauses != after.rootCauses
        }
    }

    private static func statuses(_ contents: Contents) -> [CheckStatus] {
        contents.entries.values.sorted { $0.descriptor.name < $1.descriptor.name }.map { entry in
            let state = entry.machine.state
            return CheckStatus(
                descriptor: entry.descriptor,
                state: state,
                reason: entry.machine.reason,
                since: entry.machine.since,
                lastResult: entry.lastResult,
                lastAttempt: entry.lastAttempt,
                attempts: entry.attempts,
                failedAttempts: entry.failedAttempts,
                lastFailures: entry.lastFailures,
                recentFailures: entry.ring.failures,
                rootCauses: state.isServing ? [] : rootCauses(of: entry.descriptor.name, contents),
                staleAt: entry.machine.staleAt
            )
        }
    }

    private static func rootCauses(of name: String, _ contents: Contents) -> [String] {
        contents.graph.rootCauses(of: name) { dependency in
            contents.entries[dependency].map { $0.machine.state == .unhealthy } ?? false
        }
    }
}

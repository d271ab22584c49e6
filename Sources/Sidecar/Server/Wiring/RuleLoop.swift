// SPDX-License-Identifier: Apache-2.0

import AlertRules
import EventLoop
import HealthChecks
import Logging
import Notifications
import Synchronization
import TimeSeries

/// Gives the rules their thread: evaluates groups when their tick's inputs are in, and hands what changed to the
/// notifications. A query that takes long delays neither scrapes nor deliveries, and the iterations it costs are counted.
final class RuleLoop: Sendable {
    private final class Box {
        let manager: RuleManager
        /// Groups that have not been evaluated since the start.
        var unevaluated: Set<String> = []
        var hasReconciled = false
        /// Rules whose last evaluation failed, so that only the first failure and the recovery are logged.
        var failing: Set<String> = []
        /// Whether anybody wants to know what fires.
        var tellsFiring = false
        /// When the rules were last looked over.
        var lookedOver = Timestamp.distantPast
        var stateFailures = 0
        var steps = SteadyClock.Steps()

        init(_ manager: RuleManager) { self.manager = manager }
    }

    /// Counted since the start.
    struct Statistics: Sendable {
        var evaluations: UInt64 = 0
        var edgeEvaluations: UInt64 = 0
        var failures: UInt64 = 0
        var missedIterations: UInt64 = 0
        var seconds = 0.0
        var lastEvaluation: Timestamp?
        var condition = RuleCondition()
    }

    private let loop: EventLoop
    private let clock: HealthClock
    private let steps: @Sendable () -> SteadyClock.Steps
    private let logger: Logger
    private let notify: @Sendable ([Alert]) -> Void
    private let reconcile: @Sendable (Set<UInt64>) -> Void
    private let firing: @Sendable ([Labels]) -> Void
    private let box: LoopBound<Box>
    private let running = Mutex<Set<Duration>>([])
    private let counted = Mutex(Statistics())

    /// The manager must have been made for this use alone.
    init(
        loop: EventLoop,
        clock: HealthClock,
        steps: @escaping @Sendable () -> SteadyClock.Steps,
        logger: Logger,
        manager: sending RuleManager,
        notify: @escaping @Sendable ([Alert]) -> Void,
        reconcile: @escaping @Sendable (Set<UInt64>) -> Void,
        firing: @escaping @Sendable ([Labels]) -> Void
    ) {
        self.loop = loop
        self.clock = clock
        self.steps = steps
        self.logger = logger
        self.notify = notify
        self.reconcile = reconcile
        self.firing = firing
        box = LoopBound(Box(manager), on: loop)
    }

    var statistics: Statistics { counted.withLock { $0 } }

    /// Replaces the rules; resolves owed by rules that are gone are told at once.
    func load(
        _ groups: [RuleGroupDefinition],
        unreadable: Set<String> = [],
        context: RuleContext,
        restoring: Bool = false,
        tellsFiring: Bool
    ) {
        loop.execute { [self] in
            let box = box.value
            box.tellsFiring = tellsFiring
            if restoring { box.manager.restore() }
            let now = Timestamp(milliseconds: clock.now().unixMilliseconds)
            let transitions = box.manager.load(groups, unreadable: unreadable, context: context, at: now)
            if !box.hasReconciled { box.unevaluated = Set(groups.map(\.key)) }
            tell(transitions, at: now)
            if groups.isEmpty { reconcileIfDue() }
        }
    }

    /// Evaluates all groups of these intervals. Intervals whose last evaluation still runs are skipped and counted.
    func evaluate(_ intervals: [Duration], at time: Timestamp) {
        let due = running.withLock { running in
            let due = intervals.filter { !running.contains($0) }
            running.formUnion(due)
            return due
        }
        let skipped = intervals.filter { !due.contains($0) }
        loop.execute { [self] in
            for interval in skipped { noteMissed(interval, count: 1) }
            for interval in due {
                evaluate(interval, at: time)
                running.withLock { _ = $0.remove(interval) }
            }
        }
    }

    /// An extra evaluation of the alerting rules that read one of these metrics.
    func evaluateEdge(metrics: Set<String>, at time: Timestamp) {
        loop.execute { [self] in
            let manager = box.value.manager
            guard manager.alertsRead(anyOf: metrics) else { return }
            followSteps(until: time)
            let evaluations = manager.evaluateEdge(at: time, metrics: metrics)
            guard !evaluations.isEmpty else { return }
            counted.withLock { $0.edgeEvaluations &+= 1 }
            for evaluation in evaluations { finish(evaluation) }
            tellFiring()
        }
    }

    /// Ticks of groups with this interval passed unseen.
    func missed(_ interval: Duration, count: Int64) {
        loop.execute { [self] in noteMissed(interval, count: count) }
    }

    /// Asks the manager on its thread; nil when it has stopped.
    func access<Result: Sendable>(_ body: @escaping @Sendable (RuleManager) -> Result) async -> Result? {
        await loop.run { [self] in body(box.value.manager) }
    }

    // MARK: On the thread

    private func evaluate(_ interval: Duration, at time: Timestamp) {
        followSteps(until: time)
        let manager = box.value.manager
        for group in manager.groups where group.interval(manager.context) == interval {
            let began = clock.now().uptime
            guard let evaluation = manager.evaluate(group: group.key, at: time) else { continue }
            let took = clock.now().uptime - began
            manager.note(duration: took, ofGroup: group.key)
            counted.withLock {
                $0.evaluations &+= UInt64(max(0, evaluation.rules))
                $0.seconds += took / .seconds(1)
                $0.lastEvaluation = time
            }
            finish(evaluation)
            box.value.unevaluated.remove(group.key)
        }
        tellFiring()
        reconcileIfDue()
        lookOver(at: time)
    }

    /// Tells the rules that the clock was set, once evaluations have reached the time after it.
    private func followSteps(until time: Timestamp) {
        let box = box.value
        let steps = steps()
        let difference = steps.total - box.steps.total
        guard steps.count != box.steps.count else { return }
        // An evaluation that was under way still counts by the old time: half-way between the two times tells them apart.
        let middle = steps.last - difference / 2
        guard difference < .zero ? time < middle : time > middle else { return }
        box.steps = steps
        box.manager.clockWasSet(by: difference)
        logger.warning(
            "clock.was_set",
            metadata: ["seconds": .string("\(difference / .seconds(1))"), "times": .string("\(steps.count)")]
        )
    }

    private func finish(_ evaluation: GroupEvaluation) {
        counted.withLock { $0.failures &+= UInt64(max(0, evaluation.failures.count)) }
        log(evaluation)
        tell(evaluation.transitions, at: evaluation.time)
    }

    private func log(_ evaluation: GroupEvaluation) {
        let prefix = evaluation.group + "/"
        var still: Set<String> = []
        for failure in evaluation.failures {
            let name = prefix + failure.rule
            still.insert(name)
            guard box.value.failing.insert(name).inserted else { continue }
            logger.warning(
                "rule.failed",
                metadata: [
                    "rule": .string(failure.rule), "group": .string(evaluation.group),
                    "error": .string(failure.message),
                ]
            )
        }
        for name in box.value.failing where name.hasPrefix(prefix) && !still.contains(name) {
            box.value.failing.remove(name)
            logger.info("rule.recovered", metadata: ["rule": .string(String(name.dropFirst(prefix.count)))])
        }
    }

    private func noteMissed(_ interval: Duration, count: Int64) {
        let manager = box.value.manager
        counted.withLock { $0.missedIterations &+= UInt64(max(0, count)) }
        for group in manager.groups where group.interval(manager.context) == interval {
            manager.note(missed: Int(clamping: count), ofGroup: group.key)
        }
    }

    /// What readiness may depend on. Once every group has been evaluated: before, silence means nothing.
    private func tellFiring() {
        guard box.value.tellsFiring, box.value.unevaluated.isEmpty else { return }
        firing(box.value.manager.alerts().filter { $0.state == .firing }.map(\.labels))
    }

    /// Counts what stands, and now and then looks for rules that match nothing.
    private func lookOver(at time: Timestamp) {
        let box = box.value
        if abs((time - box.lookedOver) / .seconds(1)) >= 10 {
            box.lookedOver = time
            box.manager.noteMatches(at: time)
        }
        let condition = box.manager.condition
        counted.withLock { $0.condition = condition }
        guard condition.stateFailures != box.stateFailures else { return }
        if box.stateFailures == 0 {
            logger.error(
                "rules.state_not_saved",
                metadata: ["error": .string(box.manager.lastStateError ?? "")]
            )
        }
        box.stateFailures = condition.stateFailures
    }

    /// Once every group was evaluated, what fires is known: the notifications may end what fires no more.
    private func reconcileIfDue() {
        let box = box.value
        guard !box.hasReconciled, box.unevaluated.isEmpty else { return }
        box.hasReconciled = true
        let now = Timestamp(milliseconds: clock.now().unixMilliseconds)
        let firing = box.manager.alerts().filter { $0.state == .firing }
        let alerts = firing.map { Alert($0, context: box.manager.context, at: now) }
        let waiting = box.manager.waiting.map { Alert($0, context: box.manager.context, at: now).fingerprint }
        reconcile(Set(alerts.map(\.fingerprint) + waiting))
        notify(alerts.enumerated().filter { firing[$0.offset].suppressedBy == nil }.map(\.element))
    }

    private func tell(_ transitions: [AlertTransition], at time: Timestamp) {
        let told = transitions.filter { $0.kind == .resolved || $0.alert.suppressedBy == nil }
        guard !told.isEmpty else { return }
        let context = box.value.manager.context
        notify(told.map { Alert($0.alert, context: context, at: time) })
    }
}

extension Alert {
    /// What people are told of an alert of the rules: with the external labels that it does not have itself.
    init(_ snapshot: AlertSnapshot, context: RuleContext, at time: Timestamp) {
        var labels = snapshot.labels
        for (name, value) in context.externalLabels where labels[name] == nil {
            labels = labels.setting(name, to: value)
        }
        self.init(
            labels: labels,
            annotations: Labels(snapshot.annotations.map { ($0.name, $0.value) }),
            startsAt: snapshot.firedAt ?? snapshot.activeAt,
            endsAt: snapshot.state == .resolved ? snapshot.resolvedAt ?? time : nil,
            updatedAt: time,
            generatorURL: snapshot.generatorURL,
            source: .rules,
            value: snapshot.value,
            valueAtResolve: snapshot.valueAtResolve,
            peak: snapshot.peak,
            isStale: snapshot.isStale
        )
    }
}

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
        let runner: RuleRunner
        /// Rules whose last evaluation failed, so that only the first failure and the recovery are logged.
        var failing: Set<String> = []
        /// Whether anybody wants to know what fires.
        var tellsFiring = false
        /// When the rules were last looked over.
        var lookedOver = Timestamp.distantPast
        var stateFailures = 0
        var steps = SteadyClock.Steps()

        init(_ manager: RuleManager, receipt: Int64) { runner = RuleRunner(manager, receipt: receipt) }

        var manager: RuleManager { runner.manager }
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
    private let notify: @Sendable ([Alert], Int64) -> Void
    private let reconcile: @Sendable (Set<UInt64>) -> Void
    private let firing: @Sendable ([Labels]) -> Void
    private let box: LoopBound<Box>
    private let running = Mutex<Set<Duration>>([])
    private let counted = Mutex(Statistics())

    /// The manager must have been made for this use alone.
    ///
    /// - Parameter receipt: the number of the last news that the notifications have on their disk.
    init(
        loop: EventLoop,
        clock: HealthClock,
        steps: @escaping @Sendable () -> SteadyClock.Steps,
        logger: Logger,
        manager: sending RuleManager,
        receipt: Int64,
        notify: @escaping @Sendable ([Alert], Int64) -> Void,
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
        box = LoopBound(Box(manager, receipt: receipt), on: loop)
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
            hand(
                box.runner.load(
                    groups,
                    unreadable: unreadable,
                    context: context,
                    restoring: restoring,
                    at: Timestamp(milliseconds: clock.now().unixMilliseconds)
                )
            )
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
        let steady = clock.now().uptime
        loop.execute { [self] in
            for interval in skipped { noteMissed(interval, count: 1) }
            for interval in due {
                evaluate(interval, at: time, steady: steady)
                running.withLock { _ = $0.remove(interval) }
            }
        }
    }

    /// An extra evaluation of the alerting rules that read one of these metrics.
    func evaluateEdge(metrics: Set<String>, at time: Timestamp) {
        let steady = clock.now().uptime
        loop.execute { [self] in
            let evaluations = box.value.runner.evaluateEdge(metrics: metrics, at: time, steady: steady)
            guard !evaluations.isEmpty else { return }
            counted.withLock { $0.edgeEvaluations &+= 1 }
            for (evaluation, news) in evaluations { finish(evaluation, news) }
            tellFiring()
        }
    }

    /// Ticks of groups with this interval passed unseen.
    func missed(_ interval: Duration, count: Int64) {
        loop.execute { [self] in noteMissed(interval, count: count) }
    }

    /// The notifications have everything up to this number on their disk.
    func confirm(news number: Int64) {
        loop.execute { [self] in box.value.runner.confirm(news: number) }
    }

    /// Asks the manager on its thread; nil when it has stopped.
    func access<Result: Sendable>(_ body: @escaping @Sendable (RuleManager) -> Result) async -> Result? {
        await loop.run { [self] in body(box.value.manager) }
    }

    // MARK: On the thread

    private func evaluate(_ interval: Duration, at time: Timestamp, steady: Duration) {
        noteSteps()
        let runner = box.value.runner
        let manager = runner.manager
        for group in manager.groups where group.interval(manager.context) == interval {
            let began = clock.now().uptime
            guard let (evaluation, news) = runner.evaluate(group: group.key, at: time, steady: steady) else { continue }
            let took = clock.now().uptime - began
            manager.note(duration: took, ofGroup: group.key)
            counted.withLock {
                $0.evaluations &+= UInt64(max(0, evaluation.rules))
                $0.seconds += took / .seconds(1)
                $0.lastEvaluation = time
            }
            finish(evaluation, news)
        }
        tellFiring()
        hand(runner.reconcile(at: Timestamp(milliseconds: clock.now().unixMilliseconds)))
        lookOver(at: time)
    }

    /// Says once that the clock was set; the rules find out by themselves.
    private func noteSteps() {
        let steps = steps()
        guard steps.count != box.value.steps.count else { return }
        let distance = steps.total - box.value.steps.total
        box.value.steps = steps
        logger.warning("clock.was_set", metadata: ["seconds": .string("\(distance / .seconds(1))")])
    }

    private func finish(_ evaluation: GroupEvaluation, _ news: [RuleRunner.News]) {
        counted.withLock { $0.failures &+= UInt64(max(0, evaluation.failures.count)) }
        log(evaluation)
        hand(news)
    }

    private func hand(_ news: [RuleRunner.News]) {
        for item in news {
            switch item {
            case .alerts(let alerts, let number): notify(alerts, number)
            case .active(let fingerprints): reconcile(fingerprints)
            }
        }
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
            logger.notice("rule.recovered", metadata: ["rule": .string(String(name.dropFirst(prefix.count)))])
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
        guard box.value.tellsFiring, box.value.runner.knowsWhatFires else { return }
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
}

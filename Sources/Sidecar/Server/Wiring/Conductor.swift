// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import TimeSeries

/// The one place that owns time: starts scrapes on their ticks, knows when a tick's inputs are all in, and has the rules
/// evaluated then. Everything happens on the I/O loop's thread.
final class Conductor {
    /// What becomes due.
    enum Member: Hashable, Sendable {
        case scrape(String)
        /// All rule groups of one interval.
        case rules(Duration)
        /// The sidecar's own metrics, and whatever is done once a tick.
        case own
    }

    /// What an evaluation waits for.
    enum Input: Hashable, Sendable {
        case scrape(String)
        case check(String)
        case own
    }

    /// A scrape target as it is scheduled.
    struct Scrape {
        let interval: Duration
        /// After the tick, the same over restarts.
        let offset: Duration
        /// Starts a scrape whose samples carry the timestamp; calls back on this thread after the commit.
        let start: (Timestamp, @escaping (Ended) -> Void) -> Void
    }

    /// What came of a scrape, as far as the rules are concerned.
    struct Ended {
        /// Whether `up` is another than before.
        let changed: Bool
        /// Metrics that an extra evaluation would have to read.
        let metricNames: Set<String>
    }

    struct Actions {
        /// Evaluate all groups of these intervals, at that time.
        let evaluate: (_ intervals: [Duration], _ at: Timestamp) -> Void
        /// Evaluate the alerting rules that read one of these metrics.
        let evaluateEdge: (_ metrics: Set<String>, _ at: Timestamp) -> Void
        /// Collect the sidecar's own metrics.
        let collectOwn: (_ at: Timestamp) -> Void
        /// A scrape has ended and was committed.
        let scraped: () -> Void
        /// Ticks that passed unseen.
        let missed: (_ member: Member, _ count: Int64) -> Void
    }

    private let loop: EventLoop
    private let actions: Actions
    private let checks: CheckLoop
    private var clock: TickClock
    private var schedule: TickSchedule<Member>
    private var barrier = EvaluationBarrier<Input>()
    private var pending: (intervals: [Duration], at: Timestamp)?
    private var scrapes: [String: Scrape] = [:]
    private var timer: LoopTimer?
    private var isStopped = false

    init(
        loop: EventLoop,
        clock: HealthClock,
        epoch: Duration,
        checks: (Conductor.ClockReference) -> CheckLoop,
        actions: Actions
    ) {
        self.loop = loop
        self.actions = actions
        self.clock = TickClock(clock)
        schedule = TickSchedule(epoch: epoch)
        let reference = ClockReference()
        self.checks = checks(reference)
        reference.conductor = self
    }

    /// Lets the check loop ask for tick timestamps and report back, though it is made first.
    final class ClockReference {
        weak var conductor: Conductor?

        func timestamp(of tick: Duration) -> Timestamp {
            conductor?.clock.timestamp(of: tick) ?? .distantPast
        }

        func finished(_ finished: CheckLoop.Finished) { conductor?.checkFinished(finished) }
    }

    // MARK: What runs

    /// Replaces the scrape targets and rule intervals; what stays keeps its rhythm.
    func configure(scrapes new: [String: Scrape], ruleIntervals: Set<Duration>, ownInterval: Duration) {
        let now = clock.now.uptime
        var wanted: [Member: Duration] = [.own: ownInterval]
        for (name, scrape) in new { wanted[.scrape(name)] = scrape.interval }
        for interval in ruleIntervals { wanted[.rules(interval)] = interval }
        for member in schedule.members {
            if case .scrape(let name) = member, scrapes[name]?.interval == new[name]?.interval, new[name] != nil {
                continue
            }
            if wanted[member] == nil || member == .own { schedule.remove(member) }
            if case .scrape = member { schedule.remove(member) }
        }
        scrapes = new
        let present = Set(schedule.members)
        for (member, interval) in wanted.sorted(by: { "\($0.key)" < "\($1.key)" }) where !present.contains(member) {
            schedule.add(member, interval: interval, at: now)
        }
        arm()
    }

    /// Replaces the scrape targets alone: discovery has found others.
    func replace(scrapes new: [String: Scrape]) {
        let now = clock.now.uptime
        for (name, old) in scrapes where new[name]?.interval != old.interval { schedule.remove(.scrape(name)) }
        let present = Set(schedule.members)
        scrapes = new
        for (name, scrape) in new.sorted(by: { $0.key < $1.key }) where !present.contains(.scrape(name)) {
            schedule.add(.scrape(name), interval: scrape.interval, at: now)
        }
        arm()
    }

    func configure(
        checks entries: [CheckLoop.Entry],
        conditions: [CheckDescriptor]
    ) throws(DependencyGraph.Problem) {
        try checks.configure(entries, conditions: conditions)
    }

    func finish(_ attempt: CheckScheduler.Attempt, _ result: CheckResult) { checks.finish(attempt, result) }

    func hurry(check: String) { checks.hurry(check) }

    var skippedCheckTicks: [(check: String, skipped: UInt64)] { checks.skippedTicks() }

    var clockJumps: UInt64 { clock.jumps }

    func stop() {
        isStopped = true
        if let timer { loop.cancel(timer) }
        timer = nil
        checks.stop()
    }

    // MARK: Ticks

    private func arm() {
        if let timer { loop.cancel(timer) }
        timer = nil
        guard !isStopped, let next = schedule.nextTick else { return }
        timer = loop.schedule(after: max(.zero, next - clock.now.uptime)) { [unowned self] in
            timer = nil
            if let tick = schedule.advance(to: clock.now.uptime) { run(tick) }
            arm()
        }
    }

    private func run(_ tick: TickSchedule<Member>.Tick) {
        let timestamp = clock.timestamp(of: tick.at)
        for (member, count) in tick.missed { actions.missed(member, count) }
        var inputs: Set<Input> = []
        var intervals: [Duration] = []
        var due: [(name: String, scrape: Scrape)] = []
        var collectsOwn = false
        for member in tick.due {
            switch member {
            case .scrape(let name):
                guard let scrape = scrapes[name] else { continue }
                inputs.insert(.scrape(name))
                due.append((name, scrape))
            case .rules(let interval): intervals.append(interval)
            case .own:
                inputs.insert(.own)
                collectsOwn = true
            }
        }
        if !intervals.isEmpty {
            flush()
            for check in checks.due(at: tick.at) { inputs.insert(.check(check)) }
            pending = (intervals, timestamp)
            if barrier.begin(tick: tick.at, inputs: inputs) {
                flush()
            } else {
                _ = loop.schedule(after: EvaluationBarrier<Input>.patience) { [weak self] in
                    guard let self, barrier.expire(tick: tick.at) else { return }
                    flush()
                }
            }
        }
        for (name, scrape) in due {
            guard scrape.offset > .zero else {
                start(name, scrape, at: timestamp)
                continue
            }
            _ = loop.schedule(after: scrape.offset) { [weak self] in self?.start(name, scrape, at: timestamp) }
        }
        // Behind the checks of this tick: whoever has to answer is asked before we look at ourselves.
        if collectsOwn { _ = loop.schedule(after: .zero) { [weak self] in self?.collectOwn(at: timestamp) } }
    }

    private func collectOwn(at timestamp: Timestamp) {
        guard !isStopped else { return }
        actions.collectOwn(timestamp)
        inputFinished(.own, changed: false, metrics: [])
    }

    private func start(_ name: String, _ scrape: Scrape, at timestamp: Timestamp) {
        guard !isStopped else { return }
        scrape.start(timestamp) { [weak self] ended in
            guard let self else { return }
            actions.scraped()
            inputFinished(.scrape(name), changed: ended.changed, metrics: ended.metricNames)
        }
    }

    private func checkFinished(_ finished: CheckLoop.Finished) {
        inputFinished(.check(finished.check), changed: finished.changed, metrics: finished.metricNames)
    }

    /// An extra scrape after a connection edge has been committed, at its own time.
    func edgeScrapeFinished(_ ended: Ended) {
        actions.scraped()
        if ended.changed { actions.evaluateEdge(ended.metricNames, clock.timestampNow) }
    }

    private func inputFinished(_ input: Input, changed: Bool, metrics: Set<String>) {
        switch barrier.finish(input) {
        case .none: break
        case .evaluate: flush()
        case .late:
            // What changed and comes late, or at its own time, does not wait for the next tick.
            if changed, !isStopped { actions.evaluateEdge(metrics, clock.timestampNow) }
        }
    }

    private func flush() {
        guard let pending else { return }
        self.pending = nil
        guard !isStopped else { return }
        actions.evaluate(pending.intervals, pending.at)
    }
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import TimeSeries

/// Runs the health checks on the I/O loop: starts attempts when the scheduler says so, records answers, writes their series.
///
/// Everything here happens on the loop's thread; answers that come from elsewhere are handed over to it first.
final class CheckLoop {
    /// A check as it is scheduled.
    struct Entry {
        let check: any HealthCheck
        let settings: CheckSettings
    }

    /// What the rest of the wiring wants to know of a finished attempt.
    struct Finished {
        let check: String
        /// The grid tick it belonged to.
        let tick: Duration
        let timestamp: Timestamp
        /// Whether its raw answer differs from the one before.
        let changed: Bool
        /// Names of the series that it wrote.
        let metricNames: Set<String>
    }

    private let loop: EventLoop
    private let store: TimeSeriesStore
    private let registry: HealthRegistry
    private let epoch: Duration
    private let start: (CheckScheduler.Attempt, any HealthCheck) -> Void
    private let timestamp: (Duration) -> Timestamp
    private let clock: HealthClock
    private let publish: ([CheckSample], CheckDescriptor) -> Void
    private let finished: (Finished) -> Void

    private var scheduler: CheckScheduler
    private var entries: [String: Entry] = [:]
    private var series: [String: CheckSeries] = [:]
    private var timer: LoopTimer?
    private var wasUp: [String: Bool] = [:]
    private var upSeries: [String: [CheckSample]] = [:]

    /// - Parameters:
    ///   - start: begins an attempt elsewhere; its answer comes back through `finish`.
    ///   - timestamp: the timestamp of a grid tick.
    ///   - publish: gets all samples of an attempt, for `/metrics`.
    ///   - finished: called after the series of an attempt were committed.
    init(
        loop: EventLoop,
        store: TimeSeriesStore,
        registry: HealthRegistry,
        epoch: Duration,
        clock: HealthClock,
        timestamp: @escaping (Duration) -> Timestamp,
        start: @escaping (CheckScheduler.Attempt, any HealthCheck) -> Void,
        publish: @escaping ([CheckSample], CheckDescriptor) -> Void,
        finished: @escaping (Finished) -> Void
    ) {
        self.loop = loop
        self.store = store
        self.registry = registry
        self.epoch = epoch
        self.clock = clock
        self.timestamp = timestamp
        self.start = start
        self.publish = publish
        self.finished = finished
        scheduler = CheckScheduler(epoch: epoch)
    }

    /// Replaces the set of checks; one that stays keeps its schedule and series. `conditions` are registered beside them
    /// and recorded elsewhere.
    func configure(_ checks: [Entry], conditions: [CheckDescriptor] = []) throws(DependencyGraph.Problem) {
        let now = clock.now()
        let descriptors = checks.map { CheckDescriptor($0.check, settings: $0.settings) }
        try registry.configure(descriptors + conditions, at: now)
        let names = Set(descriptors.map(\.name))
        for name in entries.keys where !names.contains(name) {
            scheduler.remove(name)
            series.removeValue(forKey: name)?.retire(at: Timestamp(milliseconds: now.unixMilliseconds))
            entries[name] = nil
            wasUp[name] = nil
            upSeries[name] = nil
        }
        for (entry, descriptor) in zip(checks, descriptors) {
            if let known = entries[descriptor.name],
                known.check.instance != entry.check.instance || known.check.kind != entry.check.kind
            {
                series.removeValue(forKey: descriptor.name)?.retire(at: Timestamp(milliseconds: now.unixMilliseconds))
            }
            entries[descriptor.name] = entry
            if series[descriptor.name] == nil {
                series[descriptor.name] = CheckSeries(store: store, descriptor: descriptor)
            }
            scheduler.schedule(descriptor.name, settings: entry.settings, at: now.uptime)
        }
        arm()
    }

    /// The checks whose regular attempt of this tick is about to start.
    func due(at tick: Duration) -> [String] {
        entries.compactMap { name, entry in
            guard !scheduler.isRunning(name) else { return nil }
            let distance = (tick - epoch) / entry.settings.interval
            return abs(distance - distance.rounded()) < 1e-6 ? name : nil
        }
    }

    func skippedTicks() -> [(check: String, skipped: UInt64)] {
        scheduler.checks.map { ($0, scheduler.skippedTicks(of: $0)) }
    }

    /// A connection of the check has closed: attempt it at once.
    func hurry(_ check: String) {
        scheduler.hurry(check, at: clock.now().uptime)
        arm()
    }

    /// The answer of an attempt. On the loop's thread.
    func finish(_ attempt: CheckScheduler.Attempt, _ result: CheckResult) {
        record(attempt, result, final: true)
        arm()
    }

    /// Stops starting attempts.
    func stop() {
        if let timer { loop.cancel(timer) }
        timer = nil
        for name in entries.keys { scheduler.remove(name) }
        entries.removeAll()
    }

    private func arm() {
        if let timer { loop.cancel(timer) }
        timer = nil
        guard let next = scheduler.nextDeadline else { return }
        timer = loop.schedule(after: max(.zero, next - clock.now().uptime)) { [unowned self] in
            timer = nil
            advance()
        }
    }

    private func advance() {
        let now = clock.now()
        for action in scheduler.advance(to: now.uptime) {
            switch action {
            case .start(let attempt):
                guard let entry = entries[attempt.check] else { continue }
                start(attempt, entry.check)
            case .abandon(let attempt):
                let text = "no answer within the deadline and its grace"
                record(attempt, .down(.timeout, text, duration: attempt.deadline), final: false)
            }
        }
        arm()
    }

    private func record(_ attempt: CheckScheduler.Attempt, _ result: CheckResult, final: Bool) {
        let now = clock.now()
        guard let entry = entries[attempt.check] else { return }
        if final {
            let counts = scheduler.finish(
                attempt,
                at: now.uptime,
                recheckNow: false,
                forbidsQuickRetry: result.reason?.forbidsQuickRetry ?? false
            )
            guard counts else { return }
        }
        let observation = registry.record(result, for: attempt.check, at: now)
        if observation.recheckNow, !(result.reason?.forbidsQuickRetry ?? false) {
            scheduler.hurry(attempt.check, at: now.uptime)
        }
        let isGrid = isOnGrid(attempt.tick, entry.settings.interval)
        let moment = isGrid ? timestamp(attempt.tick) : Timestamp(milliseconds: now.unixMilliseconds)
        write(result, of: attempt.check, at: moment)
        let changed = wasUp.updateValue(result.isUp, forKey: attempt.check) != result.isUp
        finished(
            Finished(
                check: attempt.check,
                tick: attempt.tick,
                timestamp: moment,
                changed: changed,
                metricNames: Set(result.samples.map(\.name)).union(["health_check_up", "health_check_state"])
            )
        )
    }

    private func isOnGrid(_ tick: Duration, _ interval: Duration) -> Bool {
        let distance = (tick - epoch) / interval
        return abs(distance - distance.rounded()) < 1e-6
    }

    /// The exporters' own `…_up` is always there: an attempt that ended without samples repeats those of the last one as 0.
    private func write(_ result: CheckResult, of name: String, at moment: Timestamp) {
        guard let status = registry.snapshot.check(named: name) else { return }
        var samples = result.samples
        if samples.isEmpty {
            samples = (upSeries[name] ?? []).map { CheckSample($0.family, $0.labels, result.isUp ? 1 : 0) }
        } else {
            upSeries[name] = samples.filter { $0.name.hasSuffix("_up") || $0.name == "probe_success" }
        }
        samples.append(contentsOf: HealthSeries.samples(of: status))
        _ = series[name]?.commit(samples, at: moment)
        publish(samples, status.descriptor)
    }
}

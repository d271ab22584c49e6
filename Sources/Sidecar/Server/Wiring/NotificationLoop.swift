// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import Notifications
import TimeSeries

/// Gives the notification engine its thread, its clock and its wake-ups. The engine commits to disk, so it shares the
/// thread with nobody.
final class NotificationLoop: Sendable {
    private struct State {
        let engine: NotificationEngine
        var timer: LoopTimer?
        var isStopped = false
        /// What the rules know to be on disk.
        var confirmed: Int64
    }

    private final class Box {
        var state: State
        init(_ state: State) { self.state = state }
    }

    private let loop: EventLoop
    private let clock: HealthClock
    private let perform: @Sendable (DeliveryAttempt) -> Void
    private let report: @Sendable ([HistoryRecord]) -> Void
    private let confirm: @Sendable (Int64) -> Void
    private let box: LoopBound<Box>

    /// The engine must have been made for this use alone; nobody else touches it afterwards.
    ///
    /// - Parameters:
    ///   - perform: starts an attempt; its outcome comes back through `complete`.
    ///   - confirm: hears of each number of the rules' news that is on disk, with all before it.
    ///   - report: gets what went wrong, in order: first failures, dead letters, refused alerts, failed templates.
    init(
        loop: EventLoop,
        clock: HealthClock,
        engine: sending NotificationEngine,
        perform: @escaping @Sendable (DeliveryAttempt) -> Void,
        confirm: @escaping @Sendable (Int64) -> Void,
        report: @escaping @Sendable ([HistoryRecord]) -> Void
    ) {
        self.loop = loop
        self.clock = clock
        self.perform = perform
        self.confirm = confirm
        self.report = report
        box = LoopBound(Box(State(engine: engine, confirmed: engine.storedReceipt)), on: loop)
    }

    private var now: Timestamp { Timestamp(milliseconds: clock.now().unixMilliseconds) }

    /// Takes alerts as they stand now.
    ///
    /// - Parameter number: of the news, where the sender counts it.
    func process(_ alerts: [Alert], number: Int64 = 0) {
        step { engine, now in engine.process(alerts, number: number, at: now) }
    }

    /// Says which alerts of the rules fire at all, after the first whole evaluation.
    func reconcile(active: Set<UInt64>) {
        step { engine, now in engine.reconcile(source: .rules, active: active, at: now) }
    }

    func reload(_ configuration: NotificationConfiguration) {
        step { engine, now in engine.reload(configuration, at: now) }
    }

    func complete(_ attempt: DeliveryAttempt, _ outcome: DeliveryOutcome) {
        step { engine, now in
            engine.complete(attempt, outcome, at: now)
            return engine.tick(at: now)
        }
    }

    /// Asks or changes the engine on its thread; nil when it has stopped.
    func access<Result: Sendable>(_ body: @escaping @Sendable (NotificationEngine, Timestamp) -> Result) async
        -> Result?
    {
        await loop.run { [self] in
            let result = body(box.value.state.engine, now)
            start(box.value.state.engine.tick(at: now))
            arm()
            return result
        }
    }

    /// Looks at the engine on its thread, without waiting for the answer.
    func read(_ body: @escaping @Sendable (NotificationEngine, Timestamp) -> Void) {
        loop.execute { [self] in body(box.value.state.engine, now) }
    }

    /// Begins to act; what a restart found is due at once.
    func start() {
        step { engine, now in engine.tick(at: now) }
    }

    /// Starts no more attempts.
    func stop() {
        loop.execute { [self] in
            box.value.state.isStopped = true
            if let timer = box.value.state.timer { loop.cancel(timer) }
            box.value.state.timer = nil
        }
    }

    private func step(_ body: @escaping @Sendable (NotificationEngine, Timestamp) -> [DeliveryAttempt]) {
        loop.execute { [self] in
            start(body(box.value.state.engine, now))
            arm()
        }
    }

    private func start(_ attempts: [DeliveryAttempt]) {
        for attempt in attempts { perform(attempt) }
        let events = box.value.state.engine.takeEvents()
        if !events.isEmpty { report(events) }
        let stored = box.value.state.engine.storedReceipt
        if stored != box.value.state.confirmed {
            box.value.state.confirmed = stored
            confirm(stored)
        }
    }

    private func arm() {
        if let timer = box.value.state.timer { loop.cancel(timer) }
        box.value.state.timer = nil
        guard !box.value.state.isStopped, let wakeUp = box.value.state.engine.nextWakeUp else { return }
        let delay = min(max(.zero, wakeUp - now), .seconds(3_600))
        box.value.state.timer = loop.schedule(after: delay) { [self] in
            box.value.state.timer = nil
            step { engine, now in engine.tick(at: now) }
        }
    }
}

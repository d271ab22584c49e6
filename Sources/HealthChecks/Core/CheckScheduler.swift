// SPDX-License-Identifier: Apache-2.0

/// Says when which check starts. A value without clock, thread or code of checks: the loop that owns it tells it the
/// time, does what it returns, and sleeps until ``nextDeadline``.
///
/// Ticks of an interval lie on a grid that starts at `epoch`, so that everything with one interval shares its tick.
/// Inside a tick each check starts at an offset that depends on its name, at most a tenth of the interval, at most
/// 100 ms, and at most 1 ms for each check beyond ten: a few need no spreading, and the rules wait for all of them. A check
/// never runs twice at the same time: ticks that pass meanwhile are skipped and counted, never made up for.
public struct CheckScheduler: Sendable {
    /// One attempt of one check.
    public struct Attempt: Sendable, Hashable {
        /// The check's name.
        public let check: String
        /// Distinguishes this attempt from an earlier one whose answer comes late.
        public let number: UInt64
        /// The tick to which the attempt's samples belong, on the monotonic clock.
        public let tick: Duration
        /// How long it may take.
        public let deadline: Duration
    }

    /// What the loop has to do now.
    public enum Action: Sendable, Hashable {
        /// Start this attempt and call ``CheckScheduler/finish(_:at:recheckNow:forbidsQuickRetry:)`` when it ends.
        case start(Attempt)
        /// The attempt is over its deadline: record a timeout. Still call `finish` when it returns.
        case abandon(Attempt)
    }

    private struct Entry: Sendable {
        var settings: CheckSettings
        /// Where in the spread the check starts, from 0 up to 1.
        let place: Double
        /// The next regular tick.
        var tick: Duration
        /// When to start: the tick and the offset, or earlier when hurried.
        var due: Duration
        var running: Attempt?
        var abandonAt: Duration?
        var skipped: UInt64 = 0
        var recheck = false
        var notBefore: Duration?
    }

    /// How long an attempt may overrun before it is recorded as a timeout without its answer.
    public static let grace = Duration.milliseconds(50)
    /// How long to wait after an answer that forbids a quick retry.
    public static let slowRetry = Duration.seconds(30)

    private let epoch: Duration
    private var entries: [String: Entry] = [:]
    private var nextNumber: UInt64 = 1
    private var order: [String] = []

    /// Creates an empty schedule whose tick grid starts at `epoch`.
    public init(epoch: Duration) { self.epoch = epoch }

    /// The names of the scheduled checks, sorted.
    public var checks: [String] { order }

    /// Ticks that passed while the check was still running or held back.
    public func skippedTicks(of check: String) -> UInt64 { entries[check]?.skipped ?? 0 }

    /// Whether an attempt of the check has been started and has not returned.
    public func isRunning(_ check: String) -> Bool { entries[check]?.running != nil }

    /// Adds a check, or changes the settings of one that is there. A new one starts at its offset from `now`, without
    /// waiting for the next tick.
    public mutating func schedule(_ check: String, settings: CheckSettings, at now: Duration) {
        let place = Double(Self.hash(check) % 1_000) / 1_000
        if var entry = entries[check] {
            let intervalChanged = entry.settings.interval != settings.interval
            entry.settings = settings
            if intervalChanged {
                entry.tick = tick(before: now, interval: settings.interval)
                entry.due = now + offset(of: entry)
            }
            entries[check] = entry
        } else {
            let tick = tick(before: now, interval: settings.interval)
            var entry = Entry(settings: settings, place: place, tick: tick, due: now)
            entry.due = now + offset(of: entry)
            entries[check] = entry
            order.insert(check, at: order.firstIndex { $0 > check } ?? order.endIndex)
        }
    }

    /// Removes a check; an attempt under way may still be finished, which then does nothing.
    public mutating func remove(_ check: String) {
        entries[check] = nil
        order.removeAll { $0 == check }
    }

    /// When ``advance(to:)`` has something to do next; nil when nothing is scheduled.
    public var nextDeadline: Duration? {
        var next: Duration?
        for entry in entries.values {
            let wakeUp = entry.abandonAt.map { min($0, entry.due) } ?? entry.due
            next = next.map { min($0, wakeUp) } ?? wakeUp
        }
        return next
    }

    /// Everything that is due at `now`, in the order of names.
    public mutating func advance(to now: Duration) -> [Action] {
        var actions: [Action] = []
        for check in order {
            guard var entry = entries[check] else { continue }
            if let abandonAt = entry.abandonAt, now >= abandonAt, let running = entry.running {
                entry.abandonAt = nil
                actions.append(.abandon(running))
            }
            if now >= entry.due { fire(&entry, check: check, at: now).map { actions.append(.start($0)) } }
            entries[check] = entry
        }
        return actions
    }

    /// Makes a check due at once: after a first failure, or when a watched connection has closed. Does nothing while
    /// it runs.
    public mutating func hurry(_ check: String, at now: Duration) {
        guard var entry = entries[check], entry.running == nil else { return }
        entry.due = now
        entry.recheck = true
        entries[check] = entry
    }

    /// Tells that an attempt has returned.
    ///
    /// - Returns: whether its answer counts; false when the check is gone or a timeout was recorded in its place.
    public mutating func finish(
        _ attempt: Attempt,
        at now: Duration,
        recheckNow: Bool = false,
        forbidsQuickRetry: Bool = false
    ) -> Bool {
        guard var entry = entries[attempt.check], entry.running?.number == attempt.number else { return false }
        let counts = entry.abandonAt != nil
        entry.running = nil
        entry.abandonAt = nil
        entry.notBefore = forbidsQuickRetry ? now + Self.slowRetry : nil
        if recheckNow, counts {
            entry.due = now
            entry.recheck = true
        }
        entries[attempt.check] = entry
        return counts
    }

    private mutating func begin(_ entry: inout Entry, check: String, tick: Duration, at now: Duration) -> Attempt {
        let attempt = Attempt(check: check, number: nextNumber, tick: tick, deadline: entry.settings.timeout)
        nextNumber &+= 1
        entry.running = attempt
        entry.abandonAt = now + entry.settings.timeout + Self.grace
        return attempt
    }

    /// Starts the check if it can be started, and finds its next tick.
    private mutating func fire(_ entry: inout Entry, check: String, at now: Duration) -> Attempt? {
        let interval = entry.settings.interval
        var tick = now
        if entry.recheck {
            if entry.tick + offset(of: entry) <= now {
                entry.tick = self.tick(before: now, interval: interval) + interval
            }
        } else {
            let missed = Self.quotient(now - entry.due, interval)
            entry.skipped &+= UInt64(missed)
            tick = entry.tick + interval * missed
            entry.tick = tick + interval
        }
        entry.due = entry.tick + offset(of: entry)
        let isRecheck = entry.recheck
        entry.recheck = false
        guard entry.running == nil, entry.notBefore.map({ now >= $0 }) ?? true else {
            if !isRecheck { entry.skipped &+= 1 }
            return nil
        }
        return begin(&entry, check: check, tick: tick, at: now)
    }

    /// The last tick of the grid that is not after `now`.
    private func tick(before now: Duration, interval: Duration) -> Duration {
        epoch + interval * Self.quotient(now - epoch, interval)
    }

    private func offset(of entry: Entry) -> Duration {
        let spread = min(entry.settings.interval / 10, .milliseconds(100), .milliseconds(1) * max(order.count - 10, 0))
        return spread * entry.place
    }

    /// Whole intervals in a distance, rounded down, zero for negative distances.
    private static func quotient(_ distance: Duration, _ interval: Duration) -> Int64 {
        guard distance > .zero else { return 0 }
        let ratio = distance / interval
        guard ratio < 1e15 else { return 0 }
        var whole = Int64(ratio)
        if interval * whole > distance { whole -= 1 } else if interval * (whole + 1) <= distance { whole += 1 }
        return whole
    }

    /// FNV-1a, the same in every run.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

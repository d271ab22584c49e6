// SPDX-License-Identifier: Apache-2.0

public import Calendar

/// When a heart-beat is expected.
public enum HeartbeatSchedule: Sendable, Hashable {
    /// At most so much time between two successes.
    case period(Duration)
    /// At the times of a cron expression in a time zone.
    case cron(CronSchedule, TimeZoneRules)
}

/// What a job tells.
public enum HeartbeatSignal: Sendable, Hashable {
    /// It has begun.
    case start
    /// It has ended well.
    case success
    /// It has ended badly.
    case failure
    /// It says something; changes nothing.
    case log
    /// It has ended with an exit status; 0 is good.
    case exitStatus(Int)
}

/// Watches one job from its signals: a value that takes unix milliseconds, because it outlives the process.
///
/// As Healthchecks does it: new until the first signal; up; in grace when the next success is overdue; down when it is
/// overdue by more than the grace time, when the job says that it failed, or when a started run does not end in time.
public struct HeartbeatMachine: Sendable, Hashable {
    /// What is known about the job.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Never heard of.
        case new
        /// In time.
        case up
        /// Overdue, within the grace time.
        case grace
        /// Overdue beyond the grace time, or failed.
        case down
    }

    /// A change of state.
    public struct Transition: Sendable, Hashable {
        /// The state before.
        public let from: State
        /// The state now.
        public let to: State
        /// When.
        public let unixMilliseconds: Int64
        /// Whether the job itself reported failure.
        public let wasReported: Bool
    }

    /// What is kept over restarts; runs under way at that moment end without a duration.
    public struct Record: Sendable, Hashable {
        /// The state as of the last signal or look.
        public var state: State
        /// Unix milliseconds of the last success or failure.
        public var lastPing: Int64?
        /// Unix milliseconds of the start of a run that has not ended.
        public var lastStart: Int64?
        /// How long the last run took.
        public var lastDuration: Duration?
        /// Signals so far.
        public var signals: UInt64

        /// Creates a record.
        public init(
            state: State = .new,
            lastPing: Int64? = nil,
            lastStart: Int64? = nil,
            lastDuration: Duration? = nil,
            signals: UInt64 = 0
        ) {
            self.state = state
            self.lastPing = lastPing
            self.lastStart = lastStart
            self.lastDuration = lastDuration
            self.signals = signals
        }
    }

    /// Runs remembered at the same time, for their durations.
    private static let runLimit = 100

    /// When the job is expected.
    public let schedule: HeartbeatSchedule
    /// How late it may be.
    public let grace: Duration
    /// As of the last signal or ``advance(to:)``.
    public private(set) var state = State.new
    /// The last success or failure.
    public private(set) var lastPing: Int64?
    /// The start of a run that has not ended.
    public private(set) var lastStart: Int64?
    /// How long the last run took.
    public private(set) var lastDuration: Duration?
    /// Signals so far.
    public private(set) var signals: UInt64 = 0
    private var runs: [String: Int64] = [:]

    /// Creates a machine that has not heard anything.
    public init(schedule: HeartbeatSchedule, grace: Duration) {
        self.schedule = schedule
        self.grace = max(grace, .zero)
    }

    /// Creates a machine that goes on from what was kept, possibly with another schedule.
    public init(schedule: HeartbeatSchedule, grace: Duration, record: Record) {
        self.init(schedule: schedule, grace: grace)
        state = record.state
        lastPing = record.lastPing
        lastStart = record.lastStart
        lastDuration = record.lastDuration
        signals = record.signals
    }

    /// What has to be kept.
    public var record: Record {
        Record(
            state: state,
            lastPing: lastPing,
            lastStart: lastStart,
            lastDuration: lastDuration,
            signals: signals
        )
    }

    /// Takes in a signal.
    ///
    /// - Parameters:
    ///   - signal: what the job says.
    ///   - run: pairs an end with its start where runs overlap.
    ///   - now: unix milliseconds.
    public mutating func receive(_ signal: HeartbeatSignal, run: String? = nil, at now: Int64) -> Transition? {
        signals &+= 1
        switch signal {
        case .log:
            return advance(to: now)
        case .start:
            let overdue = advance(to: now)
            lastStart = now
            if let run, runs.count < Self.runLimit { runs[run] = now }
            return overdue
        case .success: return end(well: true, run: run, at: now)
        case .failure: return end(well: false, run: run, at: now)
        case .exitStatus(let status): return end(well: status == 0, run: run, at: now)
        }
    }

    /// Lets time pass.
    public mutating func advance(to now: Int64) -> Transition? {
        guard state == .up || state == .grace || (state == .new && lastStart != nil) else { return nil }
        if let down = downAt, now >= down { return move(to: .down, at: now, wasReported: false) }
        if state == .up, let due = dueAt, now >= due { return move(to: .grace, at: now, wasReported: false) }
        return nil
    }

    /// When the next success is due, in unix milliseconds; nil before the first signal.
    public var dueAt: Int64? {
        guard let lastPing else { return nil }
        switch schedule {
        case .period(let period): return Self.add(lastPing, period)
        case .cron(let cron, let zone):
            return cron.next(after: lastPing / 1_000, in: zone).map { $0 * 1_000 }
        }
    }

    /// When the state becomes down if nothing is heard; nil when it never does.
    public var downAt: Int64? {
        let overdue = dueAt.map { Self.add($0, grace) }
        let unfinished = lastStart.map { Self.add($0, grace) }
        guard let overdue, let unfinished else { return overdue ?? unfinished }
        return min(overdue, unfinished)
    }

    private mutating func end(well: Bool, run: String?, at now: Int64) -> Transition? {
        let start = run.flatMap { runs.removeValue(forKey: $0) } ?? (run == nil ? lastStart : nil)
        lastDuration = start.map { .milliseconds(max(now - $0, 0)) }
        if run == nil { runs = [:] }
        if runs.isEmpty { lastStart = nil }
        lastPing = now
        let before = state
        state = well ? .up : .down
        guard before != state else { return nil }
        return Transition(from: before, to: state, unixMilliseconds: now, wasReported: true)
    }

    private mutating func move(to next: State, at now: Int64, wasReported: Bool) -> Transition {
        let before = state
        state = next
        if next == .down { lastStart = nil }
        return Transition(from: before, to: next, unixMilliseconds: now, wasReported: wasReported)
    }

    private static func add(_ time: Int64, _ duration: Duration) -> Int64 {
        let (sum, overflow) = time.addingReportingOverflow(duration.wholeMilliseconds)
        return overflow ? .max : sum
    }
}

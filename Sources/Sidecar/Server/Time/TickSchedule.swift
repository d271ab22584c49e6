// SPDX-License-Identifier: Apache-2.0

/// Says which targets and rule groups are due, on a grid of ticks that everything with one interval shares.
///
/// A value without clock or thread: the loop that owns it tells it the time, does what it returns and sleeps until
/// `nextTick`. A tick that was missed is skipped and counted, never made up for.
package struct TickSchedule<Member: Hashable & Sendable>: Sendable {
    /// What one tick starts.
    package struct Tick: Sendable, Equatable {
        /// Monotonic time of the tick; a multiple of the intervals of all its members after the epoch.
        package let at: Duration
        /// In the order in which they were added.
        package let due: [Member]
        /// Ticks of these members that passed unseen since the last one.
        package let missed: [Member: Int64]
    }

    private struct Cadence: Sendable {
        var interval: Duration
        var next: Duration
        var members: [Member] = []
    }

    private let epoch: Duration
    private var cadences: [Cadence] = []

    /// Creates an empty schedule whose grid starts at `epoch` on the monotonic clock.
    package init(epoch: Duration) {
        self.epoch = epoch
    }

    /// When `advance(to:)` has something to do next; nil when nothing is scheduled.
    package var nextTick: Duration? { cadences.lazy.map { $0.next }.min() }

    package var members: [Member] { cadences.flatMap(\.members) }

    /// Adds a member, whose first tick is the next one of its interval. An interval under a millisecond counts as one.
    package mutating func add(_ member: Member, interval: Duration, at now: Duration) {
        let interval = max(interval, .milliseconds(1))
        if let index = cadences.firstIndex(where: { $0.interval == interval }) {
            if !cadences[index].members.contains(member) { cadences[index].members.append(member) }
        } else {
            let next = epoch + interval * max(0, Self.quotient(now - epoch, interval, roundingUp: true))
            cadences.append(Cadence(interval: interval, next: next, members: [member]))
        }
    }

    package mutating func remove(_ member: Member) {
        for index in cadences.indices { cadences[index].members.removeAll { $0 == member } }
        cadences.removeAll { $0.members.isEmpty }
    }

    /// The tick that has come at `now`, or nil. When several were missed, the latest one counts and the others are
    /// reported as missed.
    package mutating func advance(to now: Duration) -> Tick? {
        var latest: Duration?
        var missed: [Member: Int64] = [:]
        var dueAt: [(index: Int, at: Duration)] = []
        for index in cadences.indices where cadences[index].next <= now {
            let interval = cadences[index].interval
            let passed = Self.quotient(now - cadences[index].next, interval, roundingUp: false)
            let tick = cadences[index].next + interval * passed
            if passed > 0 {
                for member in cadences[index].members { missed[member] = passed }
            }
            dueAt.append((index, tick))
            latest = latest.map { max($0, tick) } ?? tick
        }
        guard let latest else { return nil }
        var due: [Member] = []
        for (index, at) in dueAt {
            let interval = cadences[index].interval
            cadences[index].next = at + interval
            // After a pause long ones may lag behind the latest tick; they run with it rather than late and alone.
            due.append(contentsOf: cadences[index].members)
        }
        return Tick(at: latest, due: due, missed: missed)
    }

    private static func quotient(_ distance: Duration, _ interval: Duration, roundingUp: Bool) -> Int64 {
        let nanoseconds = Self.nanoseconds(distance)
        let step = max(1, Self.nanoseconds(interval))
        let whole = nanoseconds / step
        return roundingUp && nanoseconds % step > 0 ? whole + 1 : whole
    }

    /// Nanoseconds, saturating at some 292 years.
    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, overflow2) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow2 ? (seconds < 0 ? .min : .max) : sum
    }
}

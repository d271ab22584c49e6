// SPDX-License-Identifier: Apache-2.0

package import HealthChecks
package import TimeSeries

/// The clock of the wiring: reads both clocks of the machine and remembers which timestamp a tick was given, so that every
/// sample of a tick and its evaluation carry the same one. Belongs to one thread.
package struct TickClock {
    private let clock: HealthClock
    private var timestamps = TickTimestamps()
    private var last: (tick: Duration, timestamp: Timestamp)?

    package init(_ clock: HealthClock) {
        self.clock = clock
    }

    package var now: HealthTime { clock.now() }

    /// For what happens at its own time: edges, repeated checks. The wall clock's, and after it was set back still later
    /// than the last tick's.
    package var timestampNow: Timestamp {
        mutating get { timestamps.timestamp(between: Timestamp(milliseconds: clock.now().unixMilliseconds)) }
    }

    package var jumps: UInt64 { timestamps.jumps }

    /// The timestamp of a tick of the grid; equal for equal ticks as long as no later tick was asked for.
    package mutating func timestamp(of tick: Duration) -> Timestamp {
        if let last, last.tick == tick { return last.timestamp }
        let now = clock.now()
        let late = max(.zero, now.uptime - tick)
        let wall = Timestamp(milliseconds: now.unixMilliseconds)
        if let last, tick < last.tick { return last.timestamp - (last.tick - tick) }
        let timestamp = timestamps.timestamp(of: tick, wall: wall, late: late)
        last = (tick, timestamp)
        return timestamp
    }
}

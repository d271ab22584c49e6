// SPDX-License-Identifier: Apache-2.0

package import HealthChecks
import Synchronization
package import TimeSeries

/// The wall clock as the sidecar tells time: small corrections never turn it back, and a clock that was set is noticed, so
/// that timers can be told.
///
/// Between two readings it runs with the monotonic clock. Up to a second forward it follows at once; up to ten seconds
/// back it runs one part in a hundred slower until the machine's clock has caught up. More than that is a step: time goes
/// where the machine says. May be read from any thread.
package final class SteadyClock: Sendable {
    /// What happened to the machine's clock so far.
    package struct Steps: Sendable, Hashable {
        /// How often it was set.
        package var count: UInt64 = 0
        /// How far in all, forward counted positive.
        package var total = Duration.zero
        /// The time right after the last step.
        package var last = Timestamp.distantPast
    }

    /// From here on a difference forward is a step.
    static let forward: Int64 = 1_000_000_000
    /// From here on a difference back is a step; the store takes such a distance for a clock that was set back.
    static let back = Int64(Timestamp.setBack / .nanoseconds(1))
    /// By which part the clock is slowed to be caught up with.
    static let slowing: Int64 = 100

    private struct State {
        var uptime: Duration
        /// In nanoseconds of Unix time.
        var time: Int64
        var steps = Steps()
    }

    private let source: HealthClock
    private let state: Mutex<State>

    package init(_ source: HealthClock) {
        self.source = source
        let now = source.now()
        state = Mutex(State(uptime: now.uptime, time: Self.nanoseconds(now.unixMilliseconds)))
    }

    /// The clock as a value to hand on.
    package var clock: HealthClock { HealthClock { self.now() } }

    package var steps: Steps { state.withLock { $0.steps } }

    package func now() -> HealthTime {
        state.withLock { state in
            // Read under the lock: readings that overtake each other would look like steps.
            let raw = source.now()
            let elapsed = max(0, Self.nanoseconds(raw.uptime - state.uptime))
            let expected = state.time.addingReportingOverflow(elapsed).partialValue
            let machine = Self.nanoseconds(raw.unixMilliseconds)
            let difference = machine - expected
            if difference >= Self.forward || difference <= -Self.back {
                state.time = machine
                state.steps.count &+= 1
                state.steps.total += .nanoseconds(difference)
                state.steps.last = Timestamp(milliseconds: raw.unixMilliseconds)
            } else {
                state.time = max(machine, expected - elapsed / Self.slowing)
            }
            state.uptime = max(state.uptime, raw.uptime)
            return HealthTime(uptime: raw.uptime, unixMilliseconds: state.time / 1_000_000)
        }
    }

    /// Within a century of now, so that differences cannot overflow.
    private static func nanoseconds(_ milliseconds: Int64) -> Int64 {
        min(max(milliseconds, 0), 4_000_000_000_000) * 1_000_000
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return min(max(seconds, 0), 4_000_000_000) * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}

// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// Gives each tick its wall-clock timestamp: exactly one interval grid apart while the clock runs evenly, so that time
/// columns compress to nothing and `rate` sees no jitter, and along with the clock when it was set.
///
/// The wall clock is read once per tick by the caller. Timestamps go back only where the clock was set back so far that
/// the store goes back, too; else they stay ahead by a millisecond a tick, because it refuses what is not newer.
package struct TickTimestamps: Sendable {
    /// How far the clock may drift from the grid before the grid follows.
    package static let tolerance: Int64 = 50
    /// From here on a difference is a step of the clock, not the drift of two oscillators.
    package static let jump: Int64 = 1_000

    private var anchor: (monotonic: Duration, wall: Int64)?
    private var last: Timestamp?
    /// Times the wall clock was found a second or more away from where it had to be.
    package private(set) var jumps: UInt64 = 0

    package init() {}

    /// The timestamp of the tick at `monotonic`, when the wall clock says `wall`, read `late` after the tick was due.
    package mutating func timestamp(of monotonic: Duration, wall: Timestamp, late: Duration) -> Timestamp {
        let observed = wall.milliseconds.subtractingSaturating(Self.milliseconds(late))
        var value = observed
        if let anchor {
            let expected = anchor.wall.addingSaturating(Self.milliseconds(monotonic - anchor.monotonic))
            let difference = observed.subtractingSaturating(expected)
            if abs(difference) <= Self.tolerance {
                value = expected
            } else {
                if abs(difference) >= Self.jump { jumps &+= 1 }
                self.anchor = (monotonic, observed)
            }
        } else {
            self.anchor = (monotonic, observed)
        }
        let timestamp = Timestamp(milliseconds: value)
        let next = last.map { timestamp.following($0) } ?? timestamp
        last = next
        return next
    }

    /// The timestamp of something between two ticks, when the wall clock says `wall`; later than all before
    /// as long as the clock was not set back.
    package mutating func timestamp(between wall: Timestamp) -> Timestamp {
        let next = last.map { wall.following($0) } ?? wall
        last = next
        return next
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !overflow else { return seconds < 0 ? .min / 2 : .max / 2 }
        return product.addingSaturating(attoseconds / 1_000_000_000_000_000)
    }
}

extension Int64 {
    fileprivate func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    fileprivate func subtractingSaturating(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}

private func abs(_ value: Int64) -> Int64 { value == .min ? .max : Swift.abs(value) }

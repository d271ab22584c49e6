// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Tells a clock that was set from time that passed, by a second clock that nobody sets.
///
/// It compares the moments at which rules are evaluated, which are the ticks' and not the clock's: a tick stamped before a
/// step may be evaluated after it, and what the step's own observer says then (`SteadyClock` in the wiring, which reads the
/// machine's clock) does not belong to that evaluation yet. Nor do timers ask for the reason: a correction of a second,
/// which is no step there, is one here.
struct ClockComparison {
    /// A smaller difference is two oscillators that drift apart, or an evaluation that began a little late.
    static let tolerance: Duration = .milliseconds(500)

    private var anchor: (time: Timestamp, steady: Duration)?

    /// How far the wall clock was set since the last call that said so; nil when it was not.
    mutating func setBy(at time: Timestamp, steady: Duration) -> Duration? {
        guard let anchor else {
            anchor = (time, steady)
            return nil
        }
        let distance = (time - anchor.time) - (steady - anchor.steady)
        guard abs(distance / .milliseconds(1)) >= Self.tolerance / .milliseconds(1) else { return nil }
        self.anchor = (time, steady)
        return distance
    }
}

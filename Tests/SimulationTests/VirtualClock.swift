// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Both clocks of the machine, set by the simulation.
final class VirtualClock: @unchecked Sendable {
    // Invariant: the simulation has one thread.
    var uptime: Duration = .zero
    /// How far the wall clock is ahead.
    var lead: Duration = .seconds(1_788_220_800)

    var wall: Timestamp { Timestamp(milliseconds: 0) + (lead + uptime) }
}

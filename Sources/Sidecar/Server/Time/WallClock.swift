// SPDX-License-Identifier: Apache-2.0

import HealthChecks
package import TimeSeries

/// The wall clock, for programs around the sidecar. Inside it time comes in through parameters.
package enum WallClock {
    package static func now() -> Timestamp { Timestamp(milliseconds: HealthClock.system.now().unixMilliseconds) }
}

// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The clocks that stand in for the ones a caller did not pass.
package enum SystemTime {
    /// Unix time.
    package static func nowMilliseconds() -> Int64 {
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_REALTIME, &time) == 0 else { return 0 }
        return Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
    }

    /// A clock that never goes back.
    package static func monotonicNanoseconds() -> Int64 {
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_MONOTONIC, &time) == 0 else { return 0 }
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

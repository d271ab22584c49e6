// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Waiting for a thread that holds something for a few stores.
enum SpinWait {
    /// Spins at first; lets other threads run after that, since the holder may have lost its core.
    @inline(never)
    static func pause(_ attempts: Int) {
        if attempts & 15 == 15 { sched_yield() }
    }
}

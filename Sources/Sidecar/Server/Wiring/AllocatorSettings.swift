// SPDX-License-Identifier: Apache-2.0

import CLinux

/// What the C library's allocator is told, once, before there are threads.
package enum AllocatorSettings {
    /// Without it the allocator learns from each large block that is freed to keep the next one on the heap: the arrays that
    /// a large target's first scrape fills and gives up would stay behind as holes, half as large as all that is kept.
    package static func apply() {
        _ = mallopt(M_MMAP_THRESHOLD, 1 << 20)
        _ = mallopt(M_TRIM_THRESHOLD, 4 << 20)
    }
}

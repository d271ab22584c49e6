// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Updates that no instrument can take: a negative increment, an observation that is not a number.
///
/// Instruments do not know their registry, so these are counted once for the process.
enum InvalidUpdates {
    private static let total = Atomic<UInt64>(0)

    @inline(never)
    static func count() {
        total.wrappingAdd(1, ordering: .relaxed)
    }

    static var value: UInt64 { total.load(ordering: .relaxed) }
}

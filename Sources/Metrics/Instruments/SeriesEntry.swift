// SPDX-License-Identifier: Apache-2.0

import Exposition
import Synchronization

/// One series in a family.
final class SeriesEntry<Item: Instrument>: SortedEntry, @unchecked Sendable {
    let labels: SeriesLabels
    let instrument: Item
    let createdMilliseconds: Int64
    /// Known from the start and never idle.
    let isPermanent: Bool
    /// The instrument's activity when it was last looked at, and since when it has been so. Only the search for idle
    /// series uses them, and one such search runs at a time.
    let activity = Atomic<UInt64>(.max)
    let unchangedSince = Atomic<Int64>(0)

    init(labels: SeriesLabels, sortKey: [UInt8], instrument: Item, createdMilliseconds: Int64, isPermanent: Bool) {
        self.labels = labels
        self.instrument = instrument
        self.createdMilliseconds = createdMilliseconds
        self.isPermanent = isPermanent
        super.init(sortKey: sortKey)
    }
}

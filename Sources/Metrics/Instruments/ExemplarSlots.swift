// SPDX-License-Identifier: Apache-2.0

import Exposition
import Synchronization

/// The newest example of each bucket. Costs one atomic load when there is none.
final class ExemplarSlots: Sendable {
    private let hasAny = Atomic<Bool>(false)
    private let slots = Guarded<[Exemplar?]>([])

    var isEmpty: Bool { !hasAny.load(ordering: .relaxed) }

    /// Keeps an example; one that is younger than `interval` stays, so that a busy bucket costs little.
    func keep(_ labels: SeriesLabels, value: Double, in bucket: Int) {
        let now = SystemTime.nowMilliseconds()
        slots.withLock { slots in
            while slots.count <= bucket { slots.append(nil) }
            if let old = slots[bucket]?.timestampMilliseconds, now >= old, now - old < Self.intervalMilliseconds {
                return
            }
            slots[bucket] = Exemplar(labels: labels, value: value, timestampMilliseconds: now)
        }
        hasAny.store(true, ordering: .relaxed)
    }

    subscript(bucket: Int) -> Exemplar? {
        guard !isEmpty else { return nil }
        return slots.withLock { bucket < $0.count ? $0[bucket] : nil }
    }

    var all: [Exemplar?] {
        guard !isEmpty else { return [] }
        return slots.withLock { $0 }
    }

    private static let intervalMilliseconds: Int64 = 100
}

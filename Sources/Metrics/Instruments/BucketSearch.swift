// SPDX-License-Identifier: Apache-2.0

import Exposition

/// The classic bounds of a family in memory that a search reads without reference counting.
@safe
final class BucketSearch: Sendable {
    let bounds: BucketBounds
    // Invariant: written in init only, freed in deinit.
    private nonisolated(unsafe) let values: UnsafeMutablePointer<Double>
    private let count: Int

    init(_ bounds: [Double]) {
        self.bounds = BucketBounds(bounds)
        let finite = self.bounds.upperBounds
        count = finite.count
        unsafe values = .allocate(capacity: max(1, finite.count))
        for (index, bound) in finite.enumerated() { unsafe (values + index).initialize(to: bound) }
    }

    deinit { unsafe values.deallocate() }

    /// Classic buckets, the one up to infinity included.
    var bucketCount: Int { count + 1 }

    /// The first bucket whose bound is not below `value`. Branch-free steps: bounds are few and values unpredictable,
    /// but for those of services that answer far below the first bound.
    @inline(__always)
    func bucket(of value: Double) -> Int {
        if count > 0, unsafe value <= values[0] { return 0 }
        var start = 0
        var length = count
        while length > 0 {
            let half = (length &+ 1) >> 1
            start = unsafe values[start &+ half &- 1] < value ? start &+ half : start
            length &-= half
        }
        return start
    }
}

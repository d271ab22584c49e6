// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The states of a histogram with native buckets, one per group of threads; merged when read.
final class NativeStripes: Sendable {
    private let options: HistogramConfiguration.Native
    private let bucketCount: Int
    private let stripes: [Stripe]

    private final class Stripe: Sendable {
        let state: Guarded<NativeState>
        init(_ state: NativeState) { self.state = Guarded(state) }
    }

    init(_ options: HistogramConfiguration.Native, bucketCount: Int) {
        self.options = options
        self.bucketCount = bucketCount
        self.stripes = (0..<Self.count).map { _ in Stripe(NativeState(options, bucketCount: bucketCount)) }
    }

    func observe(_ value: Double, bucket: Int) {
        stripes[ThreadNumber.current & (Self.count - 1)].state.withLock { $0.observe(value, bucket: bucket) }
    }

    func merged() -> NativeState {
        var result = NativeState(options, bucketCount: bucketCount)
        for stripe in stripes { result.merge(stripe.state.withLock { $0 }) }
        return result
    }

    private static let count = 4
}

/// A small number for the calling thread; equal for threads that share a slab.
@safe
enum ThreadNumber {
    @inline(__always)
    static var current: Int {
        guard let slab = unsafe ThreadCells.owned ?? attached() else { return 0 }
        return Int(truncatingIfNeeded: unsafe slab.load(as: UInt64.self))
    }

    @inline(never)
    private static func attached() -> UnsafeMutableRawPointer? { unsafe CellArena.shared.attachThread() }
}

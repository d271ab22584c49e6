// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A lock for many readers and rare writers: a reader takes the one of its thread group, a writer takes all.
///
/// Readers hold theirs for some nanoseconds and never sleep with it, so waiting is spinning.
@safe
final class StripedLock: Sendable {
    // Invariant: allocated in init, freed in deinit, else only atomic operations.
    private nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>

    private static let count = 8
    /// Words from one lock to the next: two cache lines, because processors fetch them in pairs.
    private static let stride = 16

    init() {
        unsafe words = .allocate(capacity: Self.count * Self.stride)
        for index in 0..<(Self.count * Self.stride) { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe words.deallocate() }

    /// Locks the calling thread's stripe.
    func lock() -> Int {
        let stripe = (ThreadNumber.current & (Self.count - 1)) &* Self.stride
        lock(stripe)
        return stripe
    }

    private func lock(_ stripe: Int) {
        if unsafe words[stripe].exchange(1, ordering: .acquiring) == 0 { return }
        var attempts = 0
        while unsafe words[stripe].exchange(1, ordering: .acquiring) != 0 {
            attempts &+= 1
            SpinWait.pause(attempts)
        }
    }

    func unlock(_ stripe: Int) {
        unsafe words[stripe].store(0, ordering: .releasing)
    }

    func lockAll() {
        for index in 0..<Self.count { lock(index * Self.stride) }
    }

    func unlockAll() {
        for index in 0..<Self.count { unlock(index * Self.stride) }
    }
}

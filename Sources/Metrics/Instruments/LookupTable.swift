// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Finds instruments by a typed label set without allocating.
///
/// Readers take a lock of their own thread group, so that they never meet each other; a writer takes all locks. The
/// instrument may be used while the lock is held, which saves retaining it.
@usableFromInline
@safe
final class LookupTable<Labels: LabelSet, Item: Instrument>: LookupPurging {
    @usableFromInline
    struct Slot {
        @usableFromInline let hash: UInt64
        @usableFromInline let labels: Labels
        @usableFromInline let item: Item

        @inlinable
        init(hash: UInt64, labels: Labels, item: Item) {
            self.hash = hash
            self.labels = labels
            self.item = item
        }
    }

    /// Open addressing; a power of two of optional slots, at most half of them used.
    @usableFromInline
    @unsafe
    struct Storage {
        @usableFromInline var slots: UnsafeMutablePointer<Slot?>
        @usableFromInline var mask: Int
        @usableFromInline var used: Int

        @inlinable
        init(capacity: Int) {
            unsafe slots = .allocate(capacity: capacity)
            unsafe slots.initialize(repeating: nil, count: capacity)
            unsafe mask = capacity &- 1
            unsafe used = 0
        }
    }

    // Invariant: read with one stripe's lock held, written with all of them. Behind a pointer, because exclusivity
    // checks on a class's variable would cost more than the look-up.
    @usableFromInline nonisolated(unsafe) let storage: UnsafeMutablePointer<Storage>
    @usableFromInline let seed: UInt64
    private let locks = StripedLock()

    init(capacity: Int = 16) {
        unsafe storage = .allocate(capacity: 1)
        unsafe storage.initialize(to: Storage(capacity: capacity))
        seed = .random(in: .min ... .max)
    }

    deinit {
        unsafe storage.pointee.slots.deinitialize(count: storage.pointee.mask + 1)
        unsafe storage.pointee.slots.deallocate()
        unsafe storage.deallocate()
    }

    @usableFromInline
    func lock() -> Int { locks.lock() }

    @usableFromInline
    func unlock(_ stripe: Int) { locks.unlock(stripe) }

    /// Calls `body` with the instrument of `labels`, with the lock held; nil when there is none.
    @inlinable
    @inline(__always)
    func withItem<Result>(_ labels: Labels, _ body: (Item) -> Result) -> Result? {
        let hash = hash(of: labels)
        let stripe = lock()
        defer { unlock(stripe) }
        return find(labels, hash, body)
    }

    /// The same for a table that is not written any more.
    @inlinable
    @inline(__always)
    func withItemOfClosedTable<Result>(_ labels: Labels, _ body: (Item) -> Result) -> Result? {
        find(labels, hash(of: labels), body)
    }

    @inlinable
    @inline(__always)
    func hash(of labels: Labels) -> UInt64 {
        var hasher = LabelHasher(seed: seed)
        labels.encode(to: &hasher)
        return hasher.state
    }

    @inlinable
    @inline(__always)
    func find<Result>(_ labels: Labels, _ hash: UInt64, _ body: (Item) -> Result) -> Result? {
        let slots = unsafe storage.pointee.slots
        let mask = unsafe storage.pointee.mask
        var position = Int(truncatingIfNeeded: hash) & mask
        while true {
            guard let slot = unsafe slots[position] else { return nil }
            if slot.hash == hash, slot.labels == labels { return body(slot.item) }
            position = (position &+ 1) & mask
        }
    }

    /// Adds an instrument unless its labels are there.
    @usableFromInline
    func insert(_ labels: Labels, _ item: Item) {
        let hash = hash(of: labels)
        locks.lockAll()
        defer { locks.unlockAll() }
        guard find(labels, hash, { _ in true }) == nil else { return }
        insertLocked(Slot(hash: hash, labels: labels, item: item))
    }

    func purge(_ instrument: AnyObject) {
        locks.lockAll()
        defer { locks.unlockAll() }
        unsafe rebuild(capacity: storage.pointee.mask + 1) { $0.item !== instrument }
    }

    private func insertLocked(_ slot: Slot) {
        let capacity = unsafe storage.pointee.mask + 1
        if unsafe storage.pointee.used * 2 >= capacity { rebuild(capacity: capacity * 2) { _ in true } }
        let mask = unsafe storage.pointee.mask
        var position = Int(truncatingIfNeeded: slot.hash) & mask
        while unsafe storage.pointee.slots[position] != nil { position = (position + 1) & mask }
        unsafe storage.pointee.slots[position] = slot
        unsafe storage.pointee.used += 1
    }

    private func rebuild(capacity: Int, keeping isKept: (Slot) -> Bool) {
        let old = unsafe storage.pointee
        unsafe storage.pointee = Storage(capacity: capacity)
        for index in 0...(unsafe old.mask) {
            if let slot = unsafe old.slots[index], isKept(slot) { insertLocked(slot) }
        }
        unsafe old.slots.deinitialize(count: old.mask + 1)
        unsafe old.slots.deallocate()
    }
}

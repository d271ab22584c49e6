// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Finds instruments by a typed label set without allocating.
///
/// Readers take a lock of their own thread group, so that they never meet each other; a writer takes all locks. The
/// instrument may be used while the lock is held, which saves retaining it.
@usableFromInline
@safe
final class LookupTable<Labels: LabelSet, Item: Instrument>: LookupPurging {
    /// A series. The table owns the item; look-ups use it without counting a reference.
    @usableFromInline
    @unsafe
    struct Slot {
        @usableFromInline let labels: Labels
        @usableFromInline let item: Unmanaged<Item>
    }

    /// Open addressing: a power of two of slots, at most half of them used; a hash of zero marks a free one.
    @usableFromInline
    @unsafe
    struct Storage {
        @usableFromInline let hashes: UnsafeMutablePointer<UInt64>
        @usableFromInline let slots: UnsafeMutablePointer<Slot>
        @usableFromInline let mask: Int
        @usableFromInline var used = 0

        init(capacity: Int) {
            unsafe hashes = .allocate(capacity: capacity)
            unsafe hashes.initialize(repeating: 0, count: capacity)
            unsafe slots = .allocate(capacity: capacity)
            unsafe mask = capacity &- 1
        }

        /// Frees the memory; the slots must have been emptied.
        func deallocate() {
            unsafe hashes.deallocate()
            unsafe slots.deallocate()
        }
    }

    // Invariant: read with one stripe's lock held, written with all of them. Behind a pointer, because exclusivity
    // checks on a class's variable would cost more than the look-up.
    @usableFromInline nonisolated(unsafe) let storage: UnsafeMutablePointer<Storage>
    @usableFromInline let seed: UInt64
    private let locks = StripedLock()

    /// Whether labels are hashed by their bytes; only for tables that are filled once, because bytes between the fields
    /// may differ in equal values, whose look-up then fails.
    @usableFromInline let hashesBytes: Bool

    init(capacity: Int = 16, hashesBytes: Bool = false) {
        unsafe storage = .allocate(capacity: 1)
        unsafe storage.initialize(to: Storage(capacity: capacity))
        seed = .random(in: .min ... .max)
        self.hashesBytes = hashesBytes && _isPOD(Labels.self) && MemoryLayout<Labels>.size <= 8
    }

    deinit {
        let storage = unsafe storage
        unsafe Self.removeAll(from: storage.pointee) { slot, _ in unsafe slot.item.release() }
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
        if _isPOD(Labels.self), MemoryLayout<Labels>.size <= 8, hashesBytes {
            var word: UInt64 = 0
            unsafe withUnsafeBytes(of: labels) { bytes in
                unsafe withUnsafeMutableBytes(of: &word) { unsafe $0.copyMemory(from: bytes) }
            }
            return LabelHasher.fold(word ^ seed, 0xa076_1d64_78bd_642f) | 1
        }
        var hasher = LabelHasher(seed: seed)
        labels.encode(to: &hasher)
        return hasher.state | 1
    }

    @inlinable
    @inline(__always)
    func find<Result>(_ labels: Labels, _ hash: UInt64, _ body: (Item) -> Result) -> Result? {
        let hashes = unsafe storage.pointee.hashes
        let slots = unsafe storage.pointee.slots
        let mask = unsafe storage.pointee.mask
        // The lowest bit of every hash is set.
        var position = Int(truncatingIfNeeded: hash &>> 1) & mask
        while true {
            let found = unsafe hashes[position]
            if found == hash, unsafe slots[position].labels == labels {
                return unsafe slots[position].item._withUnsafeGuaranteedRef { body($0) }
            }
            if found == 0 { return nil }
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
        if unsafe storage.pointee.used * 2 > storage.pointee.mask { grow() }
        unsafe place(Slot(labels: labels, item: .passRetained(item)), hash)
    }

    /// Takes an instrument out. Look-ups wait for a piece of the search at a time, and for moving what follows.
    func purge(_ instrument: AnyObject) {
        var start = 0
        while let found = search(for: instrument, from: start) {
            guard let position = found.position else {
                start = found.end
                continue
            }
            locks.lockAll()
            let isThere = unsafe position <= storage.pointee.mask && holds(instrument, at: position)
            if isThere { takeOut(at: position) }
            locks.unlockAll()
            if isThere { return }
            // Somebody added a series in between.
            start = 0
        }
    }

    /// Looks through the next few slots, with the lock of one group of threads; nil at the end.
    private func search(for instrument: AnyObject, from start: Int) -> (position: Int?, end: Int)? {
        let stripe = lock()
        defer { unlock(stripe) }
        let mask = unsafe storage.pointee.mask
        guard start <= mask else { return nil }
        let end = min(start + 128, mask + 1)
        return ((start..<end).first { holds(instrument, at: $0) }, end)
    }

    private func holds(_ instrument: AnyObject, at position: Int) -> Bool {
        guard unsafe storage.pointee.hashes[position] != 0 else { return false }
        return unsafe storage.pointee.slots[position].item._withUnsafeGuaranteedRef { $0 === instrument }
    }

    /// Frees a slot, and moves those behind it that would not be found any more.
    private func takeOut(at position: Int) {
        let hashes = unsafe storage.pointee.hashes
        let slots = unsafe storage.pointee.slots
        let mask = unsafe storage.pointee.mask
        unsafe (slots + position).move().item.release()
        var free = position
        var next = (position + 1) & mask
        while unsafe hashes[next] != 0 {
            let home = Int(truncatingIfNeeded: unsafe hashes[next] &>> 1) & mask
            // Whether `home` lies, in the circle, after `free` and not after `next`: then it stays.
            let stays = free <= next ? home > free && home <= next : home > free || home <= next
            if !stays {
                unsafe hashes[free] = hashes[next]
                unsafe (slots + free).moveInitialize(from: slots + next, count: 1)
                free = next
            }
            next = (next + 1) & mask
        }
        unsafe hashes[free] = 0
        unsafe storage.pointee.used -= 1
    }

    private func place(_ slot: Slot, _ hash: UInt64) {
        let mask = unsafe storage.pointee.mask
        var position = Int(truncatingIfNeeded: hash &>> 1) & mask
        while unsafe storage.pointee.hashes[position] != 0 { position = (position + 1) & mask }
        unsafe storage.pointee.hashes[position] = hash
        unsafe (storage.pointee.slots + position).initialize(to: slot)
        unsafe storage.pointee.used += 1
    }

    private func grow() {
        let old = unsafe storage.pointee
        unsafe storage.pointee = Storage(capacity: (old.mask + 1) * 2)
        unsafe Self.removeAll(from: old) { slot, hash in unsafe place(slot, hash) }
    }

    /// Empties and frees a storage; `body` takes over each slot, its reference included.
    private static func removeAll(from storage: Storage, _ body: (Slot, UInt64) -> Void) {
        for index in 0...(unsafe storage.mask) {
            let hash = unsafe storage.hashes[index]
            guard hash != 0 else { continue }
            unsafe body((storage.slots + index).move(), hash)
        }
        unsafe storage.deallocate()
    }
}

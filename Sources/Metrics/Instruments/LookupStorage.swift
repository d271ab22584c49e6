// SPDX-License-Identifier: Apache-2.0

/// A series in a look-up table. The table owns the item; look-ups use it without counting a reference.
@usableFromInline
@unsafe
struct LookupSlot<Labels: LabelSet, Item: Instrument> {
    @usableFromInline let labels: Labels
    @usableFromInline let item: Unmanaged<Item>
}

/// The memory of a look-up table. Open addressing: a power of two of slots, at most half of them used.
///
/// Hashes are odd; zero marks a slot that was never used, and `moved` one whose series went to a larger storage.
@usableFromInline
@unsafe
struct LookupStorage<Labels: LabelSet, Item: Instrument> {
    @usableFromInline let hashes: UnsafeMutablePointer<UInt64>
    @usableFromInline let slots: UnsafeMutablePointer<LookupSlot<Labels, Item>>
    @usableFromInline let mask: Int
    private(set) var used = 0

    private static var moved: UInt64 { 2 }

    init(capacity: Int) {
        unsafe hashes = .allocate(capacity: capacity)
        unsafe hashes.initialize(repeating: 0, count: capacity)
        unsafe slots = .allocate(capacity: capacity)
        unsafe mask = capacity &- 1
    }

    @inlinable
    @inline(__always)
    func find(_ labels: Labels, _ hash: UInt64) -> Unmanaged<Item>? {
        // The lowest bit of every hash is set.
        var position = unsafe Int(truncatingIfNeeded: hash &>> 1) & mask
        while true {
            let found = unsafe hashes[position]
            if found == hash, unsafe slots[position].labels == labels { return unsafe slots[position].item }
            if found == 0 { return nil }
            position = unsafe (position &+ 1) & mask
        }
    }

    /// The caller has made sure that there is room.
    mutating func place(_ slot: consuming LookupSlot<Labels, Item>, _ hash: UInt64) {
        var position = unsafe Int(truncatingIfNeeded: hash &>> 1) & mask
        while unsafe hashes[position] != 0 { position = unsafe (position + 1) & mask }
        unsafe hashes[position] = hash
        unsafe (slots + position).initialize(to: slot)
        unsafe used += 1
    }

    func holds(_ instrument: AnyObject, at position: Int) -> Bool {
        guard unsafe hashes[position] & 1 == 1 else { return false }
        return unsafe slots[position].item._withUnsafeGuaranteedRef { $0 === instrument }
    }

    /// Frees a slot, and moves those behind it that would not be found any more.
    mutating func takeOut(at position: Int) {
        unsafe (slots + position).move().item.release()
        unsafe used -= 1
        var free = position
        var next = unsafe (position + 1) & mask
        while unsafe hashes[next] != 0 {
            let home = unsafe Int(truncatingIfNeeded: hashes[next] &>> 1) & mask
            // Whether `home` lies, in the circle, after `free` and not after `next`: then it stays.
            let stays = free <= next ? home > free && home <= next : home > free || home <= next
            if !stays {
                unsafe hashes[free] = hashes[next]
                unsafe (slots + free).moveInitialize(from: slots + next, count: 1)
                free = next
            }
            next = unsafe (next + 1) & mask
        }
        unsafe hashes[free] = 0
    }

    /// Takes a slot out of a storage that is being emptied; the way to those behind it stays.
    mutating func drop(at position: Int) {
        unsafe (slots + position).move().item.release()
        unsafe hashes[position] = Self.moved
        unsafe used -= 1
    }

    /// Moves the series of some slots to a larger storage.
    mutating func move(_ positions: Range<Int>, to larger: inout LookupStorage) {
        for position in positions {
            let hash = unsafe hashes[position]
            guard hash & 1 == 1 else { continue }
            unsafe larger.place((slots + position).move(), hash)
            unsafe hashes[position] = Self.moved
            unsafe used -= 1
        }
    }

    /// Gives up the series that are left, and the memory.
    func destroy() {
        for position in 0...(unsafe mask) where unsafe hashes[position] & 1 == 1 {
            unsafe (slots + position).move().item.release()
        }
        unsafe hashes.deallocate()
        unsafe slots.deallocate()
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Finds instruments by a typed label set without allocating.
///
/// Readers take a lock of their own thread group, so that they never meet each other; a writer takes all locks, for one
/// short change at a time. To grow, the table goes over to a larger storage some slots at a time, and both are searched
/// meanwhile. The instrument may be used while the lock is held, which saves retaining it.
@usableFromInline
@safe
final class LookupTable<Labels: LabelSet, Item: Instrument>: LookupPurging {
    @usableFromInline
    @unsafe
    struct State {
        @usableFromInline var current: LookupStorage<Labels, Item>
        /// Series that have not moved to `current` yet; those before `moved` have.
        @usableFromInline var outgrown: LookupStorage<Labels, Item>?
        var moved = 0
        /// Changes whenever a series gets another slot.
        var version = 0

        init(capacity: Int) { unsafe current = LookupStorage(capacity: capacity) }

        var hasRoom: Bool { unsafe (current.used + (outgrown?.used ?? 0)) * 2 <= current.mask }
    }

    // Invariant: read with one stripe's lock held, written with all of them. Behind a pointer, because exclusivity
    // checks on a class's variable would cost more than the look-up.
    @usableFromInline nonisolated(unsafe) let state: UnsafeMutablePointer<State>
    @usableFromInline let seed: UInt64
    private let locks = StripedLock()

    /// Whether labels are hashed by their bytes; only for tables that are filled once, because bytes between the fields
    /// may differ in equal values, whose look-up then fails.
    @usableFromInline let hashesBytes: Bool

    /// Slots that are looked at, or moved, before the locks are let go for a moment.
    private static var searchStep: Int { 32 }
    private static var moveStep: Int { 8 }

    init(capacity: Int = 16, hashesBytes: Bool = false) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: State(capacity: capacity))
        seed = .random(in: .min ... .max)
        self.hashesBytes = hashesBytes && _isPOD(Labels.self) && MemoryLayout<Labels>.size <= 8
    }

    deinit {
        unsafe state.pointee.current.destroy()
        unsafe state.pointee.outgrown?.destroy()
        unsafe state.deallocate()
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
        guard let item = unsafe state.pointee.current.find(labels, hash) ?? findOutgrown(labels, hash) else {
            return nil
        }
        return unsafe item._withUnsafeGuaranteedRef { body($0) }
    }

    /// The same for a table that is not written any more.
    @inlinable
    @inline(__always)
    func withItemOfClosedTable<Result>(_ labels: Labels, _ body: (Item) -> Result) -> Result? {
        guard let item = unsafe state.pointee.current.find(labels, hash(of: labels)) else { return nil }
        return unsafe item._withUnsafeGuaranteedRef { body($0) }
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

    @usableFromInline
    @inline(never)
    func findOutgrown(_ labels: Labels, _ hash: UInt64) -> Unmanaged<Item>? {
        unsafe state.pointee.outgrown?.find(labels, hash)
    }

    /// Adds an instrument unless its labels are there.
    @usableFromInline
    func insert(_ labels: Labels, _ item: Item) {
        let hash = hash(of: labels)
        while !add(labels, item, hash) {
            beginToGrow()
            while moveSome() {}
        }
    }

    /// Adds an instrument; false when the table must grow first.
    private func add(_ labels: Labels, _ item: Item, _ hash: UInt64) -> Bool {
        locks.lockAll()
        defer { locks.unlockAll() }
        let known = unsafe state.pointee.current.find(labels, hash) ?? findOutgrown(labels, hash)
        guard unsafe known == nil else { return true }
        guard unsafe state.pointee.hasRoom else { return false }
        unsafe state.pointee.current.place(LookupSlot(labels: labels, item: .passRetained(item)), hash)
        return true
    }

    /// Makes a larger storage the current one, unless the last change of this kind is still under way.
    private func beginToGrow() {
        let stripe = lock()
        let isDue = unsafe state.pointee.outgrown == nil && !state.pointee.hasRoom
        let capacity = unsafe state.pointee.current.mask + 1
        unlock(stripe)
        guard isDue else { return }
        // The kernel may take its time to give the memory.
        var unused: LookupStorage? = unsafe LookupStorage<Labels, Item>(capacity: capacity * 2)
        locks.lockAll()
        if let larger = unsafe unused, unsafe state.pointee.outgrown == nil,
            unsafe state.pointee.current.mask < capacity
        {
            unsafe state.pointee.outgrown = state.pointee.current
            unsafe state.pointee.current = larger
            unsafe state.pointee.moved = 0
            unsafe state.pointee.version &+= 1
            unsafe unused = nil
        }
        locks.unlockAll()
        unsafe unused?.destroy()
    }

    /// Moves a few series to the current storage; false when none is left.
    // Not inlined, so that the benchmark can count what is done while the locks are held.
    @inline(never)
    private func moveSome() -> Bool {
        locks.lockAll()
        guard var outgrown = unsafe state.pointee.outgrown else {
            locks.unlockAll()
            return false
        }
        let start = unsafe state.pointee.moved
        let end = min(start + Self.moveStep, unsafe outgrown.mask + 1)
        unsafe outgrown.move(start..<end, to: &state.pointee.current)
        let isEmpty = unsafe end > outgrown.mask
        unsafe state.pointee.moved = end
        unsafe state.pointee.version &+= 1
        unsafe state.pointee.outgrown = isEmpty ? nil : outgrown
        locks.unlockAll()
        if isEmpty { unsafe outgrown.destroy() }
        return !isEmpty
    }

    /// Takes an instrument out. Look-ups wait for a piece of the search at a time, and for moving what follows.
    func purge(_ instrument: AnyObject) {
        var start = 0
        var version = 0
        while true {
            switch search(for: instrument, from: start, version) {
            case .changed(let now): (start, version) = (0, now)
            case .nothing(let end): start = end
            case .found(let position): if takeOut(at: position, version) { return }
            case .end: return
            }
        }
    }

    private enum Search {
        case changed(version: Int), nothing(end: Int), found(position: Int), end
    }

    /// Looks through the next few slots, with the lock of one group of threads. Those of the outgrown storage have
    /// positions behind the current one's.
    private func search(for instrument: AnyObject, from start: Int, _ version: Int) -> Search {
        let stripe = lock()
        defer { unlock(stripe) }
        guard unsafe version == state.pointee.version else { return .changed(version: unsafe state.pointee.version) }
        let capacity = unsafe state.pointee.current.mask + 1
        let all = unsafe capacity + (state.pointee.outgrown.map { unsafe $0.mask + 1 } ?? 0)
        guard start < all else { return .end }
        let end = min(start + Self.searchStep, all)
        for position in start..<end {
            let holds =
                unsafe position < capacity
                ? state.pointee.current.holds(instrument, at: position)
                : state.pointee.outgrown?.holds(instrument, at: position - capacity) ?? false
            if holds { return .found(position: position) }
        }
        return .nothing(end: end)
    }

    /// Frees a slot; false when the table has changed since it was found.
    private func takeOut(at position: Int, _ version: Int) -> Bool {
        locks.lockAll()
        defer { locks.unlockAll() }
        guard unsafe version == state.pointee.version else { return false }
        let capacity = unsafe state.pointee.current.mask + 1
        if position < capacity {
            unsafe state.pointee.current.takeOut(at: position)
        } else {
            unsafe state.pointee.outgrown?.drop(at: position - capacity)
        }
        unsafe state.pointee.version &+= 1
        return true
    }
}

// SPDX-License-Identifier: Apache-2.0

import CThreadSlot
import Glibc
import Synchronization

typealias Cell = Atomic<UInt64>

/// Memory in which every thread counts alone, so that an increment is a load, an add and a store.
///
/// Each thread that records owns a slab: a long reservation of address space whose pages cost memory only once they are
/// touched. An instrument owns the same range of word indices in every slab; its value is the sum over the slabs. Only
/// the owner writes to a slab, readers load atomically. A slab outlives its thread and passes, counts included, to the
/// next new thread. Threads beyond `slabLimit` share one slab and use atomic read-modify-write operations on it.
@safe
enum ThreadCells {
    /// Words per slab: 32 MiB of address space, enough for 200,000 histograms with 15 buckets.
    static let wordCount = 4 << 20
    /// Slabs with one owner; there is one more that the other threads share.
    static let slabLimit = 64
    /// Words at the start of each slab that belong to no instrument; the first holds the slab's number.
    static let reserved = 8
    /// Words at the start, after `reserved`, that swallow what is recorded when all others are given away.
    static let trash = 4_096

    /// The slab that the calling thread owns; nil before its first record, and when it has to use the shared one.
    @inline(__always)
    static var owned: UnsafeMutableRawPointer? { unsafe thread_slot() }
}

/// The process's slabs and the bookkeeping of their words.
@safe
final class CellArena: Sendable {
    static let shared = CellArena()

    /// Its destructor tells that a thread ended; its value is the thread's slab, odd for the shared one.
    private let key: pthread_key_t
    private let state: Guarded<State>
    // Invariant: entry i is written once, before `slabCount` exceeds i (release), and never freed.
    private nonisolated(unsafe) let slabs: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let slabCount = Atomic<Int>(0)

    private struct State {
        var idle: [Int] = []
        var nextWord = ThreadCells.reserved + ThreadCells.trash
        var freeRanges: [Int: [UInt32]] = [:]
    }

    private init() {
        var key: pthread_key_t = 0
        unsafe pthread_key_create(&key) { slab in
            unsafe CellArena.shared.threadEnded(slab)
        }
        self.key = key
        self.state = Guarded(State())
        unsafe slabs = .allocate(capacity: ThreadCells.slabLimit + 1)
        // Slab 0 is the shared one.
        if let shared = unsafe Self.map() {
            unsafe slabs.initialize(to: shared)
            slabCount.store(1, ordering: .releasing)
        }
    }

    /// Gives the calling thread a slab: one left by a thread that ended, a new one, or a share of the common one.
    /// - Returns: the slab it owns; nil when it shares one, or when the kernel refuses even that.
    func attachThread() -> UnsafeMutableRawPointer? {
        guard unsafe pthread_getspecific(key) == nil else { return unsafe ThreadCells.owned }
        let number = state.withLock { state -> Int? in
            if let idle = state.idle.popLast() { return idle }
            let count = slabCount.load(ordering: .relaxed)
            guard count > 0, count <= ThreadCells.slabLimit, let slab = unsafe Self.map() else { return nil }
            unsafe slab.storeBytes(of: UInt64(count), as: UInt64.self)
            unsafe (slabs + count).initialize(to: slab)
            slabCount.store(count + 1, ordering: .releasing)
            return count
        }
        guard slabCount.load(ordering: .relaxed) > 0 else { return nil }
        let owned = unsafe number.map { unsafe slabs[$0] }
        guard unsafe pthread_setspecific(key, owned ?? (slabs[0] + 1)) == 0 else {
            // Nobody would hear of the thread's end, so it must not own anything.
            if let number { state.withLock { $0.idle.append(number) } }
            return nil
        }
        unsafe thread_slot_set(owned)
        return unsafe owned
    }

    private func threadEnded(_ address: UnsafeMutableRawPointer?) {
        // What other destructors of the thread record must not go to a slab that is another's by then.
        thread_slot_set(nil)
        guard let address = unsafe address, UInt(bitPattern: address) & 1 == 0 else { return }
        let number = Int(truncatingIfNeeded: unsafe address.load(as: UInt64.self))
        state.withLock { $0.idle.append(number) }
    }

    /// Number of slabs to sum over, the shared one (index 0) included.
    var count: Int { slabCount.load(ordering: .acquiring) }

    /// The words of slab `index`, which must be below `count`.
    @inline(__always)
    func words(ofSlab index: Int) -> UnsafeMutablePointer<Cell> {
        unsafe slabs[index].assumingMemoryBound(to: Cell.self)
    }

    /// Takes a range of zeroed words; the trash range when none is left.
    func allocate(_ count: Int) -> UInt32 {
        state.withLock { state in
            if let index = state.freeRanges[count]?.popLast() { return index }
            guard count <= ThreadCells.trash, state.nextWord + count <= ThreadCells.wordCount else {
                return UInt32(ThreadCells.reserved)
            }
            defer { state.nextWord += count }
            return UInt32(state.nextWord)
        }
    }

    /// Returns a range that no instrument uses any more.
    func free(_ index: UInt32, _ count: Int) {
        guard index >= UInt32(ThreadCells.reserved + ThreadCells.trash) else { return }
        for slab in 0..<self.count {
            let words = unsafe words(ofSlab: slab) + Int(index)
            // Untouched pages read as zero; writing zeros to them would cost memory.
            for offset in 0..<count where unsafe words[offset].load(ordering: .relaxed) != 0 {
                unsafe words[offset].store(0, ordering: .relaxed)
            }
        }
        state.withLock { $0.freeRanges[count, default: []].append(index) }
    }

    private static func map() -> UnsafeMutableRawPointer? {
        let length = ThreadCells.wordCount * MemoryLayout<UInt64>.stride
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let address = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { return nil }
        // Huge pages would turn the first increment into 2 MiB of memory.
        unsafe madvise(address, length, MADV_NOHUGEPAGE)
        return unsafe address
    }
}

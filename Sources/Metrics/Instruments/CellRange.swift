// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// An instrument's words in every thread's slab. Freed with its owner, which must outlive every use.
@safe
struct CellRange: ~Copyable {
    let index: UInt32
    let count: Int

    init(_ count: Int) {
        self.index = CellArena.shared.allocate(count)
        self.count = count
    }

    deinit { CellArena.shared.free(index, count) }

    /// The words that only the calling thread writes, or nil when it has to use `shared`.
    @inline(__always)
    var owned: UnsafeMutablePointer<Cell>? {
        guard let slab = unsafe ThreadCells.owned else { return unsafe ownedSlow() }
        return unsafe slab.assumingMemoryBound(to: Cell.self) + Int(index)
    }

    @inline(never)
    private func ownedSlow() -> UnsafeMutablePointer<Cell>? {
        guard let slab = unsafe CellArena.shared.attachThread() else { return nil }
        return unsafe slab.assumingMemoryBound(to: Cell.self) + Int(index)
    }

    /// The words that several threads write, with read-modify-write operations; nil when the kernel gave no memory.
    var shared: UnsafeMutablePointer<Cell>? {
        guard CellArena.shared.count > 0 else { return nil }
        return unsafe CellArena.shared.words(ofSlab: 0) + Int(index)
    }

    /// Adds one word over all slabs as whole numbers.
    func wholeTotal(_ offset: Int) -> UInt64 {
        var total: UInt64 = 0
        for slab in 0..<CellArena.shared.count {
            total &+= unsafe CellArena.shared.words(ofSlab: slab)[Int(index) + offset].load(ordering: .relaxed)
        }
        return total
    }

    /// Adds one word over all slabs as floating-point numbers.
    func doubleTotal(_ offset: Int) -> Double {
        var total = 0.0
        for slab in 0..<CellArena.shared.count {
            let bits = unsafe CellArena.shared.words(ofSlab: slab)[Int(index) + offset].load(ordering: .relaxed)
            total += Double(bitPattern: bits)
        }
        return total
    }
}

extension UnsafeMutablePointer where Pointee == Cell {
    /// Adds to a word that only the calling thread writes.
    @inline(__always)
    func addOwned(_ amount: UInt64) {
        unsafe pointee.store(pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    @inline(__always)
    func addOwned(_ amount: Double) {
        let sum = unsafe Double(bitPattern: pointee.load(ordering: .relaxed)) + amount
        unsafe pointee.store(sum.bitPattern, ordering: .relaxed)
    }

    /// Adds to a word that other threads write too.
    func addShared(_ amount: Double) {
        var bits = unsafe pointee.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: bits) + amount).bitPattern
            let result = unsafe pointee.compareExchange(expected: bits, desired: sum, ordering: .relaxed)
            if result.exchanged { return }
            bits = result.original
        }
    }
}

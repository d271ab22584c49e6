// SPDX-License-Identifier: Apache-2.0

import Glibc

/// From the number of a series to its column. Numbers are given once and never again, so a number names one series for
/// good; the tables of numbers whose series are all gone are freed.
///
/// Changed with both the index's and the samples' lock held, read with either.
@safe
final class SlotDirectory: @unchecked Sendable {
    // Invariant of @unchecked: the locking rule above.
    private typealias Leaf = UnsafeMutablePointer<UnsafeMutablePointer<Column>?>

    @safe
    private struct Branch {
        var leaves: UnsafeMutablePointer<Leaf?>
        var used: Int
        var leafUse: [UInt8]
    }

    private static let leafBits: UInt32 = 6
    private static let branchBits: UInt32 = 16
    private static let leafSize = 1 << 6
    private static let branchSize = 1 << 10
    private var branches: [Branch?] = []
    private(set) var nextSlot: UInt32 = 0
    private(set) var count = 0

    deinit {
        for branch in branches {
            guard let branch = branch else { continue }
            for index in 0..<Self.branchSize { unsafe Glibc.free(branch.leaves[index]) }
            unsafe Glibc.free(branch.leaves)
        }
    }

    private static func position(_ slot: UInt32) -> (branch: Int, leaf: Int, entry: Int) {
        (Int(slot >> branchBits), Int(slot >> leafBits) & (branchSize - 1), Int(slot) & (leafSize - 1))
    }

    @inline(__always)
    subscript(slot: UInt32) -> UnsafeMutablePointer<Column>? {
        let position = Self.position(slot)
        guard position.branch < branches.count, let branch = branches[position.branch],
            let leaf = unsafe branch.leaves[position.leaf]
        else { return nil }
        return unsafe leaf[position.entry]
    }

    /// The first series at or after `slot`.
    func first(from slot: UInt32) -> UInt32? {
        var slot = slot
        while slot < nextSlot {
            let position = Self.position(slot)
            guard position.branch < branches.count, let branch = branches[position.branch] else {
                slot = Self.next(slot, bits: Self.branchBits)
                continue
            }
            guard let leaf = unsafe branch.leaves[position.leaf] else {
                slot = Self.next(slot, bits: Self.leafBits)
                continue
            }
            if unsafe leaf[position.entry] != nil { return slot }
            slot += 1
        }
        return nil
    }

    /// The first number after those that share all but the low bits.
    private static func next(_ slot: UInt32, bits: UInt32) -> UInt32 {
        let (next, overflow) = ((slot >> bits) + 1).multipliedReportingOverflow(by: 1 << bits)
        return overflow ? .max : next
    }

    var isFull: Bool { nextSlot >= UInt32.max - 1 }

    func insert(_ column: UnsafeMutablePointer<Column>, account: inout Int) {
        let position = Self.position(nextSlot)
        while branches.count <= position.branch {
            let memory = unsafe Memory.allocate(Self.branchSize * 8, account: &account)
            let leaves = unsafe memory.bindMemory(to: Leaf?.self, capacity: Self.branchSize)
            unsafe leaves.initialize(repeating: nil, count: Self.branchSize)
            unsafe branches.append(
                Branch(leaves: leaves, used: 0, leafUse: Array(repeating: 0, count: Self.branchSize))
            )
        }
        guard var branch = branches[position.branch] else { preconditionFailure("no branch for a new series") }
        branches[position.branch] = nil
        if unsafe branch.leaves[position.leaf] == nil {
            let memory = unsafe Memory.allocate(Self.leafSize * 8, account: &account)
            let leaf = unsafe memory.bindMemory(to: UnsafeMutablePointer<Column>?.self, capacity: Self.leafSize)
            unsafe leaf.initialize(repeating: nil, count: Self.leafSize)
            unsafe branch.leaves[position.leaf] = unsafe leaf
        }
        unsafe branch.leaves[position.leaf]?[position.entry] = unsafe column
        branch.leafUse[position.leaf] += 1
        branch.used += 1
        branches[position.branch] = branch
        nextSlot += 1
        count += 1
    }

    func replace(_ slot: UInt32, with column: UnsafeMutablePointer<Column>) {
        let position = Self.position(slot)
        guard position.branch < branches.count else { return }
        unsafe branches[position.branch]?.leaves[position.leaf]?[position.entry] = unsafe column
    }

    func remove(_ slot: UInt32, account: inout Int) {
        let position = Self.position(slot)
        guard unsafe self[slot] != nil, var branch = branches[position.branch] else { return }
        branches[position.branch] = nil
        unsafe branch.leaves[position.leaf]?[position.entry] = nil
        branch.leafUse[position.leaf] -= 1
        branch.used -= 1
        count -= 1
        // What new series go into stays.
        let isOpen = nextSlot >> Self.leafBits == slot >> Self.leafBits
        if branch.leafUse[position.leaf] == 0, !isOpen, let leaf = unsafe branch.leaves[position.leaf] {
            unsafe Memory.free(leaf, byteCount: Self.leafSize * 8, account: &account)
            unsafe branch.leaves[position.leaf] = nil
        }
        if branch.used == 0, nextSlot >> Self.branchBits != slot >> Self.branchBits {
            unsafe Memory.free(branch.leaves, byteCount: Self.branchSize * 8, account: &account)
        } else {
            branches[position.branch] = branch
        }
    }
}

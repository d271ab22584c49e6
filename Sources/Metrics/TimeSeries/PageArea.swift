// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Memory of the store, taken and given back with the account kept.
enum Memory {
    /// What an allocation costs: glibc adds a word and rounds up to 16 bytes, 32 at least.
    static func cost(_ byteCount: Int) -> Int { max(32, (byteCount + 8 + 15) & ~15) }

    static func allocate(_ byteCount: Int, account: inout Int) -> UnsafeMutableRawPointer {
        guard let pointer = unsafe malloc(byteCount) else { preconditionFailure("out of memory") }
        account += cost(byteCount)
        return unsafe pointer
    }

    /// `byteCount` is what was asked for.
    static func free(_ pointer: UnsafeMutableRawPointer, byteCount: Int, account: inout Int) {
        account -= cost(byteCount)
        unsafe Glibc.free(pointer)
    }
}

/// The sealed pages of one series in one allocation: payloads from the front, their directory from the back.
///
/// The directory makes room behind the last payload, so that a decoder may load eight bytes at any bit of a payload.
@safe
struct PageArea {
    /// Where a page lies, and how many samples were sealed before it (counted on from the first page ever, wrapping).
    struct Entry {
        var firstRow: UInt32
        var offset: UInt32
        var samplesBefore: UInt32
    }

    private var base: UnsafeMutableRawPointer?
    private var used: UInt32
    private var capacity: UInt32
    private(set) var count: UInt32

    init() {
        unsafe base = nil
        used = 0
        capacity = 0
        count = 0
    }

    var isEmpty: Bool { count == 0 }

    private static var entrySize: Int { 12 }

    private func slot(_ index: Int) -> UnsafeMutablePointer<Entry> {
        guard let base = unsafe base, index >= 0, index <= count else {
            preconditionFailure("page \(index) of \(count)")
        }
        let address = unsafe base + (Int(capacity) - Self.entrySize * (index + 1))
        return unsafe address.assumingMemoryBound(to: Entry.self)
    }

    func entry(_ index: Int) -> Entry { unsafe slot(index).pointee }

    /// The payload of a page; the bytes counted may be followed by eight more that can be read.
    func payload(_ index: Int) -> (start: UnsafePointer<UInt8>, byteCount: Int) {
        let from = Int(entry(index).offset)
        let to = index + 1 < Int(count) ? Int(entry(index + 1).offset) : Int(used)
        guard let base = unsafe base else { preconditionFailure("a page without memory") }
        return unsafe (UnsafePointer((base + from).assumingMemoryBound(to: UInt8.self)), to - from)
    }

    mutating func append(_ bytes: [UInt8], firstRow: UInt32, samplesBefore: UInt32, account: inout Int) {
        let needed = Int(used) + bytes.count + Self.entrySize * (Int(count) + 1)
        if needed > Int(capacity) { resize(to: max(needed, Int(capacity) + Int(capacity) / 8), account: &account) }
        guard let base = unsafe base else { preconditionFailure("a page without memory") }
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe memcpy(base + Int(used), start, source.count)
        }
        unsafe slot(Int(count)).pointee = Entry(firstRow: firstRow, offset: used, samplesBefore: samplesBefore)
        used += UInt32(bytes.count)
        count += 1
    }

    /// Takes the oldest pages away.
    mutating func removeFirst(_ number: Int, account: inout Int) {
        guard number > 0 else { return }
        guard number < Int(count), let base = unsafe base else {
            removeAll(account: &account)
            return
        }
        let shift = entry(number).offset
        unsafe memmove(base, base + Int(shift), Int(used - shift))
        for index in number..<Int(count) {
            var moved = entry(index)
            moved.offset -= shift
            unsafe slot(index - number).pointee = moved
        }
        used -= shift
        count -= UInt32(number)
        let needed = Int(used) + Self.entrySize * Int(count)
        if needed < Int(capacity) * 3 / 4 { resize(to: needed, account: &account) }
    }

    /// Takes the newest pages away, down to `number`.
    mutating func keepFirst(_ number: Int, account: inout Int) {
        guard number < Int(count) else { return }
        if number == 0 { return removeAll(account: &account) }
        used = entry(number).offset
        count = UInt32(number)
    }

    mutating func removeAll(account: inout Int) {
        if let base = unsafe base { unsafe Memory.free(base, byteCount: Int(capacity), account: &account) }
        self = PageArea()
    }

    private mutating func resize(to byteCount: Int, account: inout Int) {
        // Rounded up to what the allocator gives anyway.
        let rounded = ((byteCount + 8 + 15) & ~15) - 8
        let fresh = unsafe Memory.allocate(rounded, account: &account)
        if let old = unsafe base {
            let directory = Self.entrySize * Int(count)
            unsafe memcpy(fresh, old, Int(used))
            unsafe memcpy(fresh + (rounded - directory), old + (Int(capacity) - directory), directory)
            unsafe Memory.free(old, byteCount: Int(capacity), account: &account)
        }
        unsafe base = fresh
        capacity = UInt32(rounded)
    }

    /// The last page that begins at or before `row`, by halving.
    func index(atOrBefore row: UInt32) -> Int? {
        var low = 0, high = Int(count)
        while low < high {
            let middle = (low + high) / 2
            if entry(middle).firstRow <= row { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }
}

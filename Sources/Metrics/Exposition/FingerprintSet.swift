// SPDX-License-Identifier: Apache-2.0

/// A set of 64-bit fingerprints in one array: half the memory and a fraction of the time of `Set<UInt64>`.
struct FingerprintSet {
    private var slots = [UInt64](repeating: 0, count: 1024)
    private(set) var count = 0

    /// Adds a fingerprint; false when it was there.
    mutating func insert(_ fingerprint: UInt64) -> Bool {
        let value = max(fingerprint, 1)
        if count * 3 >= slots.count * 2 { grow() }
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: value) & mask
        while slots[slot] != 0 {
            if slots[slot] == value { return false }
            slot = (slot + 1) & mask
        }
        slots[slot] = value
        count += 1
        return true
    }

    private mutating func grow() {
        let old = slots
        slots = [UInt64](repeating: 0, count: old.count * 2)
        let mask = slots.count - 1
        for value in old where value != 0 {
            var slot = Int(truncatingIfNeeded: value) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = value
        }
    }

    /// Mixes bytes, eight at a time. Not keyed: only for what its user chose to check.
    @inline(__always)
    static func hash(_ start: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        let raw = unsafe UnsafeRawPointer(start)
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15 &+ UInt64(truncatingIfNeeded: count)
        var index = 0
        while index &+ 8 <= count {
            let word = unsafe raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            state = mix(state ^ word)
            index &+= 8
        }
        var rest: UInt64 = 0
        while index < count {
            rest = rest << 8 | UInt64(unsafe start[index])
            index &+= 1
        }
        return mix(state ^ rest)
    }

    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
        return product.high ^ product.low
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Numbers the label pairs that one record of the log names, in the order in which they come.
///
/// A table with open addressing, as a segment's first record names all pairs of its source.
struct PairNumbering {
    /// The pairs' numbers in the index.
    private(set) var pairs: [UInt32] = []
    /// Places in `pairs`, one higher; 0 where there is none. At most half full.
    private var table = [UInt32](repeating: 0, count: 64)

    /// The number of a pair within the record.
    mutating func number(of pair: UInt32) -> Int {
        let slot = slot(of: pair)
        if table[slot] > 0 { return Int(table[slot]) - 1 }
        pairs.append(pair)
        table[slot] = UInt32(truncatingIfNeeded: pairs.count)
        if pairs.count * 2 > table.count { grow() }
        return pairs.count - 1
    }

    /// Where the pair stands, or would.
    private func slot(of pair: UInt32) -> Int {
        // Odd and of many bits, so that numbers that follow each other are spread.
        var slot = Int(truncatingIfNeeded: (UInt64(pair) &* 0x9E37_79B9_7F4A_7C15) >> 32) & (table.count - 1)
        while table[slot] > 0, pairs[Int(table[slot]) - 1] != pair { slot = (slot + 1) & (table.count - 1) }
        return slot
    }

    private mutating func grow() {
        table = [UInt32](repeating: 0, count: table.count * 4)
        for (place, pair) in pairs.enumerated() { table[slot(of: pair)] = UInt32(truncatingIfNeeded: place + 1) }
    }
}

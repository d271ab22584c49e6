// SPDX-License-Identifier: Apache-2.0

/// Appends bits to bytes, least significant first.
struct BitWriter {
    private(set) var bytes: [UInt8] = []
    private var pending: UInt64 = 0
    private var pendingCount = 0

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        pending = 0
        pendingCount = 0
    }

    /// Writes the low `count` bits of `value`; `count` is at most 64.
    mutating func write(_ value: UInt64, count: Int) {
        if count > 32 {
            write(value & 0xFFFF_FFFF, count: 32)
            write(value >> 32, count: count - 32)
            return
        }
        guard count > 0 else { return }
        pending |= (value & ((1 << UInt64(count)) &- 1)) << UInt64(pendingCount)
        pendingCount += count
        while pendingCount >= 8 {
            bytes.append(UInt8(truncatingIfNeeded: pending))
            pending >>= 8
            pendingCount -= 8
        }
    }

    /// Fills the last byte up with zeros.
    mutating func align() {
        guard pendingCount > 0 else { return }
        bytes.append(UInt8(truncatingIfNeeded: pending))
        pending = 0
        pendingCount = 0
    }

    mutating func write(byte: UInt8) { bytes.append(byte) }

    mutating func write(bytes more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

    mutating func write(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func write(signed value: Int64) { write(varint: value.zigzag) }

    mutating func write(fixed value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}

/// Reads what `BitWriter` wrote, from memory whose end it is told; past the end everything is zero.
@safe
struct BitReader {
    private let start: UnsafePointer<UInt8>
    private let byteCount: Int
    private(set) var bit: Int

    init(_ start: UnsafePointer<UInt8>, byteCount: Int) {
        unsafe self.start = unsafe start
        self.byteCount = byteCount
        bit = 0
    }

    /// Reads `count` bits, at most 64.
    mutating func read(_ count: Int) -> UInt64 {
        if count > 32 {
            let low = read(32)
            return low | read(count - 32) << 32
        }
        let index = bit >> 3
        let offset = UInt64(bit & 7)
        bit += count
        var word: UInt64 = 0
        if index + 8 <= byteCount {
            word = unsafe UInt64(littleEndian: UnsafeRawPointer(start + index).loadUnaligned(as: UInt64.self))
        } else {
            for position in 0..<max(0, min(8, byteCount - index)) {
                word |= unsafe UInt64(start[index + position]) << UInt64(8 * position)
            }
        }
        return (word >> offset) & ((1 << UInt64(count)) &- 1)
    }

    mutating func skip(_ bits: Int) { bit += bits }

    mutating func readByte() -> UInt8 {
        let index = bit >> 3
        bit += 8
        return index < byteCount ? unsafe start[index] : 0
    }

    mutating func readVarint() -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64 {
            let byte = readByte()
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        return value
    }

    mutating func readSigned() -> Int64 { Int64(zigzag: readVarint()) }

    mutating func readFixed() -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 8) { value |= UInt64(readByte()) << shift }
        return value
    }

    var isPastEnd: Bool { bit > byteCount * 8 }
}

extension Int64 {
    /// 0, -1, 1, -2, … as 0, 1, 2, 3, …
    var zigzag: UInt64 { UInt64(bitPattern: (self << 1) ^ (self >> 63)) }

    init(zigzag: UInt64) { self = Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1) }
}

// SPDX-License-Identifier: Apache-2.0

/// Hashes the values: eight bytes at a time, multiplied and folded, with a seed per process.
@usableFromInline
package struct LabelHasher: LabelEncoder {
    @usableFromInline package var state: UInt64

    @inlinable
    package init(seed: UInt64) {
        state = seed
    }

    @inlinable
    package mutating func append(_ value: String) {
        var value = value
        let seed = state
        state = value.withUTF8 { bytes in
            unsafe Self.hash(UnsafeRawBufferPointer(bytes), seed: seed)
        }
    }

    @inlinable
    @inline(__always)
    package static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inlinable
    package static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        let count = bytes.count
        var state = seed ^ UInt64(truncatingIfNeeded: count) &* 0x9e37_79b9_7f4a_7c15
        if count >= 8 {
            var offset = 0
            while offset &+ 8 <= count {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                state = fold(state ^ word, 0xa076_1d64_78bd_642f)
                offset &+= 8
            }
            // The last eight bytes, some of them for the second time, instead of a loop over the rest.
            let word = unsafe bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
            return fold(state ^ word, 0xe703_7ed1_a0b4_28db)
        }
        var word: UInt64 = 0
        if count >= 4 {
            let low = unsafe bytes.loadUnaligned(as: UInt32.self)
            let high = unsafe bytes.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
            word = UInt64(low) << 32 | UInt64(high)
        } else if count > 0 {
            let first = unsafe UInt64(bytes[0])
            let middle = unsafe UInt64(bytes[count >> 1])
            let last = unsafe UInt64(bytes[count &- 1])
            word = first << 16 | middle << 8 | last
        }
        return fold(state ^ word, 0xe703_7ed1_a0b4_28db)
    }
}

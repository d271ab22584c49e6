// SPDX-License-Identifier: Apache-2.0

/// CRC-32C (Castagnoli), eight bytes a step.
enum Checksum {
    private static let tables: [[UInt32]] = {
        var tables = [[UInt32]](repeating: [UInt32](repeating: 0, count: 256), count: 8)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
            tables[0][byte] = value
        }
        for level in 1..<8 {
            for byte in 0..<256 {
                let value = tables[level - 1][byte]
                tables[level][byte] = value >> 8 ^ tables[0][Int(value & 0xFF)]
            }
        }
        return tables
    }()

    /// One table after the other, for one bounds check each.
    private static let flat: [UInt32] = tables.flatMap { $0 }

    static func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe crc32c($0) }
    }

    static func crc32c(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        unsafe flat.withUnsafeBufferPointer { table in
            var checksum = ~UInt32(0)
            var index = 0
            while index + 8 <= bytes.count {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
                let low = UInt32(truncatingIfNeeded: word) ^ checksum
                let high = UInt32(truncatingIfNeeded: word >> 32)
                unsafe checksum =
                    table[1792 + Int(low & 0xFF)] ^ table[1536 + Int(low >> 8 & 0xFF)]
                    ^ table[1280 + Int(low >> 16 & 0xFF)] ^ table[1024 + Int(low >> 24)]
                    ^ table[768 + Int(high & 0xFF)] ^ table[512 + Int(high >> 8 & 0xFF)]
                    ^ table[256 + Int(high >> 16 & 0xFF)] ^ table[Int(high >> 24)]
                index += 8
            }
            while index < bytes.count {
                unsafe checksum = checksum >> 8 ^ table[Int((checksum ^ UInt32(bytes[index])) & 0xFF)]
                index += 1
            }
            return ~checksum
        }
    }
}

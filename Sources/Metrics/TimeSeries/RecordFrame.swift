// SPDX-License-Identifier: Apache-2.0

/// A record in a file that grows: its length, its CRC-32C, its payload.
package enum RecordFrame {
    package static let headSize = 8
    static let payloadLimit = 1 << 30

    package static func frame(_ payload: [UInt8]) -> [UInt8] {
        var record: [UInt8] = []
        record.reserveCapacity(headSize + payload.count)
        record += bytes(UInt32(truncatingIfNeeded: payload.count))
        record += bytes(Checksum.crc32c(payload[...]))
        record += payload
        return record
    }

    /// The payload of the record at `offset`, if it is whole and its checksum is right.
    package static func payload(_ bytes: [UInt8], at offset: Int) -> Range<Int>? {
        guard offset >= 0, bytes.count - offset >= headSize else { return nil }
        let length = Int(number(bytes, at: offset))
        let start = offset + headSize
        guard length > 0, length <= payloadLimit, length <= bytes.count - start else { return nil }
        guard Checksum.crc32c(bytes[start..<(start + length)]) == number(bytes, at: offset + 4) else { return nil }
        return start..<(start + length)
    }

    /// True when the bytes from `offset` on can be the beginning of one record that was not written to its end: too
    /// short for what they announce, or zeros that the file system put in the place of what it had not written.
    package static func isTorn(_ bytes: [UInt8], at offset: Int) -> Bool {
        let rest = bytes[offset...]
        if rest.count < headSize || rest.allSatisfy({ $0 == 0 }) { return true }
        let length = Int(number(bytes, at: offset))
        // A length that reaches past the end may be a damaged one. What follows then are whole records.
        return length <= payloadLimit && offset + headSize + length >= bytes.count
    }

    package static func bytes(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    /// Four bytes, lowest first; they must be there.
    package static func number(_ bytes: [UInt8], at offset: Int) -> UInt32 {
        var value: UInt32 = 0
        for index in 0..<4 { value |= UInt32(bytes[offset + index]) << UInt32(index * 8) }
        return value
    }
}

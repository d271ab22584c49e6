// SPDX-License-Identifier: Apache-2.0

/// Sets of ASCII characters as 128 bits.
enum ByteClass {
    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// `[a-zA-Z0-9_]`
    @inline(__always)
    static func isLabelByte(_ byte: UInt8) -> Bool {
        contains(byte, low: 0x03ff_0000_0000_0000, high: 0x07ff_fffe_87ff_fffe)
    }

    /// `[a-zA-Z0-9_:]`
    @inline(__always)
    static func isNameByte(_ byte: UInt8) -> Bool {
        contains(byte, low: 0x07ff_0000_0000_0000, high: 0x07ff_fffe_87ff_fffe)
    }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    @inline(__always)
    private static func contains(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        let word = byte & 0x40 == 0 ? low : high
        return byte < 0x80 && (word >> UInt64(byte & 0x3f)) & 1 != 0
    }

    /// Whether bytes are valid UTF-8: no surrogates, no overlong forms, nothing above U+10FFFF.
    static func isUTF8(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        let count = bytes.count
        func isContinuation(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xbf) -> Bool {
            unsafe offset < count && range.contains(bytes[offset])
        }
        while index < count {
            let lead = unsafe bytes[index]
            switch lead {
            case 0x00...0x7f:
                index += 1
            case 0xc2...0xdf:
                guard isContinuation(index + 1) else { return false }
                index += 2
            case 0xe0...0xef:
                let second: ClosedRange<UInt8> = lead == 0xe0 ? 0xa0...0xbf : lead == 0xed ? 0x80...0x9f : 0x80...0xbf
                guard isContinuation(index + 1, second), isContinuation(index + 2) else { return false }
                index += 3
            case 0xf0...0xf4:
                let second: ClosedRange<UInt8> = lead == 0xf0 ? 0x90...0xbf : lead == 0xf4 ? 0x80...0x8f : 0x80...0xbf
                guard isContinuation(index + 1, second), isContinuation(index + 2), isContinuation(index + 3) else {
                    return false
                }
                index += 4
            default:
                return false
            }
        }
        return true
    }
}

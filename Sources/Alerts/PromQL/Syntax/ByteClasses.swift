// SPDX-License-Identifier: Apache-2.0

extension UInt8 {
    var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
    var isDigit: Bool { self >= 0x30 && self <= 0x39 }

    /// First byte of a plain name: a letter or an underscore.
    var isNameStart: Bool {
        let lower = self | 0x20
        return self == 0x5F || (lower >= 0x61 && lower <= 0x7A)
    }

    var isNameByte: Bool { isNameStart || isDigit }

    /// The value of a hexadecimal digit.
    var hexDigit: UInt32? {
        switch self {
        case 0x30...0x39: UInt32(self - 0x30)
        case 0x41...0x46: UInt32(self - 0x41 + 10)
        case 0x61...0x66: UInt32(self - 0x61 + 10)
        default: nil
        }
    }
}

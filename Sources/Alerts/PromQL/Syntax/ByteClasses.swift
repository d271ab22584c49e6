// SPDX-License-Identifier: Apache-2.0

import GoFormatting

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
    var hexDigit: UInt32? { GoText.digit(self, radix: 16) }
}

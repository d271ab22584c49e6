// SPDX-License-Identifier: Apache-2.0

/// Text in the forms of Go's `strconv`, which Prometheus's messages and printed expressions use.
package enum GoText {
    package static func hex(_ value: UInt32, width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: Swift.max(0, width - digits.utf8.count)) + digits
    }

    package static func lowercased(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// A character in single quotes, as `%q` prints a rune.
    package static func quoted(_ scalar: Unicode.Scalar) -> String {
        if scalar == "'" { return "'\\''" }
        if scalar == "\"" { return "'\"'" }
        var text = "'"
        append(scalar, to: &text, asciiOnly: false)
        return text + "'"
    }

    /// Text in double quotes with Go's escapes; bytes that are not UTF-8 become `\x…`.
    package static func quote(_ bytes: [UInt8], asciiOnly: Bool = false) -> String {
        var text = "\""
        var decoder = UTF8()
        var index = 0
        while index < bytes.count {
            if bytes[index] < 0x80 {
                append(Unicode.Scalar(bytes[index]), to: &text, asciiOnly: asciiOnly)
                index += 1
                continue
            }
            var iterator = bytes[index..<Swift.min(index + 4, bytes.count)].makeIterator()
            decoder = UTF8()
            if case .scalarValue(let scalar) = decoder.decode(&iterator) {
                append(scalar, to: &text, asciiOnly: asciiOnly)
                index += UTF8.width(scalar)
            } else {
                text += "\\x" + hex(UInt32(bytes[index]), width: 2)
                index += 1
            }
        }
        return text + "\""
    }

    package static func quote(_ text: String, asciiOnly: Bool = false) -> String {
        quote(Array(text.utf8), asciiOnly: asciiOnly)
    }

    private static func append(_ scalar: Unicode.Scalar, to text: inout String, asciiOnly: Bool) {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\u{07}": text += "\\a"
        case "\u{08}": text += "\\b"
        case "\u{0C}": text += "\\f"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case "\u{0B}": text += "\\v"
        default:
            if scalar.value < 0x20 || scalar.value == 0x7F {
                text += "\\x" + hex(scalar.value, width: 2)
            } else if isPrintable(scalar), !asciiOnly || scalar.isASCII {
                text.unicodeScalars.append(scalar)
            } else {
                text +=
                    scalar.value > 0xFFFF ? "\\U" + hex(scalar.value, width: 8) : "\\u" + hex(scalar.value, width: 4)
            }
        }
    }

    /// Letters, marks, numbers, punctuation, symbols and the ASCII space.
    package static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7F { return scalar.value >= 0x20 }
        if scalar.value == 0xFFFD { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }

    /// The value of a digit; nil when it is none of the radix.
    package static func digit(_ byte: UInt8, radix: UInt32) -> UInt32? {
        let value: UInt32
        switch byte {
        case 0x30...0x39: value = UInt32(byte - 0x30)
        case 0x41...0x46: value = UInt32(byte - 0x41 + 10)
        case 0x61...0x66: value = UInt32(byte - 0x61 + 10)
        default: return nil
        }
        return value < radix ? value : nil
    }

    /// The text of a whole literal, quotes included; nil when it is malformed.
    package static func unquote(_ literal: String) -> String? {
        let bytes = Array(literal.utf8)
        guard bytes.count >= 2, let quote = bytes.first, bytes.last == quote, "\"'`".utf8.contains(quote) else {
            return nil
        }
        return unquote(bytes[...]).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes that a string literal with its quotes stands for; nil when an escape is wrong.
    package static func unquote(_ literal: ArraySlice<UInt8>) -> [UInt8]? {
        guard literal.count >= 2, let quote = literal.first else { return nil }
        let body = literal.dropFirst().dropLast()
        if quote == UInt8(ascii: "`") { return body.filter { $0 != 0x0D } }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(body.count)
        var index = body.startIndex
        while index < body.endIndex {
            let byte = body[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard index < body.endIndex else { return nil }
            let kind = body[index]
            index += 1
            switch kind {
            case UInt8(ascii: "a"): bytes.append(0x07)
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0C)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "v"): bytes.append(0x0B)
            case UInt8(ascii: "\\"), quote: bytes.append(kind)
            case UInt8(ascii: "x"), UInt8(ascii: "u"), UInt8(ascii: "U"), UInt8(ascii: "0")...UInt8(ascii: "7"):
                let isOctal = kind <= UInt8(ascii: "7")
                if isOctal { index -= 1 }
                let count = isOctal ? 3 : kind == UInt8(ascii: "x") ? 2 : kind == UInt8(ascii: "u") ? 4 : 8
                guard body.endIndex - index >= count else { return nil }
                var value: UInt32 = 0
                for _ in 0..<count {
                    guard let digit = digit(body[index], radix: isOctal ? 8 : 16) else { return nil }
                    value = value &* (isOctal ? 8 : 16) &+ digit
                    index += 1
                }
                if isOctal || kind == UInt8(ascii: "x") {
                    guard value <= 255 else { return nil }
                    bytes.append(UInt8(value))
                } else {
                    guard let scalar = Unicode.Scalar(value) else { return nil }
                    bytes.append(contentsOf: String(Character(scalar)).utf8)
                }
            default: return nil
            }
        }
        return bytes
    }
}

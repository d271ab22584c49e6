// SPDX-License-Identifier: Apache-2.0

/// Go's quoted strings.
package enum GoText {
    /// As `%q`: double quotes, escapes for what does not print.
    package static func quote(_ text: String, asciiOnly: Bool = false) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars { escape(scalar, into: &quoted, quote: "\"", asciiOnly: asciiOnly) }
        return quoted + "\""
    }

    /// As `%q` of a number: a character in single quotes.
    static func quote(character: Unicode.Scalar) -> String {
        var quoted = "'"
        escape(character, into: &quoted, quote: "'", asciiOnly: false)
        return quoted + "'"
    }

    private static func escape(
        _ scalar: Unicode.Scalar,
        into text: inout String,
        quote: Unicode.Scalar,
        asciiOnly: Bool
    ) {
        switch scalar {
        case quote, "\\":
            text += "\\"
            text.unicodeScalars.append(scalar)
        case "\u{07}": text += "\\a"
        case "\u{08}": text += "\\b"
        case "\u{0C}": text += "\\f"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case "\u{0B}": text += "\\v"
        default:
            if scalar.isASCII ? isPrintable(scalar) : (!asciiOnly && isPrintable(scalar)) {
                text.unicodeScalars.append(scalar)
            } else if scalar.value < 0x80 {
                text += "\\x" + hexadecimal(scalar.value, digits: 2)
            } else if scalar.value < 0x10000 {
                text += "\\u" + hexadecimal(scalar.value, digits: 4)
            } else {
                text += "\\U" + hexadecimal(scalar.value, digits: 8)
            }
        }
    }

    static func hexadecimal(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// Letters, marks, numbers, punctuation, symbols and the ASCII space.
    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7F }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }

    /// Reads a literal with its quotes: `"…"` with escapes or a raw one in back quotes. nil when malformed.
    package static func unquote(_ literal: String) -> String? {
        let bytes = Array(literal.utf8)
        guard bytes.count >= 2, let quote = bytes.first, bytes.last == quote else { return nil }
        let body = bytes[1..<(bytes.count - 1)]
        if quote == UInt8(ascii: "`") {
            return String(decoding: body.filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
        }
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(body.count)
        var index = body.startIndex
        while index < body.endIndex {
            let byte = body[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                if byte == quote || byte == UInt8(ascii: "\n") { return nil }
                out.append(byte)
                continue
            }
            guard unescape(body, &index, quote: quote, into: &out) else { return nil }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// One escape behind its backslash.
    private static func unescape(
        _ bytes: ArraySlice<UInt8>,
        _ index: inout Int,
        quote: UInt8,
        into out: inout [UInt8]
    ) -> Bool {
        guard index < bytes.endIndex else { return false }
        let kind = bytes[index]
        index += 1
        switch kind {
        case UInt8(ascii: "a"): out.append(7)
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "f"): out.append(12)
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "v"): out.append(11)
        case UInt8(ascii: "\\"), quote: out.append(kind)
        case UInt8(ascii: "x"): return append(bytes, &index, digits: 2, radix: 16, isByte: true, into: &out)
        case UInt8(ascii: "u"): return append(bytes, &index, digits: 4, radix: 16, isByte: false, into: &out)
        case UInt8(ascii: "U"): return append(bytes, &index, digits: 8, radix: 16, isByte: false, into: &out)
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            index -= 1
            return append(bytes, &index, digits: 3, radix: 8, isByte: true, into: &out)
        default: return false
        }
        return true
    }

    private static func append(
        _ bytes: ArraySlice<UInt8>,
        _ index: inout Int,
        digits: Int,
        radix: Int,
        isByte: Bool,
        into out: inout [UInt8]
    ) -> Bool {
        guard bytes.endIndex - index >= digits else { return false }
        let text = String(decoding: bytes[index..<(index + digits)], as: UTF8.self)
        index += digits
        guard text.utf8.first != UInt8(ascii: "+"), text.utf8.first != UInt8(ascii: "-"),
            let value = UInt32(text, radix: radix)
        else { return false }
        if isByte {
            guard let byte = UInt8(exactly: value) else { return false }
            out.append(byte)
            return true
        }
        guard let scalar = Unicode.Scalar(value) else { return false }
        out.append(contentsOf: Array(String(Character(scalar)).utf8))
        return true
    }
}

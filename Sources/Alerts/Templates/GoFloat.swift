// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Floating-point numbers as Go prints them.
package enum GoFloat {
    /// As `%v`: the shortest digits that read back equal, with an exponent below 1e-4 and from 1e+06 on.
    package static func shortest(_ value: Double) -> String {
        special(value) ?? shortest(value, exponentFrom: 6)
    }

    static func special(_ value: Double) -> String? {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return nil
    }

    /// As `strconv.FormatFloat(v, 'E', -1, 64)`: `1.5E+00`.
    package static func scientific(_ value: Double, letter: String = "E") -> String {
        if let special = special(value) { return special }
        let parts = digits(value)
        return parts.sign + mantissa(parts.digits) + exponent(parts.point - 1, letter)
    }

    /// As `strconv.FormatFloat(v, 'f', -1, 64)`: never an exponent.
    package static func plain(_ value: Double) -> String {
        special(value) ?? shortest(value, exponentFrom: .max, exponentBelow: .min)
    }

    private static func shortest(_ value: Double, exponentFrom: Int, exponentBelow: Int = -4) -> String {
        let (sign, digits, point) = digits(value)
        let exponent = point - 1
        if digits != [UInt8(ascii: "0")], exponent < exponentBelow || exponent >= exponentFrom {
            return sign + mantissa(digits) + Self.exponent(exponent, "e")
        }
        if point <= 0 {
            return sign + "0." + String(repeating: "0", count: -point) + String(decoding: digits, as: UTF8.self)
        }
        if point >= digits.count {
            return sign + String(decoding: digits, as: UTF8.self) + String(repeating: "0", count: point - digits.count)
        }
        return sign + String(decoding: digits[..<point], as: UTF8.self) + "."
            + String(decoding: digits[point...], as: UTF8.self)
    }

    private static func mantissa(_ digits: [UInt8]) -> String {
        let head = String(decoding: digits.prefix(1), as: UTF8.self)
        return digits.count > 1 ? head + "." + String(decoding: digits.dropFirst(), as: UTF8.self) : head
    }

    private static func exponent(_ exponent: Int, _ letter: String) -> String {
        let magnitude = exponent.magnitude
        return letter + (exponent < 0 ? "-" : "+") + (magnitude < 10 ? "0" : "") + String(magnitude)
    }

    /// Shortest decimal digits without leading or trailing zeros, and where the point stands: 0.d × 10^point.
    private static func digits(_ value: Double) -> (sign: String, digits: [UInt8], point: Int) {
        let sign = value.sign == .minus ? "-" : ""
        if value == 0 { return (sign, [UInt8(ascii: "0")], 1) }
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        var text = value.magnitude.description.utf8[...]
        while let byte = text.popFirst() {
            switch byte {
            case UInt8(ascii: "."): point = digits.count
            case UInt8(ascii: "e"):
                exponent = Int(String(decoding: text, as: UTF8.self)) ?? 0
                text = text.dropFirst(text.count)
            default: digits.append(byte)
            }
        }
        var place = (point ?? digits.count) + exponent
        let leading = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(leading)
        place -= leading
        while digits.last == UInt8(ascii: "0"), digits.count > 1 { digits.removeLast() }
        return (sign, digits, place)
    }

    /// As C's and Go's `%.<precision><verb>` of a finite number; `verb` is e, f or g.
    package static func format(_ value: Double, verb: Character, precision: Int) -> String {
        if let special = special(value) { return special }
        let precision = min(max(precision, 0), 500)
        let pattern =
            switch verb {
            case "e", "E": "%.*e"
            case "g", "G": "%.*g"
            default: "%.*f"
            }
        var buffer = [CChar](repeating: 0, count: 1024)
        let count = unsafe withVaList([Int32(precision), value]) { list in
            unsafe buffer.withUnsafeMutableBufferPointer { unsafe vsnprintf($0.baseAddress, $0.count, pattern, list) }
        }
        let length = min(Int(max(count, 0)), buffer.count - 1)
        let text = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return verb == "E" || verb == "G" ? text.uppercased() : text
    }
}

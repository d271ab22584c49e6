// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Numbers in the forms of Go's `strconv.FormatFloat`: always the shortest digits that read back the same.
package enum GoFloat {
    /// Sign, digits and the position of the decimal point: 0.digits × 10^point.
    private struct Decimal {
        var isNegative: Bool
        var digits: [UInt8]
        var point: Int
    }

    package static func special(_ value: Double) -> String? {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return nil
    }

    private static func decimal(_ value: Double) -> Decimal {
        var digits: [UInt8] = []
        var point = 0
        var exponent = 0
        var sawPoint = false
        var integral = 0
        var bytes = Array(value.magnitude.description.utf8)[...]
        if let mark = bytes.firstIndex(of: UInt8(ascii: "e")) {
            exponent = Int(String(decoding: bytes[(mark + 1)...], as: UTF8.self)) ?? 0
            bytes = bytes[..<mark]
        }
        for byte in bytes {
            if byte == UInt8(ascii: ".") {
                sawPoint = true
            } else {
                digits.append(byte)
                if !sawPoint { integral += 1 }
            }
        }
        point = integral + exponent
        while digits.count > 1, digits.first == UInt8(ascii: "0") {
            digits.removeFirst()
            point -= 1
        }
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        if digits == [UInt8(ascii: "0")] { point = 1 }
        return Decimal(isNegative: value.sign == .minus, digits: digits, point: point)
    }

    private static func positional(_ decimal: Decimal) -> String {
        var text: [UInt8] = decimal.isNegative ? [UInt8(ascii: "-")] : []
        if decimal.point <= 0 {
            text += [UInt8(ascii: "0"), UInt8(ascii: ".")]
            text += [UInt8](repeating: UInt8(ascii: "0"), count: -decimal.point)
            text += decimal.digits
        } else if decimal.point >= decimal.digits.count {
            text += decimal.digits
            text += [UInt8](repeating: UInt8(ascii: "0"), count: decimal.point - decimal.digits.count)
        } else {
            text += decimal.digits[..<decimal.point]
            text.append(UInt8(ascii: "."))
            text += decimal.digits[decimal.point...]
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func scientific(_ decimal: Decimal, mark: UInt8) -> String {
        var text: [UInt8] = decimal.isNegative ? [UInt8(ascii: "-")] : []
        text.append(decimal.digits[0])
        if decimal.digits.count > 1 {
            text.append(UInt8(ascii: "."))
            text += decimal.digits[1...]
        }
        let isZero = decimal.digits == [UInt8(ascii: "0")]
        let exponent = isZero ? 0 : decimal.point - 1
        text.append(mark)
        text.append(exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        if exponent.magnitude < 10 { text.append(UInt8(ascii: "0")) }
        text += String(exponent.magnitude).utf8
        return String(decoding: text, as: UTF8.self)
    }

    /// Without an exponent: `12345.678` (`'f', -1`).
    package static func plain(_ value: Double) -> String {
        special(value) ?? positional(decimal(value))
    }

    /// As Prometheus writes values in its answers: `plain` from 1e-6 up to 1e21, otherwise with an exponent.
    package static func answer(_ value: Double) -> String {
        if let special = special(value) { return special }
        let isPlain = value == 0 || (1e-6..<1e21).contains(value.magnitude)
        return isPlain ? positional(decimal(value)) : scientific(decimal(value), mark: UInt8(ascii: "e"))
    }

    /// With an exponent for very small and large numbers (`%g`, `%v`): `1e+06`.
    package static func general(_ value: Double) -> String {
        if let special = special(value) { return special }
        let decimal = decimal(value)
        let exponent = decimal.point - 1
        if decimal.digits != [UInt8(ascii: "0")], exponent < -4 || exponent >= 6 {
            return scientific(decimal, mark: UInt8(ascii: "e"))
        }
        return positional(decimal)
    }

    /// Always with an exponent (`'E', -1`): `1.5E+00`, the form of promtool's test reports.
    package static func exponential(_ value: Double) -> String {
        special(value) ?? scientific(decimal(value), mark: UInt8(ascii: "E"))
    }

    /// With a fixed number of decimals (`%.3f`), rounded half to even on the binary value for up to 6 decimals.
    package static func fixed(_ value: Double, decimals: Int) -> String {
        if let special = special(value) { return special }
        let scale = (0..<decimals).reduce(1.0) { result, _ in result * 10 }
        let scaled = (value.magnitude * scale).rounded(.toNearestOrEven)
        guard scaled < 1e18 else { return plain(value) + "." + String(repeating: "0", count: decimals) }
        let digits = plain(scaled)
        let padded = String(repeating: "0", count: Swift.max(0, decimals + 1 - digits.utf8.count)) + digits
        let bytes = Array(padded.utf8)
        let split = bytes.count - decimals
        let sign = value.sign == .minus && scaled > 0 ? "-" : ""
        let whole = String(decoding: bytes[..<split], as: UTF8.self)
        return decimals == 0 ? sign + whole : sign + whole + "." + String(decoding: bytes[split...], as: UTF8.self)
    }

    /// As C's and Go's `%.<precision><verb>`; `verb` is e, f or g.
    package static func format(_ value: Double, verb: Character, precision: Int) -> String {
        if let special = special(value) { return special }
        let precision = Swift.min(Swift.max(precision, 0), 500)
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
        let length = Swift.min(Int(Swift.max(count, 0)), buffer.count - 1)
        let text = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return verb == "E" || verb == "G" ? text.uppercased() : text
    }
}

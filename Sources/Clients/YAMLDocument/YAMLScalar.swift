// SPDX-License-Identifier: Apache-2.0

/// What the text of a plain scalar means.
package enum YAMLScalar {
    package static func boolean(_ text: String) -> Bool? {
        switch text {
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y": true
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N": false
        default: nil
        }
    }

    /// Decimal, `0x`, `0o` and `0b`, with `_` between digits.
    package static func integer(_ text: String) -> Int? {
        var digits = text.utf8.filter { $0 != UInt8(ascii: "_") }[...]
        var isNegative = false
        if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            digits = digits.dropFirst()
        }
        var radix = 10
        if digits.count > 2, digits.first == UInt8(ascii: "0"), let marker = digits.dropFirst().first {
            switch marker {
            case UInt8(ascii: "x"): radix = 16
            case UInt8(ascii: "o"): radix = 8
            case UInt8(ascii: "b"): radix = 2
            default: break
            }
            if radix != 10 { digits = digits.dropFirst(2) }
        }
        guard let first = digits.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "+"),
            text.utf8.first != UInt8(ascii: "_")
        else { return nil }
        return Int((isNegative ? "-" : "") + String(decoding: digits, as: UTF8.self), radix: radix)
    }

    package static func number(_ text: String) -> Double? {
        switch text {
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .infinity
        case "-.inf", "-.Inf", "-.INF": return -.infinity
        case ".nan", ".NaN", ".NAN": return .nan
        default: break
        }
        // Only what looks like a number: Double(_:) would also take "nan" and "infinity".
        guard let first = text.utf8.first, "+-.0123456789".utf8.contains(first),
            text.utf8.allSatisfy({ "+-.0123456789eE_".utf8.contains($0) })
        else { return integer(text).map(Double.init) }
        return Double(text.filter { $0 != "_" })
    }

    static func shortTag(of text: String) -> String {
        switch text {
        case "", "~", "null", "Null", "NULL": return "!!null"
        case "true", "True", "TRUE", "false", "False", "FALSE": return "!!bool"
        default: break
        }
        if integer(text) != nil { return "!!int" }
        if number(text) != nil { return "!!float" }
        return "!!str"
    }
}

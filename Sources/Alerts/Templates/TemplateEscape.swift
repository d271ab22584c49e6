// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// Escaping for the places where text from outside ends up.
package enum TemplateEscape {
    package static func html(_ text: String) -> String {
        var escaped = ""
        escaped.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": escaped += "&#34;"
            case "'": escaped += "&#39;"
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\0": escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    static func javaScript(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "'": escaped += "\\'"
            case "\"": escaped += "\\\""
            case "<", ">", "&", "=": escaped += "\\u" + hexadecimal(scalar.value)
            default:
                if scalar.isASCII ? scalar.value >= 0x20 : GoText.isPrintable(scalar) {
                    escaped.unicodeScalars.append(scalar)
                } else {
                    escaped += "\\u" + hexadecimal(scalar.value)
                }
            }
        }
        return escaped
    }

    /// For a URL's query: letters, digits and `-_.~` stay, a space becomes `+`.
    package static func query(_ text: String) -> String { percent(text, plusForSpace: true) }

    /// For a URL's path segment: a space becomes `%20`.
    package static func path(_ text: String) -> String { percent(text, plusForSpace: false) }

    private static func percent(_ text: String, plusForSpace: Bool) -> String {
        var escaped: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                escaped.append(byte)
            case UInt8(ascii: " ") where plusForSpace: escaped.append(UInt8(ascii: "+"))
            default: escaped += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - text.utf8.count)) + text
    }
}

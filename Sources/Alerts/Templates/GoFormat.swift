// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// `fmt.Sprintf` and `fmt.Sprint` on template values.
package enum GoFormat {
    /// Widths and precisions beyond this are cut: nobody needs them, and they cost memory.
    private static let widthLimit = 1000

    private struct Directive {
        var minus = false, plus = false, sharp = false, space = false, zero = false
        var width = 0
        var precision: Int?
    }

    /// A value inside a line: nil is `<nil>`.
    package static func text(_ value: TemplateValue) -> String {
        var text = ""
        value.write(to: &text, depth: 0)
        return text
    }

    /// Values joined; a space stands between two when neither is text.
    package static func print(_ values: [TemplateValue]) -> String {
        var text = ""
        for (index, value) in values.enumerated() {
            if index > 0, value.text == nil, values[index - 1].text == nil { text += " " }
            text += self.text(value)
        }
        return text
    }

    package static func format(_ pattern: String, _ values: [TemplateValue]) -> String {
        var out = ""
        var scalars = pattern.unicodeScalars[...]
        var next = 0
        while let scalar = scalars.popFirst() {
            guard scalar == "%" else {
                out.unicodeScalars.append(scalar)
                continue
            }
            var directive = Directive()
            flags: while let flag = scalars.first {
                switch flag {
                case "-": (directive.minus, directive.zero) = (true, false)
                case "+": directive.plus = true
                case "#": directive.sharp = true
                case " ": directive.space = true
                case "0": directive.zero = !directive.minus
                default: break flags
                }
                scalars.removeFirst()
            }
            if scalars.first == "*" {
                scalars.removeFirst()
                if next < values.count, case .integer(let width) = values[next] {
                    directive.minus = directive.minus || width < 0
                    directive.width = Int(min(width.magnitude, UInt64(widthLimit)))
                } else {
                    out += "%!(BADWIDTH)"
                }
                next += 1
            } else {
                directive.width = number(&scalars) ?? 0
            }
            if scalars.first == "." {
                scalars.removeFirst()
                if scalars.first == "*" {
                    scalars.removeFirst()
                    if next < values.count, case .integer(let precision) = values[next], precision >= 0 {
                        directive.precision = Int(min(precision, Int64(widthLimit)))
                    } else {
                        out += "%!(BADPREC)"
                    }
                    next += 1
                } else {
                    directive.precision = number(&scalars) ?? 0
                }
            }
            guard let verb = scalars.popFirst() else {
                out += "%!(NOVERB)"
                break
            }
            if verb == "%" {
                out += "%"
            } else if next >= values.count {
                out += "%!\(Character(verb))(MISSING)"
            } else {
                out += pad(render(values[next], verb, directive), directive)
                next += 1
            }
        }
        if next < values.count {
            let extra = values[next...].map { value in
                if case .null = value { "<nil>" } else { "\(value.typeName)=\(text(value))" }
            }
            out += "%!(EXTRA " + extra.joined(separator: ", ") + ")"
        }
        return out
    }

    private static func number(_ scalars: inout Substring.UnicodeScalarView) -> Int? {
        var value: Int?
        while let scalar = scalars.first, scalar.value >= 0x30, scalar.value <= 0x39 {
            value = min((value ?? 0) * 10 + Int(scalar.value - 0x30), widthLimit)
            scalars.removeFirst()
        }
        return value
    }

    private static func pad(_ text: String, _ directive: Directive) -> String {
        let missing = directive.width - text.unicodeScalars.count
        guard missing > 0 else { return text }
        if directive.minus { return text + String(repeating: " ", count: missing) }
        guard directive.zero else { return String(repeating: " ", count: missing) + text }
        let zeros = String(repeating: "0", count: missing)
        if let sign = text.utf8.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            return String(text.prefix(1)) + zeros + text.dropFirst()
        }
        return zeros + text
    }

    private static func render(_ value: TemplateValue, _ verb: Unicode.Scalar, _ directive: Directive) -> String {
        let verb = Character(verb)
        if verb == "T" { return value.typeName == "nil" ? "<nil>" : value.typeName }
        switch value {
        case .null: return verb == "v" ? "<nil>" : "%!\(verb)(<nil>)"
        case .list(let elements):
            return "["
                + elements.map { pad(render($0, verb.unicodeScalar, directive), directive) }.joined(separator: " ")
                + "]"
        case .map(let map):
            let pairs = map.sortedKeys.map { key in
                render(.string(key), verb.unicodeScalar, directive) + ":"
                    + render(map.values[key] ?? .null, verb.unicodeScalar, directive)
            }
            return "map[" + pairs.joined(separator: " ") + "]"
        case .object:
            let plain = value.plain
            if case .object = plain { return text(value) }
            return render(plain, verb.unicodeScalar, directive)
        case .function: return "<func>"
        case .bool(let flag): return verb == "t" || verb == "v" ? (flag ? "true" : "false") : bad(value, verb)
        case .integer(let number): return render(integer: number, verb, directive) ?? bad(value, verb)
        case .float(let number): return render(float: number, verb, directive) ?? bad(value, verb)
        case .string(let string), .html(let string): return render(string: string, verb, directive) ?? bad(value, verb)
        }
    }

    private static func bad(_ value: TemplateValue, _ verb: Character) -> String {
        "%!\(verb)(\(value.typeName)=\(text(value)))"
    }

    private static func signed(_ digits: String, isNegative: Bool, _ directive: Directive) -> String {
        isNegative ? "-" + digits : directive.plus ? "+" + digits : directive.space ? " " + digits : digits
    }

    private static func render(integer: Int64, _ verb: Character, _ directive: Directive) -> String? {
        let isNegative = integer < 0
        let scalar = UInt32(exactly: integer).flatMap(Unicode.Scalar.init) ?? "\u{FFFD}"
        switch verb {
        case "d", "v":
            var digits = String(integer.magnitude)
            if let precision = directive.precision, digits.utf8.count < precision {
                digits = String(repeating: "0", count: precision - digits.utf8.count) + digits
            }
            return signed(digits, isNegative: isNegative, directive)
        case "b": return signed(String(integer.magnitude, radix: 2), isNegative: isNegative, directive)
        case "o":
            return signed(
                (directive.sharp ? "0" : "") + String(integer.magnitude, radix: 8),
                isNegative: isNegative,
                directive
            )
        case "x", "X":
            let digits = String(integer.magnitude, radix: 16, uppercase: verb == "X")
            let prefix = directive.sharp ? (verb == "X" ? "0X" : "0x") : ""
            return signed(prefix + digits, isNegative: isNegative, directive)
        case "c": return String(Character(scalar))
        case "q": return GoText.quoted(scalar)
        case "U": return "U+" + hexadecimal(UInt64(bitPattern: integer))
        default: return nil
        }
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - text.utf8.count)) + text
    }

    private static func render(float: Double, _ verb: Character, _ directive: Directive) -> String? {
        let text: String
        switch verb {
        case "v", "g", "G":
            let shown =
                directive.precision.map { GoFloat.format(float, verb: "g", precision: $0) } ?? GoFloat.general(float)
            text = verb == "G" ? shown.uppercased() : shown
        case "e", "E", "f", "F":
            text = GoFloat.format(float, verb: verb == "F" ? "f" : verb, precision: directive.precision ?? 6)
        default: return nil
        }
        if float.isNaN { return directive.plus ? "+NaN" : "NaN" }
        if text.hasPrefix("+") { return directive.plus ? text : directive.space ? " Inf" : "+Inf" }
        return text.hasPrefix("-") ? text : signed(text, isNegative: false, directive)
    }

    private static func render(string: String, _ verb: Character, _ directive: Directive) -> String? {
        let cut =
            directive.precision.map { String(String.UnicodeScalarView(string.unicodeScalars.prefix($0))) } ?? string
        switch verb {
        case "s", "v": return directive.sharp && verb == "v" ? GoText.quote(cut) : cut
        case "q":
            return directive.sharp && !cut.contains("`") ? "`\(cut)`" : GoText.quote(cut, asciiOnly: directive.plus)
        case "x", "X":
            return cut.utf8.map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: verb == "X")
            }.joined()
        default: return nil
        }
    }
}

extension Character {
    fileprivate var unicodeScalar: Unicode.Scalar { unicodeScalars.first ?? " " }
}

// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import GoTemplates
import RegularExpressions

/// Text functions of rule templates.
enum TemplateText {
    /// Replaces every match; `$1` and `${name}` in the replacement stand for groups, `$$` for a dollar sign.
    static func replaceAll(_ text: String, matching expression: RegularExpression, with replacement: String) -> String {
        let bytes = Array(text.utf8)
        let pattern = Array(replacement.utf8)
        var out: [UInt8] = []
        var position = 0
        while position <= bytes.count, let match = expression.firstMatch(in: bytes, from: position),
            let whole = match.first ?? nil
        {
            out += bytes[position..<whole.lowerBound]
            expand(pattern, match, bytes, expression, into: &out)
            if whole.isEmpty {
                // An empty match moves on by one character, which stays.
                var next = whole.upperBound + 1
                while next < bytes.count, bytes[next] & 0xC0 == 0x80 { next += 1 }
                if whole.upperBound < bytes.count { out += bytes[whole.upperBound..<min(next, bytes.count)] }
                position = next
            } else {
                position = whole.upperBound
            }
        }
        if position < bytes.count { out += bytes[position...] }
        return String(decoding: out, as: UTF8.self)
    }

    private static func expand(
        _ pattern: [UInt8],
        _ match: [Range<Int>?],
        _ bytes: [UInt8],
        _ expression: RegularExpression,
        into out: inout [UInt8]
    ) {
        var index = 0
        while index < pattern.count {
            guard pattern[index] == UInt8(ascii: "$"), index + 1 < pattern.count else {
                out.append(pattern[index])
                index += 1
                continue
            }
            index += 1
            if pattern[index] == UInt8(ascii: "$") {
                out.append(UInt8(ascii: "$"))
                index += 1
                continue
            }
            let isBraced = pattern[index] == UInt8(ascii: "{")
            if isBraced { index += 1 }
            let start = index
            while index < pattern.count, isWord(pattern[index]) { index += 1 }
            let name = String(decoding: pattern[start..<index], as: UTF8.self)
            if isBraced {
                guard index < pattern.count, pattern[index] == UInt8(ascii: "}"), !name.isEmpty else {
                    out += pattern[(start - 2)..<index]
                    continue
                }
                index += 1
            } else if name.isEmpty {
                out.append(UInt8(ascii: "$"))
                continue
            }
            let group = Int(name) ?? expression.groupIndex(named: name) ?? -1
            if group >= 0, group < match.count, let range = match[group] { out += bytes[range] }
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
    }

    /// The first letter of each word in upper case; a word begins behind what is neither letter, digit nor underscore.
    static func title(_ text: String) -> String {
        var titled = ""
        var isStart = true
        for character in text {
            titled += isStart ? character.uppercased() : String(character)
            let isWord = character.isLetter || character.isNumber || character == "_" || character == "'"
            isStart = !isWord
        }
        return titled
    }

    static func stripPort(_ text: String) -> String { splitHostPort(text)?.host ?? text }

    /// The host up to its first dot; an address stays, a port stays.
    static func stripDomain(_ text: String) -> String {
        let (host, port) = splitHostPort(text) ?? (text, "")
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        if isAddress(bare) { return text }
        let name = String(host.prefix { $0 != "." })
        return port.isEmpty ? name : "\(name):\(port)"
    }

    private static func splitHostPort(_ text: String) -> (host: String, port: String)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let host = text[..<colon]
        let port = String(text[text.index(after: colon)...])
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            return (String(host.dropFirst().dropLast()), port)
        }
        return host.contains(":") || host.contains("]") || port.contains("]") ? nil : (String(host), port)
    }

    private static func isAddress(_ host: String) -> Bool {
        if host.contains(":") { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Text as Go's ParseFloat takes it.
    static func float(_ text: String) -> Double? {
        switch text.lowercased() {
        case "inf", "+inf", "infinity", "+infinity": return .infinity
        case "-inf", "-infinity": return -.infinity
        case "nan": return .nan
        default: break
        }
        guard let first = text.utf8.first, (0x30...0x39).contains(first) || "+-.".utf8.contains(first),
            !text.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "n") })
        else { return nil }
        return Double(text)
    }

    /// A duration as Go prints one: `1h2m3.5s`, `100ms`, `0s`.
    static func goDuration(seconds: Double) throws(TemplateError) -> String {
        let nanoseconds = seconds * 1e9
        guard nanoseconds.magnitude < 9.2e18 else {
            let shown = GoFloat.general(seconds)
            throw TemplateError("\(shown) cannot be represented as a nanoseconds duration since it overflows int64")
        }
        let total = Int64(nanoseconds)
        if total == 0 { return "0s" }
        let sign = total < 0 ? "-" : ""
        let magnitude = total.magnitude
        func decimal(_ value: UInt64, _ unit: UInt64) -> String {
            var fraction = String(value % unit)
            fraction = String(repeating: "0", count: String(unit).utf8.count - 1 - fraction.utf8.count) + fraction
            while fraction.hasSuffix("0") { fraction.removeLast() }
            return fraction.isEmpty ? "\(value / unit)" : "\(value / unit).\(fraction)"
        }
        if magnitude < 1000 { return "\(sign)\(magnitude)ns" }
        if magnitude < 1_000_000 { return sign + decimal(magnitude, 1000) + "µs" }
        if magnitude < 1_000_000_000 { return sign + decimal(magnitude, 1_000_000) + "ms" }
        let (hours, rest) = magnitude.quotientAndRemainder(dividingBy: 3_600_000_000_000)
        let (minutes, remainder) = rest.quotientAndRemainder(dividingBy: 60_000_000_000)
        let secondsText = decimal(remainder, 1_000_000_000) + "s"
        if hours > 0 { return "\(sign)\(hours)h\(minutes)m\(secondsText)" }
        return minutes > 0 ? "\(sign)\(minutes)m\(secondsText)" : sign + secondsText
    }
}

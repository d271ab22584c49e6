// SPDX-License-Identifier: Apache-2.0

/// One element of `Accept`, `Accept-Encoding` or `Content-Type`: a word and its parameters, all in lower case but values.
struct MediaRange {
    /// More elements than this are not looked at; no honest client sends them.
    static let mostElements = 64

    var name: String
    var parameters: [(name: String, value: String)] = []

    subscript(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// `q`, 1 when absent, 0 when unreadable.
    var quality: Double {
        guard let text = self["q"] else { return 1 }
        let bytes = Array(text.utf8)
        guard let value = ExpositionNumber.parse(bytes.span), value >= 0, value <= 1 else { return 0 }
        return value
    }

    /// The elements of a header.
    static func list(_ header: String) -> [MediaRange] {
        var ranges: [MediaRange] = []
        for element in split(header, at: UInt8(ascii: ",")).prefix(mostElements) {
            let parts = split(element, at: UInt8(ascii: ";"))
            guard let first = parts.first else { continue }
            let name = trimmed(first).lowercased()
            guard !name.isEmpty else { continue }
            var range = MediaRange(name: name)
            for part in parts.dropFirst() {
                guard let equal = part.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
                range.parameters.append(
                    (
                        trimmed(String(part[..<equal])).lowercased(),
                        unquoted(trimmed(String(part[part.utf8.index(after: equal)...])))
                    )
                )
            }
            ranges.append(range)
        }
        return ranges
    }

    /// Splits outside of quotes.
    private static func split(_ text: String, at separator: UInt8) -> [String] {
        var parts: [[UInt8]] = [[]]
        var isQuoted = false
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == UInt8(ascii: "\\"), isQuoted {
                isEscaped = true
            } else if byte == separator, !isQuoted {
                parts.append([])
                continue
            }
            parts[parts.count - 1].append(byte)
        }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }

    private static func trimmed(_ text: String) -> String {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let bytes = text.utf8.drop(while: isBlank)
        return String(decoding: bytes.reversed().drop(while: isBlank).reversed(), as: UTF8.self)
    }

    private static func unquoted(_ text: String) -> String {
        guard text.utf8.count >= 2, text.utf8.first == UInt8(ascii: "\""), text.utf8.last == UInt8(ascii: "\"") else {
            return text
        }
        return String(decoding: text.utf8.dropFirst().dropLast(), as: UTF8.self)
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Parameters of a request, from its query string and from a form body, in their order; names may repeat.
package struct Parameters: Sendable {
    package struct Invalid: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// More parameters than this are a mistake or an attack.
    package static let limit = 10_000

    package private(set) var pairs: [(name: String, value: String)] = []

    package init() {}

    /// Decodes `application/x-www-form-urlencoded` text (WHATWG URL §5.1): `+` is a space, `%XX` a byte, UTF-8.
    package mutating func append(encoded text: some Sequence<UInt8>) throws(Invalid) {
        var name: [UInt8] = []
        var value: [UInt8] = []
        var inValue = false
        var escape: (first: UInt8?, active: Bool) = (nil, false)
        func finish(_ parameters: inout Parameters) throws(Invalid) {
            guard !name.isEmpty || !value.isEmpty else { return }
            guard parameters.pairs.count < Self.limit else { throw Invalid(description: "too many parameters") }
            guard let name = String(validating: name, as: UTF8.self),
                let value = String(validating: value, as: UTF8.self)
            else { throw Invalid(description: "parameters are not UTF-8") }
            parameters.pairs.append((name, value))
        }
        for byte in text {
            if escape.active {
                guard let digit = Self.hexValue(byte) else { throw Invalid(description: "malformed percent-encoding") }
                if let first = escape.first {
                    let decoded = first << 4 | digit
                    if inValue { value.append(decoded) } else { name.append(decoded) }
                    escape = (nil, false)
                } else {
                    escape.first = digit
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "%"): escape = (nil, true)
            case UInt8(ascii: "&"):
                try finish(&self)
                name.removeAll(keepingCapacity: true)
                value.removeAll(keepingCapacity: true)
                inValue = false
            case UInt8(ascii: "=") where !inValue: inValue = true
            case UInt8(ascii: "+"): if inValue { value.append(0x20) } else { name.append(0x20) }
            default: if inValue { value.append(byte) } else { name.append(byte) }
            }
        }
        guard !escape.active else { throw Invalid(description: "malformed percent-encoding") }
        try finish(&self)
    }

    package subscript(_ name: String) -> String? { pairs.first { $0.name == name }?.value }

    package func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    /// Decodes the percent-encoding of one path component; nil when malformed.
    package static func decodePathComponent(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(hexValue), let low = iterator.next().flatMap(hexValue) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Writes JSON (RFC 8259) into a byte buffer: commas are placed by the writer, every string is escaped, nothing is ever
/// substituted into text. A value type; one writer, one thread.
///
/// Nesting is the caller's: an object is `beginObject`, then `key` and a value each, then `endObject`.
package struct JSONWriter: Sendable {
    /// What was written so far.
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init(reservingCapacity capacity: Int = 256) {
        bytes.reserveCapacity(capacity)
    }

    // MARK: Structure

    package mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    package mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    package mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    package mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    package mutating func key(_ name: String) {
        separate()
        appendQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func object(_ body: (inout JSONWriter) -> Void) {
        beginObject()
        body(&self)
        endObject()
    }

    package mutating func array<S: Sequence>(_ elements: S, _ body: (inout JSONWriter, S.Element) -> Void) {
        beginArray()
        for element in elements { body(&self, element) }
        endArray()
    }

    // MARK: Values

    package mutating func string(_ value: String) {
        separate()
        appendQuoted(value)
        needsComma = true
    }

    package mutating func integer(_ value: some BinaryInteger) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
        needsComma = true
    }

    /// A number; what JSON cannot say (NaN, infinities) becomes `null`.
    package mutating func number(_ value: Double) {
        guard value.isFinite else { return null() }
        separate()
        if let integer = Int64(exactly: value), abs(value) < 1e15 {
            bytes.append(contentsOf: String(integer).utf8)
        } else {
            bytes.append(contentsOf: value.description.utf8)
        }
        needsComma = true
    }

    package mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
        needsComma = true
    }

    package mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
        needsComma = true
    }

    /// Bytes that are JSON already.
    package mutating func raw(_ json: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    // MARK: Members

    package mutating func member(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    package mutating func member(_ name: String, _ value: some BinaryInteger) {
        key(name)
        integer(value)
    }

    package mutating func member(_ name: String, _ value: Double) {
        key(name)
        number(value)
    }

    package mutating func member(_ name: String, _ value: Bool) {
        key(name)
        bool(value)
    }

    package mutating func member(_ name: String, object body: (inout JSONWriter) -> Void) {
        key(name)
        object(body)
    }

    package mutating func member<S: Sequence>(
        _ name: String,
        array elements: S,
        _ body: (inout JSONWriter, S.Element) -> Void
    ) {
        key(name)
        array(elements, body)
    }

    /// A member whose name and text come as bytes; what is no UTF-8 is replaced.
    package mutating func member(utf8 name: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) {
        separate()
        appendQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        appendQuoted(text)
        needsComma = true
    }

    /// An object of strings, in the order given.
    package mutating func member(_ name: String, strings pairs: some Sequence<(name: String, value: String)>) {
        key(name)
        beginObject()
        for pair in pairs { member(pair.name, pair.value) }
        endObject()
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func appendQuoted(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { text in unsafe appendEscaped(text) }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendQuoted(_ text: ArraySlice<UInt8>) {
        // Beyond ASCII it is made sure that it is UTF-8 at all.
        guard text.allSatisfy({ $0 < 0x80 }) else { return appendQuoted(String(decoding: text, as: UTF8.self)) }
        bytes.append(UInt8(ascii: "\""))
        unsafe text.withUnsafeBufferPointer { text in unsafe appendEscaped(text) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Most of a text goes as it is: runs without anything to escape are copied whole.
    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var copied = 0
        for index in text.indices {
            let byte = unsafe text[index]
            guard Self.isSpecial[Int(byte)] else { continue }
            unsafe bytes.append(contentsOf: text[copied..<index])
            copied = index + 1
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "\"")])
            case UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "\\")])
            case UInt8(ascii: "\n"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
            case UInt8(ascii: "\r"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
            case UInt8(ascii: "\t"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
            // `<`, `>` and `&` are escaped as Go's encoder does, so that JSON in a page stays JSON.
            case 0..<0x20, 0x7f, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(Self.hexDigit(byte >> 4))
                bytes.append(Self.hexDigit(byte & 15))
            default: bytes.append(byte)
            }
        }
        unsafe bytes.append(contentsOf: text[copied...])
    }

    /// The bytes that do not stand for themselves in a string.
    private static let isSpecial: [Bool] = (UInt8.min ... .max).map { byte in
        byte < 0x20 || byte == 0x7f || "\"\\<>&".utf8.contains(byte)
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

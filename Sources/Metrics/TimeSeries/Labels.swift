// SPDX-License-Identifier: Apache-2.0

/// The name and value pairs that make a series: sorted by name, names distinct, empty values dropped.
///
/// One buffer holds everything: for each pair the length of the name, the name, the length of the value, the value.
/// Equality is a comparison of bytes; looking up a name walks the pairs.
package struct Labels: Hashable, Sendable {
    private(set) var bytes: [UInt8]

    package init() { bytes = [] }

    /// Sorts the pairs and drops empty values; of pairs with one name the last one stays.
    package init(_ pairs: [(String, String)]) {
        var builder = LabelsBuilder()
        for (name, value) in pairs { builder.set(Array(name.utf8), Array(value.utf8)) }
        self = builder.build()
    }

    /// Takes pairs that are sorted by name, distinct and without empty values, in the encoding of `bytes`.
    init(encoded bytes: [UInt8]) { self.bytes = bytes }

    package var isEmpty: Bool { bytes.isEmpty }

    package var count: Int {
        var count = 0, cursor = 0
        while Self.next(in: bytes, at: &cursor) != nil { count += 1 }
        return count
    }

    package var pairs: [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        forEach { result.append((name: $0, value: $1)) }
        return result
    }

    package func forEach<E: Error>(_ body: (_ name: String, _ value: String) throws(E) -> Void) throws(E) {
        var cursor = 0
        while let pair = Self.next(in: bytes, at: &cursor) {
            try body(
                String(decoding: bytes[pair.name], as: UTF8.self),
                String(decoding: bytes[pair.value], as: UTF8.self)
            )
        }
    }

    /// The same without making strings: the UTF-8 of each name and value.
    package func forEachUTF8(_ body: (_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void) {
        var cursor = 0
        while let pair = Self.next(in: bytes, at: &cursor) { body(bytes[pair.name], bytes[pair.value]) }
    }

    package subscript(name: String) -> String? {
        var cursor = 0
        while let pair = Self.next(in: bytes, at: &cursor) {
            if bytes[pair.name].elementsEqual(name.utf8) { return String(decoding: bytes[pair.value], as: UTF8.self) }
        }
        return nil
    }

    /// The metric name, which is the label `__name__`.
    package var metricName: String? { self[Self.metricNameLabel] }

    package static let metricNameLabel = "__name__"

    /// The same labels with one more or one changed; an empty value takes the label away.
    package func setting(_ name: String, to value: String) -> Labels {
        var builder = LabelsBuilder(self)
        builder.set(Array(name.utf8), Array(value.utf8))
        return builder.build()
    }

    package func dropping(_ names: some Sequence<String>) -> Labels {
        let names = names.map { Array($0.utf8) }
        return filtered { name in !names.contains { $0.elementsEqual(name) } }
    }

    package func keeping(_ names: some Sequence<String>) -> Labels {
        let names = names.map { Array($0.utf8) }
        return filtered { name in names.contains { $0.elementsEqual(name) } }
    }

    private func filtered(_ isKept: (ArraySlice<UInt8>) -> Bool) -> Labels {
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count)
        var cursor = 0
        while true {
            let start = cursor
            guard let pair = Self.next(in: bytes, at: &cursor) else { break }
            if isKept(bytes[pair.name]) { kept.append(contentsOf: bytes[start..<cursor]) }
        }
        return Labels(encoded: kept)
    }

    /// FNV-1a, 64 bits, over each name and value followed by 0xFF; the same number that Alertmanager computes.
    package var fingerprint: UInt64 {
        var hash: UInt64 = 14_695_981_039_346_656_037
        func add(_ byte: UInt8) {
            hash ^= UInt64(byte)
            hash = hash &* 1_099_511_628_211
        }
        var cursor = 0
        while let pair = Self.next(in: bytes, at: &cursor) {
            for byte in bytes[pair.name] { add(byte) }
            add(0xFF)
            for byte in bytes[pair.value] { add(byte) }
            add(0xFF)
        }
        return hash
    }

    /// Reads the pair at `cursor` and moves behind it; nil at the end.
    static func next(in bytes: [UInt8], at cursor: inout Int) -> (name: Range<Int>, value: Range<Int>)? {
        guard let name = nextText(in: bytes, at: &cursor), let value = nextText(in: bytes, at: &cursor) else {
            return nil
        }
        return (name, value)
    }

    private static func nextText(in bytes: [UInt8], at cursor: inout Int) -> Range<Int>? {
        var length = 0, shift = 0
        while cursor < bytes.count, shift < 56 {
            let byte = bytes[cursor]
            cursor += 1
            length |= Int(byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 {
                guard length <= bytes.count - cursor else { return nil }
                defer { cursor += length }
                return cursor..<(cursor + length)
            }
        }
        return nil
    }
}

extension Labels: Comparable {
    /// Pair by pair, names first, by the bytes of their UTF-8; of two that begin alike the shorter one comes first.
    package static func < (left: Labels, right: Labels) -> Bool {
        var leftCursor = 0, rightCursor = 0
        while true {
            guard let ours = next(in: left.bytes, at: &leftCursor) else { return rightCursor < right.bytes.count }
            guard let theirs = next(in: right.bytes, at: &rightCursor) else { return false }
            if left.bytes[ours.name] != right.bytes[theirs.name] {
                return left.bytes[ours.name].lexicographicallyPrecedes(right.bytes[theirs.name])
            }
            if left.bytes[ours.value] != right.bytes[theirs.value] {
                return left.bytes[ours.value].lexicographicallyPrecedes(right.bytes[theirs.value])
            }
        }
    }
}

extension Labels: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }
}

extension Labels: CustomStringConvertible {
    /// `name{a="b", c="d"}`, as Prometheus shows a metric; a name that is no identifier stays among the labels.
    package var description: String {
        guard let name = metricName, Self.isIdentifier(name) else { return inBraces }
        let rest = pairs(withName: false)
        return rest.isEmpty ? name : name + "{" + rest + "}"
    }

    /// The form with the metric name as a label among the others, in which Prometheus's errors show series.
    package var inBraces: String { "{" + pairs(withName: true) + "}" }

    private func pairs(withName: Bool) -> String {
        var text = "", separator = ""
        forEach { label, value in
            if label == Self.metricNameLabel, !withName { return }
            text += separator + (Self.isIdentifier(label) ? label : Self.quoted(label)) + "=" + Self.quoted(value)
            separator = ", "
        }
        return text
    }

    static func quoted(_ text: String) -> String {
        var result: [UInt8] = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): result += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            default: result.append(byte)
            }
        }
        result.append(UInt8(ascii: "\""))
        return String(decoding: result, as: UTF8.self)
    }

    static func isIdentifier(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"): true
            default: false
            }
        }
    }
}

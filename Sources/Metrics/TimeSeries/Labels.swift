// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The name and value pairs that make a series: sorted by name, names distinct, empty values dropped.
///
/// One buffer holds everything: for each pair the length of the name, the name, the length of the value, the value.
/// Equality is a comparison of bytes; looking up a name walks the pairs.
package struct Labels: Hashable, Sendable {
    private(set) var bytes: [UInt8]

    package init() { bytes = [] }

    /// Sorts the pairs and drops empty values; of pairs with one name the last one stays.
    package init(_ pairs: [(String, String)]) {
        bytes = LabelsEncoding.encode(pairs.lazy.map { ($0.utf8, $1.utf8) })
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

    package subscript(name: String) -> String? { utf8(of: name).map { String(decoding: $0, as: UTF8.self) } }

    /// The UTF-8 of a label's value.
    package func utf8(of name: String) -> ArraySlice<UInt8>? {
        var cursor = 0
        let count = name.utf8.count
        while let pair = Self.next(in: bytes, at: &cursor) {
            if pair.name.count == count, bytes[pair.name].elementsEqual(name.utf8) { return bytes[pair.value] }
        }
        return nil
    }

    /// The metric name, which is the label `__name__`.
    package var metricName: String? { self[Self.metricNameLabel] }

    package static let metricNameLabel = "__name__"

    /// The same labels with one more or one changed; an empty value takes the label away.
    package func setting(_ name: String, to value: String) -> Labels {
        // The pairs are sorted: the new one goes where it belongs, and the rest stays as it is.
        var cursor = 0, start = bytes.count, end = bytes.count
        while true {
            let position = cursor
            guard let pair = Self.next(in: bytes, at: &cursor) else { break }
            let own = bytes[pair.name]
            if own.lexicographicallyPrecedes(name.utf8) { continue }
            start = position
            end = own.elementsEqual(name.utf8) ? cursor : position
            break
        }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + name.utf8.count + value.utf8.count + 8)
        result.append(contentsOf: bytes[..<start])
        if !value.isEmpty {
            LabelsEncoding.append(name.utf8, to: &result)
            LabelsEncoding.append(value.utf8, to: &result)
        }
        result.append(contentsOf: bytes[end...])
        return Labels(encoded: result)
    }

    package func dropping(_ names: some Sequence<String>) -> Labels {
        let names = names.map { Array($0.utf8) }
        return filtered { name in !names.contains { $0.elementsEqual(name) } }
    }

    package func keeping(_ names: some Sequence<String>) -> Labels {
        let names = names.map { Array($0.utf8) }
        return filtered { name in names.contains { $0.elementsEqual(name) } }
    }

    /// The pairs that `other` has as well.
    package func common(with other: Labels) -> Labels {
        if self == other { return self }
        var kept: [UInt8] = []
        var cursor = 0, theirs = 0
        var their = Self.next(in: other.bytes, at: &theirs)
        while true {
            let start = cursor
            guard let pair = Self.next(in: bytes, at: &cursor) else { break }
            while let found = their, Self.compare(other.bytes[found.name], bytes[pair.name]) < 0 {
                their = Self.next(in: other.bytes, at: &theirs)
            }
            if let found = their, Self.compare(other.bytes[found.name], bytes[pair.name]) == 0,
                Self.compare(other.bytes[found.value], bytes[pair.value]) == 0
            {
                kept.append(contentsOf: bytes[start..<cursor])
            }
        }
        return kept.count == bytes.count ? self : Labels(encoded: kept)
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

    package static func == (left: Labels, right: Labels) -> Bool {
        guard left.bytes.count == right.bytes.count else { return false }
        return unsafe left.bytes.withUnsafeBytes { ours in
            unsafe right.bytes.withUnsafeBytes { theirs in
                guard let our = ours.baseAddress, let their = theirs.baseAddress else { return unsafe ours.isEmpty }
                return unsafe our == their || memcmp(our, their, ours.count) == 0
            }
        }
    }

    /// All bytes at once: an array would hash them one by one.
    package func hash(into hasher: inout Hasher) {
        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
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
            var order = compare(left.bytes[ours.name], right.bytes[theirs.name])
            if order == 0 { order = compare(left.bytes[ours.value], right.bytes[theirs.value]) }
            if order != 0 { return order < 0 }
        }
    }

    /// The positions of label sets in their order, by the values of some names first. Cheaper than sorting what carries them:
    /// every set is read once, and positions are all that moves.
    package static func order(_ sets: some Sequence<Labels>, by names: [String] = []) -> [Int] {
        var keys: [UInt8] = [], ends = [0]
        // What ends is less than what goes on.
        func append(_ text: ArraySlice<UInt8>) {
            keys.append(contentsOf: text)
            keys.append(0)
        }
        for labels in sets {
            for name in names { append(labels.utf8(of: name) ?? []) }
            labels.forEachUTF8 { name, value in
                append(name)
                append(value)
            }
            ends.append(keys.count)
        }
        return unsafe keys.withUnsafeBytes { keys in
            (0..<ends.count - 1).sorted { left, right in
                let ours = ends[left]..<ends[left + 1], theirs = ends[right]..<ends[right + 1]
                guard let base = keys.baseAddress else { return false }
                let count = min(ours.count, theirs.count)
                let order = unsafe memcmp(base + ours.lowerBound, base + theirs.lowerBound, count)
                return order != 0 ? order < 0 : ours.count < theirs.count
            }
        }
    }

    /// Negative, 0 or positive, by the bytes; of two that begin alike the shorter one comes first.
    package static func compare(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
        unsafe left.withUnsafeBytes { ours in
            unsafe right.withUnsafeBytes { theirs in
                guard let our = ours.baseAddress, let their = theirs.baseAddress else {
                    return ours.count - theirs.count
                }
                let order = unsafe memcmp(our, their, min(ours.count, theirs.count))
                return order != 0 ? Int(order) : ours.count - theirs.count
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
        guard let name = utf8(of: Self.metricNameLabel), Self.isIdentifier(name) else { return inBraces }
        var text = Array(name)
        text.append(UInt8(ascii: "{"))
        appendPairs(to: &text, withName: false)
        // Nothing but the name: no braces either.
        if text.count == name.count + 1 { text.removeLast() } else { text.append(UInt8(ascii: "}")) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The form with the metric name as a label among the others, in which Prometheus's errors show series.
    package var inBraces: String {
        var text = [UInt8(ascii: "{")]
        appendPairs(to: &text, withName: true)
        text.append(UInt8(ascii: "}"))
        return String(decoding: text, as: UTF8.self)
    }

    private func appendPairs(to text: inout [UInt8], withName: Bool) {
        var isFirst = true
        forEachUTF8 { label, value in
            if !withName, label.elementsEqual(Self.metricNameLabel.utf8) { return }
            if !isFirst { text.append(contentsOf: ", ".utf8) }
            isFirst = false
            if Self.isIdentifier(label) { text.append(contentsOf: label) } else { Self.appendQuoted(label, to: &text) }
            text.append(UInt8(ascii: "="))
            Self.appendQuoted(value, to: &text)
        }
    }

    static func quoted(_ text: String) -> String {
        var result: [UInt8] = []
        appendQuoted(ArraySlice(text.utf8), to: &result)
        return String(decoding: result, as: UTF8.self)
    }

    private static func appendQuoted(_ part: ArraySlice<UInt8>, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for byte in part {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(byte)
            case UInt8(ascii: "\n"): text.append(contentsOf: "\\n".utf8)
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    static func isIdentifier(_ text: some Collection<UInt8>) -> Bool {
        guard let first = text.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return text.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"): true
            default: false
            }
        }
    }
}

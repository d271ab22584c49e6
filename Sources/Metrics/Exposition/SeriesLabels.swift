// SPDX-License-Identifier: Apache-2.0

/// The labels of one series, rendered and escaped once: `code="200",method="GET"`, sorted by name.
///
/// Equal label sets are equal values in whatever order they were given. Made when a series is made, used at every
/// rendering without an allocation.
public struct SeriesLabels: Sendable, Hashable {
    /// The rendered labels without braces; names outside the classic alphabet are quoted.
    let text: [UInt8]
    /// False when a name needs quotes and must be escaped for readers of classic names.
    let isClassic: Bool
    /// Unicode scalars in all names and values; OpenMetrics limits those of an exemplar.
    let scalarCount: Int

    /// No labels.
    public static let none = SeriesLabels([])

    /// Renders labels.
    /// - Parameter labels: names and values in any order. A label with an empty name is left out; of two with one name
    ///   the first counts.
    public init(_ labels: [(name: String, value: String)]) {
        var seen: [(name: String, value: String)] = []
        seen.reserveCapacity(labels.count)
        for label in labels
        where !label.name.isEmpty && !seen.contains(where: { $0.name.utf8.elementsEqual(label.name.utf8) }) {
            seen.append(label)
        }
        seen.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        self.init(sortedAndUnique: seen)
    }

    private init(sortedAndUnique labels: [(name: String, value: String)]) {
        var text: [UInt8] = []
        var isClassic = true
        var scalarCount = 0
        for (name, value) in labels {
            scalarCount += name.unicodeScalars.count + value.unicodeScalars.count
            if !text.isEmpty { text.append(UInt8(ascii: ",")) }
            if NameEscaping.isClassic(name, isLabel: true) {
                text.append(contentsOf: name.utf8)
            } else {
                isClassic = false
                text.append(UInt8(ascii: "\""))
                Self.appendEscaped(name, to: &text)
                text.append(UInt8(ascii: "\""))
            }
            text.append(UInt8(ascii: "="))
            text.append(UInt8(ascii: "\""))
            Self.appendEscaped(value, to: &text)
            text.append(UInt8(ascii: "\""))
        }
        self.text = text
        self.isClassic = isClassic
        self.scalarCount = scalarCount
    }

    /// Renders labels that are sorted, unique and valid UTF-8 already.
    init(sorted pairs: [(name: Range<Int>, value: Range<Int>)], in bytes: UnsafeBufferPointer<UInt8>) {
        var text: [UInt8] = []
        var isClassic = true
        var scalarCount = 0
        func append(_ range: Range<Int>) {
            var index = range.lowerBound
            while index < range.upperBound {
                let byte = unsafe bytes[index]
                if byte & 0xc0 != 0x80 { scalarCount += 1 }
                Self.appendEscaped(byte, to: &text)
                index += 1
            }
        }
        text.reserveCapacity(pairs.reduce(0) { $0 + $1.name.count + $1.value.count + 4 })
        for (name, value) in pairs {
            if !text.isEmpty { text.append(UInt8(ascii: ",")) }
            let first = unsafe bytes[name.lowerBound]
            let isPlain = unsafe !ByteClass.isDigit(first) && bytes[name].allSatisfy { ByteClass.isLabelByte($0) }
            if !isPlain {
                isClassic = false
                text.append(UInt8(ascii: "\""))
            }
            append(name)
            if !isPlain { text.append(UInt8(ascii: "\"")) }
            text.append(UInt8(ascii: "="))
            text.append(UInt8(ascii: "\""))
            append(value)
            text.append(UInt8(ascii: "\""))
        }
        self.text = text
        self.isClassic = isClassic
        self.scalarCount = scalarCount
    }

    /// The rendered bytes without braces: equal for equal labels, so they can be a key.
    public var renderedBytes: [UInt8] { text }

    /// No label at all.
    public var isEmpty: Bool { text.isEmpty }

    /// Names and values, unescaped, in order of the names. Allocates; not for every scrape.
    public var pairs: [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        unsafe text.withUnsafeBufferPointer { bytes in
            var labels = unsafe RenderedLabelIterator(bytes)
            while let label = labels.next() {
                result.append((labels.string(label.name), labels.string(label.value)))
            }
        }
        return result
    }

    /// The same labels with one more, as a series of its own.
    /// - Parameters:
    ///   - name: the label's name; one that exists is replaced.
    ///   - value: its value.
    public func adding(_ name: String, _ value: String) -> SeriesLabels {
        SeriesLabels([(name, value)] + pairs)
    }

    func escaped(by escaping: NameEscaping) -> SeriesLabels {
        SeriesLabels(pairs.map { (escaping.escape($0.name, isLabel: true), $0.value) })
    }

    /// Appends text with `\`, `"` and line feed escaped, as label values and quoted names need.
    static func appendEscaped(_ value: String, to text: inout [UInt8]) {
        for byte in value.utf8 { appendEscaped(byte, to: &text) }
    }

    @inline(__always)
    static func appendEscaped(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\\"), UInt8(ascii: "\""): text.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "\n"):
            text.append(UInt8(ascii: "\\"))
            text.append(UInt8(ascii: "n"))
            return
        default: break
        }
        text.append(byte)
    }
}

extension SeriesLabels: ExpressibleByDictionaryLiteral {
    /// `["code": "200"]`.
    /// - Parameter elements: names and values.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements.map { (name: $0.0, value: $0.1) })
    }
}

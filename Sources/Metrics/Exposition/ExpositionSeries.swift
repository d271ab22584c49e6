// SPDX-License-Identifier: Apache-2.0

/// The name and labels of a series, decoded from the bytes that `ExpositionCursor` points to.
///
/// Decoding allocates; do it once per new series, not per sample.
public struct ExpositionSeries: Sendable, Hashable {
    /// One label.
    public struct Label: Sendable, Hashable {
        /// Its name, unescaped.
        public var name: String
        /// Its value, unescaped.
        public var value: String

        /// Creates a label.
        /// - Parameters:
        ///   - name: unescaped.
        ///   - value: unescaped.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The metric name.
    public var name: String
    /// The labels in the order of the line, without the name.
    public var labels: [Label]

    /// Creates a series from its parts.
    /// - Parameters:
    ///   - name: the metric name.
    ///   - labels: the labels.
    public init(name: String, labels: [Label] = []) {
        self.name = name
        self.labels = labels
    }

    /// Decodes the bytes of a series, such as `name{a="b"}` or `{"my.name",a="b"}`.
    /// - Parameters:
    ///   - series: what the entry's range covers.
    ///   - line: the line for the error.
    /// - Throws: `duplicateLabelName`, `reservedLabelName`, or what is wrong with the form.
    public init(decoding series: Span<UInt8>, line: Int = 1) throws(ExpositionError) {
        self.init(name: "")
        try unsafe series.withUnsafeBufferPointer { bytes throws(ExpositionError) in
            var decoder = unsafe SeriesDecoder(bytes, line: line)
            try decoder.readName(into: &name)
            try decoder.readLabels(into: &labels, name: &name)
        }
        guard !name.isEmpty else { throw ExpositionError(.invalidName, line: line, column: 1) }
    }

    /// Decodes labels that stand alone, as those of an exemplar: `trace_id="abc"`.
    /// - Parameters:
    ///   - labels: what stands between the braces.
    ///   - line: the line for the error.
    /// - Returns: the labels in their order.
    /// - Throws: as `init(decoding:line:)`.
    public static func decodeLabels(_ labels: Span<UInt8>, line: Int = 1) throws(ExpositionError) -> [Label] {
        var result: [Label] = []
        try unsafe labels.withUnsafeBufferPointer { bytes throws(ExpositionError) in
            var decoder = unsafe SeriesDecoder(bytes, line: line)
            var name = ""
            try decoder.readPairs(into: &result, name: &name, mayName: false)
        }
        return result
    }

    /// Decodes the text of `# HELP`: `\\` and `\n`, in OpenMetrics also `\"`. Other escapes stay as they are.
    /// - Parameters:
    ///   - text: what the entry's range covers.
    ///   - encoding: text or OpenMetrics.
    /// - Returns: the text.
    public static func decodeHelp(_ text: Span<UInt8>, encoding: ExpositionFormat.Encoding) -> String {
        unsafe text.withUnsafeBufferPointer { bytes in
            unsafe SeriesDecoder(bytes, line: 1).unescaped(0..<bytes.count, quotes: encoding == .openMetrics)
        }
    }
}

/// Walks over the bytes of one series.
@safe
private struct SeriesDecoder {
    let bytes: UnsafeBufferPointer<UInt8>
    let line: Int
    var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, line: Int) {
        unsafe self.bytes = bytes
        self.line = line
    }

    private var peek: UInt8? { unsafe position < bytes.count ? bytes[position] : nil }

    private func error(_ problem: ExpositionError.Problem) -> ExpositionError {
        ExpositionError(problem, line: line, column: position + 1)
    }

    private mutating func skipBlanks() {
        while let byte = peek, ByteClass.isBlank(byte) { position += 1 }
    }

    mutating func readName(into name: inout String) throws(ExpositionError) {
        let start = position
        while let byte = peek, ByteClass.isNameByte(byte) { position += 1 }
        name = unescaped(start..<position)
        skipBlanks()
    }

    mutating func readLabels(
        into labels: inout [ExpositionSeries.Label],
        name: inout String
    ) throws(ExpositionError) {
        guard let byte = peek else { return }
        guard byte == UInt8(ascii: "{") else { throw error(.invalidName) }
        position += 1
        try readPairs(into: &labels, name: &name, mayName: name.isEmpty)
    }

    mutating func readPairs(
        into labels: inout [ExpositionSeries.Label],
        name: inout String,
        mayName: Bool
    ) throws(ExpositionError) {
        while true {
            skipBlanks()
            guard let byte = peek, byte != UInt8(ascii: "}") else { break }
            let label: String
            if byte == UInt8(ascii: "\"") {
                label = try quoted()
                skipBlanks()
                if peek != UInt8(ascii: "=") {
                    guard mayName, name.isEmpty else { throw error(.invalidName) }
                    name = label
                    if peek == UInt8(ascii: ",") { position += 1 }
                    continue
                }
            } else {
                let start = position
                while let byte = peek, ByteClass.isLabelByte(byte) { position += 1 }
                label = unescaped(start..<position)
                skipBlanks()
            }
            guard !label.isEmpty else { throw error(.invalidLabelName) }
            guard label != "__name__" else { throw error(.reservedLabelName) }
            guard peek == UInt8(ascii: "=") else { throw error(.missingEqualSign) }
            position += 1
            skipBlanks()
            labels.append(.init(name: label, value: try quoted()))
            skipBlanks()
            if peek == UInt8(ascii: ",") { position += 1 }
        }
        guard !Self.hasDuplicates(labels) else { throw error(.duplicateLabelName) }
    }

    private mutating func quoted() throws(ExpositionError) -> String {
        guard peek == UInt8(ascii: "\"") else { throw error(.missingQuote) }
        position += 1
        let start = position
        while let byte = peek, byte != UInt8(ascii: "\"") { position += byte == UInt8(ascii: "\\") ? 2 : 1 }
        guard peek != nil else { throw error(.unterminatedString) }
        let text = unescaped(start..<position)
        position += 1
        return text
    }

    /// `\\`, `\"` and `\n` are decoded; another backslash stands for itself, as in Prometheus.
    func unescaped(_ range: Range<Int>, quotes: Bool = true) -> String {
        let source = unsafe UnsafeBufferPointer(rebasing: bytes[range])
        guard unsafe source.contains(UInt8(ascii: "\\")) else { return unsafe String(decoding: source, as: UTF8.self) }
        var plain: [UInt8] = []
        plain.reserveCapacity(range.count)
        var index = 0
        while index < range.count {
            var byte = unsafe source[index]
            if byte == UInt8(ascii: "\\"), index + 1 < range.count {
                switch unsafe source[index + 1] {
                case UInt8(ascii: "n"):
                    byte = UInt8(ascii: "\n")
                    index += 1
                case UInt8(ascii: "\\"): index += 1
                case UInt8(ascii: "\"") where quotes:
                    byte = UInt8(ascii: "\"")
                    index += 1
                default: break
                }
            }
            plain.append(byte)
            index += 1
        }
        return String(decoding: plain, as: UTF8.self)
    }

    /// Compares bytes, not canonically equivalent characters; few labels pairwise, many sorted.
    private static func hasDuplicates(_ labels: [ExpositionSeries.Label]) -> Bool {
        if labels.count <= 12 {
            for index in labels.indices.dropFirst() {
                let name = labels[index].name
                for earlier in labels[..<index] where earlier.name.utf8.elementsEqual(name.utf8) { return true }
            }
            return false
        }
        let names = labels.map { Array($0.name.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        return zip(names, names.dropFirst()).contains { $0 == $1 }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// A pull parser for the Prometheus text formats (0.0.4, 1.0.0) and OpenMetrics 1.0.0.
///
/// The cursor owns no bytes. It reads blocks of whole lines (`LineSplitter` cuts them out of what arrives from a
/// network) and hands out ranges into the block. A series' labels are checked for their form but not decoded;
/// `ExpositionSeries` does that for the series that are new. Accepted is what Prometheus accepts, with three
/// exceptions: a line feed within quotes, an empty metric name and NUL bytes outside of quotes are errors.
///
/// ```swift
/// var cursor = ExpositionCursor(.text)
/// while let entry = try cursor.next(in: body.span) {
///     if case .sample(let series, let value, _) = entry { … }
/// }
/// try cursor.finish()
/// ```
public struct ExpositionCursor: Sendable {
    /// What a line says. Ranges count bytes of the block.
    public enum Entry: Sendable, Hashable {
        /// A sample: the bytes of name and labels, the value, and the time in milliseconds if the line has one.
        case sample(series: Range<Int>, value: Double, timestampMilliseconds: Int64?)
        /// `# TYPE`.
        case type(name: Range<Int>, kind: MetricKind)
        /// `# HELP`; the text is still escaped.
        case help(name: Range<Int>, text: Range<Int>)
        /// `# UNIT`.
        case unit(name: Range<Int>, text: Range<Int>)
        /// Any other comment.
        case comment(Range<Int>)
    }

    /// An exemplar: the bytes between its braces, its value and time.
    public struct ExemplarRange: Sendable, Hashable {
        /// Labels without the braces.
        public var labels: Range<Int>
        /// What was observed.
        public var value: Double
        /// When, in milliseconds of Unix time.
        public var timestampMilliseconds: Int64?
    }

    /// Text or OpenMetrics.
    public let encoding: ExpositionFormat.Encoding
    /// Whether to refuse what the formats forbid and Prometheus bears: missing commas, unknown escapes.
    public let isStrict: Bool
    /// The number of the line read last, from 1.
    public internal(set) var line = 0
    /// Where the next line begins in the current block.
    public internal(set) var position = 0
    /// The line read last, without its line feed.
    public internal(set) var lineRange = 0..<0
    /// The exemplar of the sample read last.
    public internal(set) var exemplar: ExemplarRange?
    /// Whether `# EOF` was read.
    public internal(set) var isAtEnd = false

    /// Prometheus' ordinary NaN. Every NaN read becomes this one, so that no target can forge a stale marker.
    public static let normalNaN = Double(bitPattern: 0x7ff8_0000_0000_0001)

    /// Creates a cursor for one body.
    /// - Parameters:
    ///   - encoding: text or OpenMetrics; protobuf has a reader of its own.
    ///   - isStrict: whether to refuse what Prometheus bears.
    public init(_ encoding: ExpositionFormat.Encoding, isStrict: Bool = false) {
        self.encoding = encoding
        self.isStrict = isStrict
    }

    var isOpenMetrics: Bool { encoding == .openMetrics }

    /// Says that the next call brings a new block.
    public mutating func startBlock() {
        position = 0
    }

    /// Reads the next line that says something.
    /// - Parameter block: whole lines; the last line of a body may lack its line feed. The same bytes until nil comes.
    /// - Returns: what it says, or nil at the end of the block; then call `startBlock` and go on, or `finish`.
    /// - Throws: the first error. The cursor is of no use afterwards.
    @inline(__always)
    public mutating func next(in block: Span<UInt8>) throws(ExpositionError) -> Entry? {
        try unsafe block.withUnsafeBufferPointer { bytes throws(ExpositionError) in
            guard let base = bytes.baseAddress else { return nil }
            return try unsafe next(base, base + bytes.count)
        }
    }

    /// Says that the body is over.
    /// - Throws: `missingEnd` for OpenMetrics without `# EOF`.
    public func finish() throws(ExpositionError) {
        if isOpenMetrics, !isAtEnd { throw ExpositionError(.missingEnd, line: line + 1, column: 1) }
    }

    @usableFromInline
    mutating func next(
        _ base: UnsafePointer<UInt8>,
        _ end: UnsafePointer<UInt8>
    ) throws(ExpositionError) -> Entry? {
        exemplar = nil
        while unsafe base + position < end {
            let start = unsafe base + position
            line &+= 1
            if isAtEnd { throw ExpositionError(.textAfterEnd, line: line, column: 1) }
            var scanner = unsafe LineScanner(base: base, start: start, end: end, line: line, isStrict: isStrict)
            let entry: Entry?
            if isOpenMetrics {
                entry = try readOpenMetrics(&scanner)
            } else {
                entry = try readText(&scanner)
            }
            let stop = unsafe scanner.next - base
            lineRange = position..<stop
            position = stop &+ 1
            if let entry { return entry }
        }
        return nil
    }

    // MARK: Text

    @inline(__always)
    private mutating func readText(_ scanner: inout LineScanner) throws(ExpositionError) -> Entry? {
        scanner.skipBlanks()
        if scanner.isAtLineEnd { return nil }
        if scanner.peek == UInt8(ascii: "#") { return try readTextComment(&scanner) }
        let series = try scanner.series(isOpenMetrics: false)
        scanner.skipBlanks()
        let value = try scanner.number(.invalidValue)
        scanner.skipBlanks()
        if scanner.isAtLineEnd { return .sample(series: series, value: value, timestampMilliseconds: nil) }
        let timestamp = try scanner.integer(.invalidTimestamp)
        scanner.skipBlanks()
        guard scanner.isAtLineEnd else { throw scanner.error(.trailingText) }
        return .sample(series: series, value: value, timestampMilliseconds: timestamp)
    }

    private func readTextComment(_ scanner: inout LineScanner) throws(ExpositionError) -> Entry? {
        let start = scanner.offset
        scanner.advance()
        scanner.skipBlanks()
        let isHelp = scanner.skip("HELP")
        let isType = !isHelp && scanner.skip("TYPE")
        guard isHelp || isType, !scanner.isAtLineEnd, ByteClass.isBlank(scanner.peek) else {
            scanner.skipLine()
            return .comment(start..<scanner.offset)
        }
        scanner.skipBlanks()
        if scanner.isAtLineEnd { return .comment(start..<scanner.offset) }
        let name = try scanner.metadataName()
        guard scanner.isAtLineEnd || ByteClass.isBlank(scanner.peek) else {
            throw scanner.error(.missingMetadataName)
        }
        // One blank separates; what follows belongs to a help text.
        if !scanner.isAtLineEnd { scanner.advance() }
        if isType { scanner.skipBlanks() }
        let text = try scanner.restOfLine()
        guard isType else { return .help(name: name, text: text) }
        guard let kind = scanner.textKind(text) else { throw scanner.error(.invalidType, at: text.lowerBound) }
        return .type(name: name, kind: kind)
    }

    // MARK: OpenMetrics

    @inline(__always)
    private mutating func readOpenMetrics(_ scanner: inout LineScanner) throws(ExpositionError) -> Entry? {
        if scanner.isAtLineEnd { throw scanner.error(.emptyLine) }
        if scanner.peek == UInt8(ascii: "#") { return try readOpenMetricsComment(&scanner) }
        let series = try scanner.series(isOpenMetrics: true)
        try scanner.expectSpace(.invalidValue)
        let value = try scanner.number(.invalidValue)
        if scanner.isAtLineEnd { return .sample(series: series, value: value, timestampMilliseconds: nil) }
        var timestamp: Int64?
        if !scanner.startsExemplar {
            try scanner.expectSpace(.trailingText)
            timestamp = try scanner.seconds(.invalidTimestamp)
        }
        if !scanner.isAtLineEnd {
            guard scanner.startsExemplar else { throw scanner.error(.trailingText) }
            exemplar = try scanner.exemplar()
        }
        return .sample(series: series, value: value, timestampMilliseconds: timestamp)
    }

    private mutating func readOpenMetricsComment(_ scanner: inout LineScanner) throws(ExpositionError) -> Entry? {
        scanner.advance()
        guard scanner.skip(" ") else { throw scanner.error(.invalidComment) }
        if scanner.skip("EOF") {
            guard scanner.isAtLineEnd else { throw scanner.error(.invalidComment) }
            isAtEnd = true
            return nil
        }
        let isHelp = scanner.skip("HELP ")
        let isType = !isHelp && scanner.skip("TYPE ")
        let isUnit = !isHelp && !isType && scanner.skip("UNIT ")
        guard isHelp || isType || isUnit else { throw scanner.error(.invalidComment) }
        let name = try scanner.metadataName()
        try scanner.expectSpace(.missingMetadataName)
        let text = try scanner.restOfLine()
        if isHelp { return .help(name: name, text: text) }
        if isType {
            guard let kind = scanner.openMetricsKind(text) else {
                throw scanner.error(.invalidType, at: text.lowerBound)
            }
            return .type(name: name, kind: kind)
        }
        guard text.isEmpty || scanner.isUnit(text, of: name) else {
            throw scanner.error(.invalidUnit, at: text.lowerBound)
        }
        return .unit(name: name, text: text)
    }
}

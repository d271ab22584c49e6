// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The steps of reading one line. Lives on the stack for as long as its bytes are lent.
@safe
struct LineScanner {
    let base: UnsafePointer<UInt8>
    let start: UnsafePointer<UInt8>
    let end: UnsafePointer<UInt8>
    let line: Int
    let isStrict: Bool
    var next: UnsafePointer<UInt8>

    @inline(__always)
    init(
        base: UnsafePointer<UInt8>,
        start: UnsafePointer<UInt8>,
        end: UnsafePointer<UInt8>,
        line: Int,
        isStrict: Bool
    ) {
        unsafe self.base = base
        unsafe self.start = start
        unsafe self.end = end
        self.line = line
        self.isStrict = isStrict
        unsafe self.next = start
    }

    /// Where the scanner stands, counted from the block's start.
    @inline(__always)
    var offset: Int { unsafe next - base }

    @inline(__always)
    var isAtLineEnd: Bool { unsafe next == end || next.pointee == UInt8(ascii: "\n") }

    /// The byte here; a line feed at the end of the bytes.
    @inline(__always)
    var peek: UInt8 { unsafe next < end ? next.pointee : UInt8(ascii: "\n") }

    @inline(__always)
    mutating func advance() {
        unsafe next += 1
    }

    func error(_ problem: ExpositionError.Problem, at offset: Int? = nil) -> ExpositionError {
        ExpositionError(problem, line: line, column: unsafe (offset ?? self.offset) - (start - base) + 1)
    }

    @inline(__always)
    mutating func skipBlanks() {
        while ByteClass.isBlank(peek) { advance() }
    }

    mutating func skip(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard unsafe end - next >= count && memcmp(next, word.utf8Start, count) == 0 else { return false }
        unsafe next += count
        return true
    }

    @inline(__always)
    mutating func expectSpace(_ problem: ExpositionError.Problem) throws(ExpositionError) {
        guard peek == 0x20 else { throw error(problem) }
        advance()
    }

    mutating func skipLine() {
        guard unsafe next < end else { return }
        if let found = unsafe memchr(next, 0x0a, end - next) {
            unsafe next = UnsafePointer(found.assumingMemoryBound(to: UInt8.self))
        } else {
            unsafe next = end
        }
    }

    // MARK: Series

    /// Name and labels; the scanner then stands behind them.
    @inline(__always)
    mutating func series(isOpenMetrics: Bool) throws(ExpositionError) -> Range<Int> {
        let first = offset
        let byte = peek
        var hasName = false
        if ByteClass.isNameByte(byte), !ByteClass.isDigit(byte) {
            hasName = true
            repeat { advance() } while ByteClass.isNameByte(peek)
        } else if byte != UInt8(ascii: "{") {
            throw error(.invalidStart)
        }
        let last = offset
        if !isOpenMetrics { skipBlanks() }
        guard peek == UInt8(ascii: "{") else { return first..<last }
        advance()
        try labels(hasName: hasName, mayName: true, isOpenMetrics: isOpenMetrics)
        return first..<offset
    }

    /// Labels up to and with the closing brace.
    mutating func labels(hasName: Bool, mayName: Bool, isOpenMetrics: Bool) throws(ExpositionError) {
        let opening = offset
        var hasName = hasName
        var allBytes: UInt8 = 0
        while true {
            if !isOpenMetrics { skipBlanks() }
            let nameStart = offset
            switch peek {
            case UInt8(ascii: "}"):
                guard hasName || !mayName else { throw error(.invalidName) }
                advance()
                if allBytes >= 0x80 { try checkUTF8(opening..<offset) }
                return
            case UInt8(ascii: "\""):
                let text = try quoted(&allBytes)
                if !isOpenMetrics { skipBlanks() }
                if peek == UInt8(ascii: ",") || peek == UInt8(ascii: "}") {
                    guard mayName, !hasName, !text.isEmpty else { throw error(.invalidName, at: nameStart) }
                    hasName = true
                    if peek == UInt8(ascii: ",") { advance() }
                    continue
                }
                if text.isEmpty { throw error(.invalidLabelName, at: nameStart) }
            case let byte where ByteClass.isLabelByte(byte) && !ByteClass.isDigit(byte):
                repeat { advance() } while ByteClass.isLabelByte(peek)
                if !isOpenMetrics { skipBlanks() }
            default:
                throw error(.invalidLabelName)
            }
            guard peek == UInt8(ascii: "=") else { throw error(.missingEqualSign) }
            advance()
            if !isOpenMetrics { skipBlanks() }
            guard peek == UInt8(ascii: "\"") else { throw error(.missingQuote) }
            _ = try quoted(&allBytes)
            if !isOpenMetrics { skipBlanks() }
            if peek == UInt8(ascii: ",") {
                advance()
            } else if peek != UInt8(ascii: "}"), isOpenMetrics || isStrict {
                throw error(.missingComma)
            }
        }
    }

    /// Text in quotes; the scanner stands on the opening one. Collects the bits of all bytes, to see what is not ASCII.
    @inline(__always)
    private mutating func quoted(_ allBytes: inout UInt8) throws(ExpositionError) -> Range<Int> {
        advance()
        let first = offset
        var seen: UInt8 = 0
        while unsafe next < end {
            let byte = unsafe next.pointee
            if byte == UInt8(ascii: "\"") {
                allBytes |= seen
                let range = first..<offset
                advance()
                return range
            }
            if byte == UInt8(ascii: "\\") {
                advance()
                guard !isAtLineEnd else { break }
                if isStrict, peek != UInt8(ascii: "n"), peek != UInt8(ascii: "\""), peek != UInt8(ascii: "\\") {
                    throw error(.invalidEscape)
                }
                seen |= peek
            } else if byte == UInt8(ascii: "\n") {
                break
            } else {
                seen |= byte
            }
            advance()
        }
        throw error(.unterminatedString)
    }

    func checkUTF8(_ range: Range<Int>) throws(ExpositionError) {
        let bytes = unsafe UnsafeBufferPointer(start: base + range.lowerBound, count: range.count)
        guard unsafe ByteClass.isUTF8(bytes) else { throw error(.invalidUTF8, at: range.lowerBound) }
    }

    // MARK: Numbers

    @inline(__always)
    mutating func number(_ problem: ExpositionError.Problem) throws(ExpositionError) -> Double {
        guard let (value, stop) = unsafe NumberParsing.double(next, end) else { throw error(problem) }
        guard unsafe stop == end || stop.pointee == 0x20 || stop.pointee == 0x0a || stop.pointee == 0x09 else {
            throw error(problem)
        }
        unsafe next = stop
        return value.isNaN ? ExpositionCursor.normalNaN : value
    }

    mutating func integer(_ problem: ExpositionError.Problem) throws(ExpositionError) -> Int64 {
        guard let (value, stop) = unsafe NumberParsing.integer(next, end) else { throw error(problem) }
        guard unsafe stop == end || stop.pointee == 0x0a || ByteClass.isBlank(stop.pointee) else {
            throw error(problem)
        }
        unsafe next = stop
        return value
    }

    /// Seconds with a fraction, cut to milliseconds as Prometheus cuts them.
    mutating func seconds(_ problem: ExpositionError.Problem) throws(ExpositionError) -> Int64 {
        let position = offset
        let value = try number(problem) * 1000
        guard let milliseconds = Int64(exactly: value.rounded(.towardZero)) else { throw error(problem, at: position) }
        return milliseconds
    }

    // MARK: Exemplars

    /// Whether ` # ` follows, which begins an exemplar.
    @inline(__always)
    var startsExemplar: Bool {
        unsafe end - next >= 3 && next[0] == 0x20 && next[1] == UInt8(ascii: "#") && next[2] == 0x20
    }

    mutating func exemplar() throws(ExpositionError) -> ExpositionCursor.ExemplarRange {
        unsafe next += 3
        guard peek == UInt8(ascii: "{") else { throw error(.invalidExemplar) }
        advance()
        let first = offset
        try labels(hasName: false, mayName: false, isOpenMetrics: true)
        let labels = first..<(offset - 1)
        try expectSpace(.invalidExemplar)
        let value = try number(.invalidExemplar)
        var timestamp: Int64?
        if !isAtLineEnd {
            try expectSpace(.invalidExemplar)
            timestamp = try seconds(.invalidExemplar)
            guard isAtLineEnd else { throw error(.trailingText) }
        }
        return .init(labels: labels, value: value, timestampMilliseconds: timestamp)
    }

    // MARK: Metadata

    mutating func metadataName() throws(ExpositionError) -> Range<Int> {
        if peek == UInt8(ascii: "\"") {
            var bits: UInt8 = 0
            let name = try quoted(&bits)
            guard !name.isEmpty else { throw error(.missingMetadataName, at: name.lowerBound) }
            if bits >= 0x80 { try checkUTF8(name) }
            return name
        }
        let first = offset
        guard ByteClass.isNameByte(peek), !ByteClass.isDigit(peek) else { throw error(.missingMetadataName) }
        repeat { advance() } while ByteClass.isNameByte(peek)
        return first..<offset
    }

    mutating func restOfLine() throws(ExpositionError) -> Range<Int> {
        let first = offset
        skipLine()
        try checkUTF8(first..<offset)
        return first..<offset
    }

    private func equals(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        return unsafe memcmp(base + range.lowerBound, word.utf8Start, word.utf8CodeUnitCount) == 0
    }

    func textKind(_ range: Range<Int>) -> MetricKind? {
        if equals(range, "counter") { return .counter }
        if equals(range, "gauge") { return .gauge }
        if equals(range, "histogram") { return .histogram }
        if equals(range, "summary") { return .summary }
        if equals(range, "untyped") { return .unknown }
        return nil
    }

    func openMetricsKind(_ range: Range<Int>) -> MetricKind? {
        for kind in MetricKind.allCases where equals(range, kind.openMetricsName) { return kind }
        return nil
    }

    /// Whether the name ends in `_` and the unit.
    func isUnit(_ unit: Range<Int>, of name: Range<Int>) -> Bool {
        guard name.count > unit.count else { return false }
        let tail = name.upperBound - unit.count
        return unsafe base[tail - 1] == UInt8(ascii: "_")
            && memcmp(base + tail, base + unit.lowerBound, unit.count) == 0
    }
}

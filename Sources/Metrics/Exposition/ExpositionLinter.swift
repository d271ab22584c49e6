// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Checks a body as `promtool check metrics` does, and a little more, piece by piece as it is read.
///
/// Only metadata, one fingerprint a series and one small record a histogram series are kept, so that a body of any size
/// can be checked.
public struct ExpositionLinter {
    /// Something to improve.
    public struct Finding: Sendable, Hashable, CustomStringConvertible {
        /// The metric.
        public let metric: String
        /// What should be different.
        public let text: String

        /// `http_requests no help text`, as promtool prints it.
        public var description: String { metric + " " + text }
    }

    private enum Role {
        case plain, bucket, count, other
    }

    private struct Place {
        var family: Int
        var role: Role
        var nameStart: Int
        var nameCount: Int
        var nameHash: UInt64
    }

    private struct HistogramSeries {
        var family = 0
        var bound = -Double.infinity
        var total = 0.0
        var hasInfinity = false
    }

    /// Samples read.
    public private(set) var samplesRead = 0

    private let encoding: ExpositionFormat.Encoding
    private var cursor: ExpositionCursor
    private var splitter = LineSplitter(longestLine: 1 << 26)
    private var families: [LintedFamily] = []
    private var byName: [String: Int] = [:]
    private var places: [UInt64: Place] = [:]
    private var placeNames: [UInt8] = []
    private var place: Place?
    private var seen = FingerprintSet()
    private var histograms: [HistogramSeries] = []
    private var histogramIndex: [UInt64: Int] = [:]
    private var lastHistogram: (fingerprint: UInt64, index: Int)?
    private var labelHashes: [UInt64] = []
    private var lastFamily = -1

    /// Creates a linter for one body.
    /// - Parameter encoding: text or OpenMetrics.
    public init(_ encoding: ExpositionFormat.Encoding = .text) {
        self.encoding = encoding
        self.cursor = ExpositionCursor(encoding, isStrict: true)
    }

    /// Checks a whole body.
    /// - Parameters:
    ///   - body: all of it.
    ///   - encoding: text or OpenMetrics.
    /// - Returns: the findings, by metric and text.
    /// - Throws: what cannot be read, with line and column.
    public static func lint(
        _ body: Span<UInt8>,
        encoding: ExpositionFormat.Encoding = .text
    ) throws(ExpositionError) -> [Finding] {
        var linter = ExpositionLinter(encoding)
        try linter.read(body)
        return try linter.finish()
    }

    /// Checks the next piece.
    /// - Parameter chunk: bytes as they come.
    /// - Throws: what cannot be read, with line and column.
    public mutating func read(_ chunk: Span<UInt8>) throws(ExpositionError) {
        let lines = try splitter.take(chunk, afterLine: cursor.line)
        if lines.completesCarriedLine {
            let carried = splitter.carriedLine
            try readBlock(carried.span)
        }
        try readBlock(chunk.extracting(lines.whole))
    }

    /// Ends the body.
    /// - Returns: the findings, by metric and text.
    /// - Throws: what cannot be read, with line and column.
    public mutating func finish() throws(ExpositionError) -> [Finding] {
        if splitter.finish() {
            let carried = splitter.carriedLine
            try readBlock(carried.span)
        }
        try cursor.finish()
        for histogram in histograms where !histogram.hasInfinity { families[histogram.family].lacksInfinity = true }
        var findings: [Finding] = []
        for family in families where family.hasSamples {
            for text in LintRules.findings(family, encoding) {
                findings.append(Finding(metric: family.name, text: text))
            }
        }
        findings.sort {
            $0.metric.utf8.elementsEqual($1.metric.utf8)
                ? $0.text.utf8.lexicographicallyPrecedes($1.text.utf8)
                : $0.metric.utf8.lexicographicallyPrecedes($1.metric.utf8)
        }
        return findings
    }

    // MARK: Lines

    private mutating func readBlock(_ block: Span<UInt8>) throws(ExpositionError) {
        cursor.startBlock()
        try unsafe block.withUnsafeBufferPointer { bytes throws(ExpositionError) in
            guard let base = bytes.baseAddress else { return }
            while let entry = try unsafe cursor.next(base, base + bytes.count) {
                switch entry {
                case .comment: break
                case .sample(let series, let value, _):
                    samplesRead &+= 1
                    try unsafe readSample(base, series, value)
                case .type(let name, let kind):
                    let family = metadata(block, name)
                    guard !families[family].hasType, !families[family].hasSamples else {
                        throw error(.repeatedMetadata)
                    }
                    families[family].hasType = true
                    families[family].kind = kind
                case .help(let name, let text):
                    let family = metadata(block, name)
                    guard !families[family].hasHelp else { throw error(.repeatedMetadata) }
                    families[family].hasHelp = !text.isEmpty
                case .unit(let name, _):
                    let family = metadata(block, name)
                    guard !families[family].hasUnit else { throw error(.repeatedMetadata) }
                    families[family].hasUnit = true
                }
            }
        }
    }

    private func error(_ problem: ExpositionError.Problem, at offset: Int? = nil) -> ExpositionError {
        ExpositionError(
            problem,
            line: cursor.line,
            column: (offset ?? cursor.lineRange.lowerBound) - cursor.lineRange.lowerBound + 1
        )
    }

    private mutating func metadata(_ block: Span<UInt8>, _ name: Range<Int>) -> Int {
        places.removeAll(keepingCapacity: true)
        placeNames.removeAll(keepingCapacity: true)
        place = nil
        return family(ExpositionSeries.decodeHelp(block.extracting(name), encoding: .openMetrics))
    }

    private mutating func family(_ name: String) -> Int {
        if let index = byName[name] { return index }
        families.append(LintedFamily(name: name))
        byName[name] = families.count - 1
        return families.count - 1
    }

    private mutating func readSample(
        _ base: UnsafePointer<UInt8>,
        _ series: Range<Int>,
        _ value: Double
    ) throws(ExpositionError) {
        var nameEnd = series.lowerBound
        while nameEnd < series.upperBound, unsafe ByteClass.isNameByte(base[nameEnd]) { nameEnd &+= 1 }
        let place: Place
        if nameEnd == series.lowerBound {
            let bytes = unsafe UnsafeBufferPointer(start: base + series.lowerBound, count: series.count)
            let decoded = try ExpositionSeries(decoding: unsafe Span(_unsafeElements: bytes), line: cursor.line)
            place = resolve(decoded.name, hash: nameHash(decoded.name))
        } else {
            place = unsafe resolve(base + series.lowerBound, nameEnd - series.lowerBound)
        }
        let isFirst = !families[place.family].hasSamples
        if place.family != lastFamily, !isFirst { families[place.family].isScattered = true }
        if isFirst { families[place.family].hasSamples = true }
        lastFamily = place.family
        let labels = try unsafe readLabels(base, nameEnd..<series.upperBound, place)
        let fingerprint = FingerprintSet.mix(place.nameHash &+ labels.sum)
        if !seen.insert(fingerprint) { families[place.family].isRepeated = true }
        switch place.role {
        case .plain:
            if families[place.family].kind == .counter, !(value >= 0) { families[place.family].hasBadCounter = true }
        case .bucket: check(place.family, labels.withoutBound, labels.bound, value)
        case .count:
            if let index = histogramIndex[labels.sum &+ UInt64(place.family)], histograms[index].hasInfinity,
                histograms[index].total != value
            {
                families[place.family].hasOtherCount = true
            }
        case .other: break
        }
    }

    private mutating func check(_ family: Int, _ fingerprint: UInt64, _ bound: Double?, _ value: Double) {
        guard let bound else { return }
        let key = fingerprint &+ UInt64(family)
        let index: Int
        if let last = lastHistogram, last.fingerprint == key {
            index = last.index
        } else if let known = histogramIndex[key] {
            index = known
        } else {
            histograms.append(HistogramSeries(family: family))
            index = histograms.count - 1
            histogramIndex[key] = index
        }
        lastHistogram = (key, index)
        if bound <= histograms[index].bound || value < histograms[index].total {
            families[family].isNotCumulative = true
        }
        histograms[index].bound = bound
        histograms[index].total = value
        if bound == .infinity { histograms[index].hasInfinity = true }
    }

    // MARK: Names

    private func nameHash(_ name: String) -> UInt64 {
        var name = name
        return name.withUTF8 { bytes in
            guard let start = bytes.baseAddress else { return 0 }
            return unsafe FingerprintSet.hash(start, bytes.count)
        }
    }

    private mutating func resolve(_ start: UnsafePointer<UInt8>, _ count: Int) -> Place {
        if let place, unsafe isName(of: place, start, count) { return place }
        let hash = unsafe FingerprintSet.hash(start, count)
        if let known = places[hash], unsafe isName(of: known, start, count) {
            place = known
            return known
        }
        let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
        var found = resolve(unsafe String(decoding: bytes, as: UTF8.self), hash: hash)
        found.nameStart = placeNames.count
        found.nameCount = count
        unsafe placeNames.append(contentsOf: bytes)
        places[hash] = found
        place = found
        return found
    }

    private func isName(of place: Place, _ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        guard place.nameCount == count else { return false }
        return unsafe placeNames.withUnsafeBufferPointer { names in
            guard let base = names.baseAddress else { return false }
            return unsafe memcmp(base + place.nameStart, start, count) == 0
        }
    }

    /// The family a sample belongs to, by its name and the families known so far.
    private mutating func resolve(_ name: String, hash: UInt64) -> Place {
        func place(_ family: Int, _ role: Role) -> Place {
            Place(family: family, role: role, nameStart: 0, nameCount: -1, nameHash: hash)
        }
        if encoding == .text, let index = byName[name] { return place(index, .plain) }
        for (suffix, role) in [
            ("_bucket", Role.bucket), ("_count", .count), ("_gcount", .count), ("_sum", .other), ("_gsum", .other),
        ]
        where name.hasASCIISuffix(suffix) {
            guard let index = byName[String(name.dropLast(suffix.utf8.count))] else { continue }
            switch families[index].kind {
            case .histogram, .gaugeHistogram: return place(index, role)
            case .summary where suffix != "_bucket": return place(index, .other)
            default: break
            }
        }
        if encoding == .openMetrics {
            for suffix in ["_total", "_info", "_created"] where name.hasASCIISuffix(suffix) {
                guard let index = byName[String(name.dropLast(suffix.utf8.count))] else { continue }
                return place(index, suffix == "_total" ? .plain : .other)
            }
        }
        return place(family(name), .plain)
    }

    // MARK: Labels

    private struct Labels {
        var sum: UInt64 = 0
        var withoutBound: UInt64 = 0
        var bound: Double?
    }

    /// One pass over labels whose form the cursor has checked. The sum of the labels' hashes does not depend on order.
    private mutating func readLabels(
        _ base: UnsafePointer<UInt8>,
        _ range: Range<Int>,
        _ place: Place
    ) throws(ExpositionError) -> Labels {
        var labels = Labels()
        labelHashes.removeAll(keepingCapacity: true)
        let family = place.family
        var index = range.lowerBound
        let end = range.upperBound
        func quotedEnd(_ start: Int) -> Int {
            var index = start &+ 1
            while index < end, unsafe base[index] != UInt8(ascii: "\"") {
                index &+= unsafe base[index] == UInt8(ascii: "\\") ? 2 : 1
            }
            return min(index, end)
        }
        while index < end {
            let byte = unsafe base[index]
            guard byte == UInt8(ascii: "\"") || ByteClass.isLabelByte(byte) else {
                index &+= 1
                continue
            }
            let start = index
            if byte == UInt8(ascii: "\"") {
                index = quotedEnd(index) &+ 1
            } else {
                while index < end, unsafe ByteClass.isLabelByte(base[index]) { index &+= 1 }
            }
            let nameEnd = min(index, end)
            while index < end, unsafe ByteClass.isBlank(base[index]) { index &+= 1 }
            guard index < end, unsafe base[index] == UInt8(ascii: "=") else { continue }
            while index < end, unsafe base[index] != UInt8(ascii: "\"") { index &+= 1 }
            let valueStart = min(index &+ 1, end)
            let valueEnd = quotedEnd(index)
            index = valueEnd &+ 1
            let isQuoted = byte == UInt8(ascii: "\"")
            let nameStart = isQuoted ? start &+ 1 : start
            let nameCount = isQuoted ? nameEnd &- start &- 2 : nameEnd &- start
            let nameHash = unsafe FingerprintSet.hash(base + nameStart, max(0, nameCount))
            if !families[family].hasCamelCaseLabel {
                let name = unsafe UnsafeBufferPointer(start: base + nameStart, count: max(0, nameCount))
                if unsafe LintRules.isCamelCase(name) { families[family].hasCamelCaseLabel = true }
            }
            if labelHashes.count < 16 ? labelHashes.contains(nameHash) : false {
                throw error(.duplicateLabelName, at: start)
            }
            labelHashes.append(nameHash)
            let valueHash = unsafe FingerprintSet.hash(base + valueStart, valueEnd &- valueStart)
            let hash = FingerprintSet.mix(nameHash ^ valueHash)
            labels.sum &+= hash
            let isBound =
                unsafe nameCount == 2 && base[nameStart] == UInt8(ascii: "l")
                && base[nameStart + 1] == UInt8(ascii: "e")
            if isBound {
                families[family].hasBucketLabel = true
                labels.bound = try unsafe number(base, valueStart..<valueEnd, families[family].isHistogram)
                continue
            }
            labels.withoutBound &+= hash
            if nameCount == 8, unsafe memcmp(base + nameStart, "quantile", 8) == 0 {
                families[family].hasQuantileLabel = true
                _ = try unsafe number(base, valueStart..<valueEnd, families[family].kind == .summary)
            }
        }
        if labelHashes.count >= 16 {
            let sorted = labelHashes.sorted()
            if zip(sorted, sorted.dropFirst()).contains(where: { $0 == $1 }) { throw error(.duplicateLabelName) }
        }
        return labels
    }

    /// `le` and `quantile` are numbers where they mean something.
    private func number(
        _ base: UnsafePointer<UInt8>,
        _ range: Range<Int>,
        _ isNeeded: Bool
    ) throws(ExpositionError) -> Double? {
        let end = unsafe base + range.upperBound
        if let (value, stop) = unsafe NumberParsing.double(base + range.lowerBound, end), unsafe stop == end {
            return value
        }
        if isNeeded { throw error(.invalidValue, at: range.lowerBound) }
        return nil
    }
}

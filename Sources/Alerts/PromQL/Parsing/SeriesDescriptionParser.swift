// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import TimeSeries

/// Reads series descriptions byte by byte.
struct SeriesDescriptionParser {
    private let input: [UInt8]
    private var position = 0

    init(_ text: String) { input = Array(text.utf8) }

    private func peek(_ ahead: Int = 0) -> UInt8? {
        position + ahead < input.count ? input[position + ahead] : nil
    }

    private func fail(_ message: String, length: Int = 1) -> ParseError {
        let end = Swift.min(input.count, position + length)
        return ParseError(range: Swift.min(position, end)..<end, message: message, input: input)
    }

    private func unexpected(in context: String, expected: String) -> ParseError {
        guard position < input.count else {
            return fail("unexpected end of input in \(context), expected \(expected)")
        }
        var end = position
        while end < input.count, !input[end].isBlank, end - position < 20 { end += 1 }
        let shown = GoText.quote(Array(input[position..<end]))
        return fail("unexpected \(shown) in \(context), expected \(expected)", length: end - position)
    }

    private mutating func skipBlanks() { while let byte = peek(), byte.isBlank { position += 1 } }

    private mutating func take(_ byte: Character) -> Bool {
        guard let ascii = byte.asciiValue, peek() == ascii else { return false }
        position += 1
        return true
    }

    mutating func expectEnd() throws(ParseError) {
        skipBlanks()
        guard position == input.count else { throw unexpected(in: "series description", expected: "end of input") }
    }

    // MARK: Series

    /// `name{label="value", …}`; leaves the position behind it.
    mutating func parseMetric() throws(ParseError) -> Labels {
        skipBlanks()
        var pairs: [(String, String)] = []
        if let name = parseName(allowsColon: true) { pairs.append(("__name__", name)) }
        guard take("{") else {
            if pairs.isEmpty, position < input.count {
                throw unexpected(in: "series", expected: "metric name or \"{\"")
            }
            return Labels(pairs)
        }
        while true {
            skipBlanks()
            if take("}") { break }
            try parseLabel(into: &pairs)
            skipBlanks()
            if take("}") { break }
            guard take(",") else { throw unexpected(in: "label set", expected: "\",\" or \"}\"") }
        }
        return Labels(pairs)
    }

    private mutating func parseName(allowsColon: Bool) -> String? {
        guard let first = peek(), first.isNameStart || (allowsColon && first == UInt8(ascii: ":")) else { return nil }
        let start = position
        while let byte = peek(), byte.isNameByte || (allowsColon && byte == UInt8(ascii: ":")) { position += 1 }
        return String(decoding: input[start..<position], as: UTF8.self)
    }

    private mutating func parseLabel(into pairs: inout [(String, String)]) throws(ParseError) {
        let isQuoted = peek() == UInt8(ascii: "\"") || peek() == UInt8(ascii: "'") || peek() == UInt8(ascii: "`")
        let name = isQuoted ? try parseString() : parseName(allowsColon: false)
        guard let name else { throw unexpected(in: "label set", expected: "identifier or \"}\"") }
        skipBlanks()
        guard take("=") else {
            guard isQuoted else { throw unexpected(in: "label set", expected: "\"=\"") }
            pairs.append(("__name__", name))
            return
        }
        skipBlanks()
        guard let value = try parseString() else { throw unexpected(in: "label set", expected: "string") }
        pairs.append((name, value))
    }

    private mutating func parseString() throws(ParseError) -> String? {
        guard let quote = peek(),
            quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") || quote == UInt8(ascii: "`")
        else { return nil }
        var end = position + 1
        while end < input.count, input[end] != quote {
            if input[end] == UInt8(ascii: "\\"), quote != UInt8(ascii: "`") { end += 1 }
            end += 1
        }
        guard end < input.count, let bytes = GoText.unquote(input[position...end]) else {
            throw fail("unterminated quoted string")
        }
        position = end + 1
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Samples

    mutating func parseSamples() throws(ParseError) -> [DescribedSample] {
        var samples: [DescribedSample] = []
        while true {
            skipBlanks()
            guard position < input.count else { return samples }
            try parseItem(into: &samples)
            guard samples.count <= SeriesDescription.sampleLimit else {
                throw fail("more than \(SeriesDescription.sampleLimit) samples in one series")
            }
            if let byte = peek(), !byte.isBlank {
                throw unexpected(in: "series values", expected: "\" \" or end of input")
            }
        }
    }

    private mutating func parseItem(into samples: inout [DescribedSample]) throws(ParseError) {
        if take("_") {
            let count = take("x") ? try parseCount() : 1
            samples.append(contentsOf: repeatElement(.missing, count: count))
        } else if peek() == UInt8(ascii: "{"), peek(1) == UInt8(ascii: "{") {
            try parseHistogramItem(into: &samples)
        } else if input[position...].starts(with: "stale".utf8) {
            position += 5
            let count = take("x") ? try parseCount() + 1 : 1
            samples.append(contentsOf: repeatElement(.stale, count: count))
        } else {
            try parseFloatItem(into: &samples)
        }
    }

    private mutating func parseFloatItem(into samples: inout [DescribedSample]) throws(ParseError) {
        guard var value = parseNumber(signed: true) else {
            throw unexpected(in: "series values", expected: "number or \"stale\"")
        }
        let sign = peek()
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else {
            let count = take("x") ? try parseCount() + 1 : 1
            samples.append(contentsOf: repeatElement(.float(value), count: count))
            return
        }
        guard let step = parseNumber(signed: true), take("x") else {
            throw unexpected(in: "series values", expected: "number and repetitions, as 1+2x3")
        }
        for _ in 0...(try parseCount()) {
            samples.append(.float(value))
            value += step
        }
    }

    private mutating func parseCount() throws(ParseError) -> Int {
        let start = position
        while let byte = peek(), byte.isDigit { position += 1 }
        guard let count = Int(String(decoding: input[start..<position], as: UTF8.self)),
            count <= SeriesDescription.sampleLimit
        else { throw fail("invalid repetition in series values") }
        return count
    }

    private mutating func parseNumber(signed: Bool) -> Double? {
        let start = position
        var index = position
        if signed, index < input.count, input[index] == UInt8(ascii: "-") || input[index] == UInt8(ascii: "+") {
            index += 1
        }
        let sign = index > start && input[start] == UInt8(ascii: "-") ? -1.0 : 1.0
        for word in ["Inf", "NaN"] where input.count - index >= 3 {
            let text = GoText.lowercased(input[index..<index + 3])
            guard text == word.lowercased() else { continue }
            if index + 3 < input.count, input[index + 3].isNameByte, input[index + 3] != UInt8(ascii: "x") { continue }
            position = index + 3
            return word == "NaN" ? .nan : sign * .infinity
        }
        if let end = NumberScanner.number(in: input, from: index, inSeriesDescription: true) {
            position = end
            return NumberScanner.value(of: input[index..<end]).map { sign * $0 }
        }
        if let end = NumberScanner.duration(in: input, from: index),
            case .success(let milliseconds) = NumberScanner.milliseconds(of: input[index..<end])
        {
            position = end
            return sign * Double(milliseconds) / 1000
        }
        return nil
    }

    // MARK: Histograms

    private mutating func parseHistogramItem(into samples: inout [DescribedSample]) throws(ParseError) {
        var (value, _) = try parseHistogram()
        if take("x") {
            samples.append(contentsOf: repeatElement(.histogram(value), count: try parseCount() + 1))
            return
        }
        guard let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else {
            samples.append(.histogram(value))
            return
        }
        position += 1
        let (step, _) = try parseHistogram()
        guard take("x") else { throw unexpected(in: "series values", expected: "repetitions, as {{…}}+{{…}}x3") }
        let count = try parseCount()
        samples.append(.histogram(value))
        if value.schema > step.schema, count > 0 {
            throw fail("error combining histograms: cannot merge from schema \(step.schema) to \(value.schema)")
        }
        for _ in 0..<count {
            do {
                if sign == UInt8(ascii: "+") { try value.add(step) } else { try value.subtract(step) }
            } catch {
                throw fail("error combining histograms: \(error)")
            }
            samples.append(.histogram(value))
        }
    }

    /// `{{key:value …}}`; whether `counter_reset_hint` was among the keys is told too.
    mutating func parseHistogram() throws(ParseError) -> (FloatHistogram, Bool) {
        skipBlanks()
        guard take("{"), take("{") else { throw unexpected(in: "histogram description", expected: "\"{{\"") }
        var fields = HistogramFields()
        while true {
            skipBlanks()
            if take("}") {
                guard take("}") else { throw unexpected(in: "histogram description", expected: "\"}}\"") }
                return (fields.histogram, fields.seen.contains("counter_reset_hint"))
            }
            guard let key = parseName(allowsColon: false) else {
                throw unexpected(
                    in: "histogram description",
                    expected: "histogram description key, e.g. buckets:[5 10 7]"
                )
            }
            guard take(":") else { throw fail("missing `:` for histogram descriptor") }
            guard fields.seen.insert(key).inserted else { throw fail("duplicate key \"\(key)\" in histogram") }
            try parseField(key, into: &fields)
        }
    }

    private struct HistogramFields {
        var histogram = FloatHistogram()
        var seen: Set<String> = []
    }

    private mutating func parseField(_ key: String, into fields: inout HistogramFields) throws(ParseError) {
        switch key {
        case "schema":
            let schema = try parseInteger()
            guard (-4...8).contains(schema) || schema == FloatHistogram.customBucketsSchema else {
                throw fail("unknown histogram schema \(schema)")
            }
            fields.histogram.schema = schema
        case "sum": fields.histogram.sum = try parseField()
        case "count": fields.histogram.count = try parseField()
        case "z_bucket": fields.histogram.zeroCount = try parseField()
        case "z_bucket_w": fields.histogram.zeroThreshold = try parseField()
        case "custom_values": fields.histogram.customValues = try parseList()
        case "offset": Self.setOffset(try parseInteger(), &fields.histogram.positiveSpans)
        case "n_offset": Self.setOffset(try parseInteger(), &fields.histogram.negativeSpans)
        case "buckets":
            fields.histogram.positiveBuckets = try parseList()
            Self.setLength(fields.histogram.positiveBuckets.count, &fields.histogram.positiveSpans)
        case "n_buckets":
            fields.histogram.negativeBuckets = try parseList()
            Self.setLength(fields.histogram.negativeBuckets.count, &fields.histogram.negativeSpans)
        case "counter_reset_hint":
            switch parseName(allowsColon: false) {
            case "unknown": fields.histogram.counterResetHint = .unknown
            case "reset": fields.histogram.counterResetHint = .reset
            case "not_reset": fields.histogram.counterResetHint = .noReset
            case "gauge": fields.histogram.counterResetHint = .gauge
            default: throw fail("bad histogram descriptor found: counter_reset_hint")
            }
        default: throw fail("bad histogram descriptor found: \(GoText.quote(key))")
        }
    }

    private static func setOffset(_ offset: Int32, _ spans: inout [FloatHistogram.Span]) {
        spans = [FloatHistogram.Span(offset: offset, length: spans.first?.length ?? 0)]
    }

    private static func setLength(_ length: Int, _ spans: inout [FloatHistogram.Span]) {
        spans = [FloatHistogram.Span(offset: spans.first?.offset ?? 0, length: UInt32(clamping: length))]
    }

    private mutating func parseField() throws(ParseError) -> Double {
        guard let value = parseNumber(signed: true) else {
            throw unexpected(in: "histogram description", expected: "number")
        }
        return value
    }

    private mutating func parseInteger() throws(ParseError) -> Int32 {
        guard let value = parseNumber(signed: true), let exact = Int32(exactly: value) else {
            throw unexpected(in: "histogram description", expected: "integer")
        }
        return exact
    }

    private mutating func parseList() throws(ParseError) -> [Double] {
        guard take("[") else { throw unexpected(in: "histogram description", expected: "\"[\"") }
        var values: [Double] = []
        while true {
            skipBlanks()
            if take("]") { return values }
            values.append(try parseField())
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import SidecarMetrics

/// A part of a page's loading, in the words of the Navigation Timing and Web Vitals specifications.
enum BrowserPhase: String, LabelValue, CaseIterable {
    case dns, connect, tls, ttfb, response, interactive
    case domContentLoaded = "dom_content_loaded"
    case load
    case firstContentfulPaint = "first_contentful_paint"
    case largestContentfulPaint = "largest_contentful_paint"
}

/// A beacon's content: a flat JSON object of texts and numbers.
struct BrowserBeacon {
    private(set) var page = ""
    private(set) var timings: [(phase: BrowserPhase, seconds: Double)] = []

    private static let longestMilliseconds = 600_000.0
    private static let mostFields = 32

    /// Reads a beacon; nil when it is not one.
    init?(_ bytes: [UInt8]) {
        var reader = FlatJSONReader(bytes)
        guard reader.open() else { return nil }
        var fields = 0
        while let field = reader.next() {
            fields += 1
            guard fields <= Self.mostFields else { return nil }
            switch field.value {
            case .text(let text):
                if field.name == "page" { page = text }
            case .number(let number):
                guard let phase = BrowserPhase(rawValue: field.name) else { continue }
                guard number >= 0, number <= Self.longestMilliseconds else { return nil }
                guard !timings.contains(where: { $0.phase == phase }) else { return nil }
                timings.append((phase, number / 1_000))
            }
        }
        guard reader.isComplete, !page.isEmpty, !timings.isEmpty else { return nil }
    }
}

/// Reads an object whose values are texts and numbers; anything else makes it incomplete.
private struct FlatJSONReader {
    enum Value {
        case text(String), number(Double)
    }

    private let bytes: [UInt8]
    private var position = 0
    private var isFirst = true
    private(set) var isComplete = false

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func open() -> Bool { take(UInt8(ascii: "{")) }

    mutating func next() -> (name: String, value: Value)? {
        if take(UInt8(ascii: "}")) {
            skipSpace()
            isComplete = position == bytes.count
            return nil
        }
        if !isFirst, !take(UInt8(ascii: ",")) { return nil }
        isFirst = false
        guard let name = text(), take(UInt8(ascii: ":")) else { return nil }
        skipSpace()
        guard position < bytes.count else { return nil }
        if bytes[position] == UInt8(ascii: "\"") { return text().map { (name, .text($0)) } }
        return number().map { (name, .number($0)) }
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// A text without escapes other than `\/`, `\"` and `\\`; names of pages need no others.
    private mutating func text() -> String? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        var result: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: result, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard position < bytes.count, [0x22, 0x2f, 0x5c].contains(bytes[position]) else { return nil }
                result.append(bytes[position])
                position += 1
            case 0..<0x20: return nil
            default: result.append(byte)
            }
        }
        return nil
    }

    private mutating func number() -> Double? {
        let start = position
        let allowed = Set("0123456789+-.eE".utf8)
        while position < bytes.count, position - start < 32, allowed.contains(bytes[position]) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let first = text.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else {
            return nil
        }
        return Double(text)
    }
}

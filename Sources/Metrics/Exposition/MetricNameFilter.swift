// SPDX-License-Identifier: Apache-2.0

/// The families a scrape asks for: `/metrics?name[]=up&name[]=http_requests_total`.
public struct MetricNameFilter: Sendable, Hashable {
    private let names: Set<String>

    /// Lets everything through.
    public static let all = MetricNameFilter(names: [])

    /// Creates a filter.
    /// - Parameter names: family or sample names; none lets everything through.
    public init(names: [String]) {
        self.names = Set(names)
    }

    /// Reads the filter out of a URL's query.
    /// - Parameters:
    ///   - query: what follows the `?`, percent-encoded.
    ///   - limit: more names than this are not looked at.
    public init(query: String?, limit: Int = 1000) {
        var names: [String] = []
        for pair in (query ?? "").utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true) {
            guard names.count < limit, let equal = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
            guard Self.decoded(pair[..<equal]) == "name[]" else { continue }
            names.append(Self.decoded(pair[pair.index(after: equal)...]))
        }
        self.init(names: names)
    }

    /// Whether everything passes.
    public var isEmpty: Bool { names.isEmpty }

    /// Whether a family is asked for, by its name or by that of one of its samples.
    /// - Parameter header: the family.
    /// - Returns: true when it is to be written.
    public func allows(_ header: borrowing FamilyHeader) -> Bool {
        allows(name: header.name, kind: header.kind)
    }

    /// Whether a family is asked for.
    /// - Parameters:
    ///   - name: its name, a counter's with `_total`.
    ///   - kind: what it measures.
    /// - Returns: true when it is to be written.
    public func allows(name: String, kind: MetricKind) -> Bool {
        if names.isEmpty || names.contains(name) { return true }
        let suffixes: [String]
        var base = name
        switch kind {
        case .counter:
            if name.hasASCIISuffix("_total") { base = String(name.dropLast(6)) }
            suffixes = ["", "_created"]
        case .info:
            if name.hasASCIISuffix("_info") { base = String(name.dropLast(5)) }
            suffixes = ["", "_info"]
        case .histogram, .summary: suffixes = ["_bucket", "_sum", "_count", "_created"]
        case .gaugeHistogram: suffixes = ["_bucket", "_sum", "_count", "_gsum", "_gcount"]
        case .gauge, .stateSet, .unknown: return false
        }
        return suffixes.contains { names.contains(base + $0) }
    }

    private static func decoded(_ text: Substring.UTF8View) -> String {
        var bytes: [UInt8] = []
        var iterator = text.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard let high = iterator.next().flatMap(hexDigit), let low = iterator.next().flatMap(hexDigit) else {
                    return ""
                }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

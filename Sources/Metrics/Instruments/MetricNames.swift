// SPDX-License-Identifier: Apache-2.0

import Exposition

/// Rules for names.
enum MetricNames {
    private static let longestName = 200
    private static let mostLabels = 30

    /// The name as queries use it: with its unit, and with `_total` or `_info` at the end.
    static func canonical(_ name: String, unit: MetricUnit?, kind: MetricKind) -> String {
        let suffix =
            switch kind {
            case .counter: "_total"
            case .info: "_info"
            default: ""
            }
        var base = name
        if !suffix.isEmpty, base.hasBytes(atEnd: suffix) { base = String(base.dropLast(suffix.count)) }
        if let unit, !unit.rawValue.isEmpty, !base.hasBytes(atEnd: "_" + unit.rawValue) { base += "_" + unit.rawValue }
        return base + suffix
    }

    /// Names that no other family may use: the family's in every format, and its samples'.
    static func samples(of header: FamilyHeader) -> [String] {
        let name = header.name
        switch header.kind {
        case .counter where name.hasBytes(atEnd: "_total"):
            let base = String(name.dropLast(6))
            return [base, name, base + "_created"]
        case .info where name.hasBytes(atEnd: "_info"): return [String(name.dropLast(5)), name]
        case .histogram: return [name, name + "_bucket", name + "_sum", name + "_count", name + "_created"]
        case .gaugeHistogram: return [name, name + "_bucket", name + "_gsum", name + "_gcount"]
        case .summary: return [name, name + "_sum", name + "_count", name + "_created"]
        default: return [name]
        }
    }

    /// What is wrong with a family's names, if anything.
    static func problem(
        _ name: String,
        _ kind: MetricKind,
        labelNames: [String],
        allowsUTF8: Bool
    ) -> String? {
        if let problem = problem(of: name, isLabel: false, allowsUTF8) { return "the name \(problem)" }
        if labelNames.count > mostLabels { return "more than \(mostLabels) labels" }
        for name in labelNames {
            if let problem = problem(of: name, isLabel: true, allowsUTF8) { return "a label name \(problem)" }
            if name.utf8.starts(with: "__".utf8) { return "label names that start with __ are reserved" }
            if kind == .histogram, name == "le" { return "the label le belongs to the buckets" }
            if kind == .summary, name == "quantile" { return "the label quantile belongs to the quantiles" }
        }
        return Set(labelNames).count == labelNames.count ? nil : "two labels of one name"
    }

    private static func problem(of name: String, isLabel: Bool, _ allowsUTF8: Bool) -> String? {
        if name.isEmpty { return "is empty" }
        if name.utf8.count > longestName { return "is longer than \(longestName) bytes" }
        if NameEscaping.isClassic(name, isLabel: isLabel) { return nil }
        if !allowsUTF8 { return "has characters outside the classic alphabet" }
        return name.utf8.contains { $0 < 0x20 || $0 == 0x7f } ? "has control characters" : nil
    }

    /// A name for something called otherwise, such as `http.server.active_requests`.
    static func sanitized(_ name: String, isLabel: Bool) -> String {
        var result: [UInt8] = []
        for byte in name.utf8.prefix(longestName) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                result.append(byte)
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if result.isEmpty { result.append(UInt8(ascii: "_")) }
                result.append(byte)
            case UInt8(ascii: ":") where !isLabel: result.append(byte)
            default:
                // One underscore for a run of foreign bytes keeps `a -> b` readable.
                if result.last != UInt8(ascii: "_") { result.append(UInt8(ascii: "_")) }
            }
        }
        if isLabel {
            while result.starts(with: [UInt8(ascii: "_"), UInt8(ascii: "_")]) { result.removeFirst() }
        }
        return result.isEmpty ? "_" : String(decoding: result, as: UTF8.self)
    }
}

extension String {
    /// Compares bytes; `hasSuffix` compares characters and is slow.
    func hasBytes(atEnd suffix: String) -> Bool {
        utf8.count > suffix.utf8.count && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }
}

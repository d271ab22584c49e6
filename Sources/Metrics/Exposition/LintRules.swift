// SPDX-License-Identifier: Apache-2.0

/// What a family looked like, as far as the rules ask.
struct LintedFamily {
    var name: String
    var kind = MetricKind.unknown
    var hasHelp = false
    var hasType = false
    var hasUnit = false
    var hasSamples = false
    var hasBucketLabel = false
    var hasQuantileLabel = false
    var hasCamelCaseLabel = false
    var isScattered = false
    var isRepeated = false
    var hasBadCounter = false
    var lacksInfinity = false
    var isNotCumulative = false
    var hasOtherCount = false

    init(name: String) {
        self.name = name
    }

    var isHistogram: Bool { kind == .histogram || kind == .gaugeHistogram }
}

/// The rules about names and labels are those of `promtool check metrics`, word for word; those after `// Ours` go further.
enum LintRules {
    static func findings(_ family: LintedFamily, _ encoding: ExpositionFormat.Encoding) -> [String] {
        var texts = promlint(family, encoding)
        // Ours
        if family.isScattered { texts.append("samples of one metric should stand together") }
        if family.isRepeated { texts.append("the same series comes more than once") }
        if family.hasBadCounter { texts.append("counter values should not be negative or NaN") }
        if family.lacksInfinity { texts.append("histograms should have a bucket with le=\"+Inf\"") }
        if family.isNotCumulative { texts.append("histogram buckets should be cumulative and in ascending order") }
        if family.hasOtherCount { texts.append("the \"+Inf\" bucket should be equal to \"_count\"") }
        return texts
    }

    private static func promlint(_ family: LintedFamily, _ encoding: ExpositionFormat.Encoding) -> [String] {
        var texts: [String] = []
        let name = family.name
        let isTyped = family.kind != .unknown
        let isSummary = family.kind == .summary
        if !family.hasHelp { texts.append("no help text") }
        if let (unit, base) = unit(in: name), unit != base {
            texts.append("use base unit \"\(base)\" instead of \"\(unit)\"")
        }
        let isTotal = name.hasASCIISuffix("_total")
        // OpenMetrics' counters are named without the suffix, their samples with it.
        if family.kind == .counter, !isTotal, encoding == .text {
            texts.append("counter metrics should have \"_total\" suffix")
        }
        if family.kind != .counter, isTyped, isTotal {
            texts.append("non-counter metrics should not have \"_total\" suffix")
        }
        if isTyped {
            if !family.isHistogram, name.hasASCIISuffix("_bucket") {
                texts.append("non-histogram metrics should not have \"_bucket\" suffix")
            }
            for suffix in ["_count", "_sum"] where !family.isHistogram && !isSummary && name.hasASCIISuffix(suffix) {
                texts.append("non-histogram and non-summary metrics should not have \"\(suffix)\" suffix")
            }
            if !family.isHistogram, family.hasBucketLabel {
                texts.append("non-histogram metrics should not have \"le\" label")
            }
            if !isSummary, family.hasQuantileLabel {
                texts.append("non-summary metrics should not have \"quantile\" label")
            }
        }
        let lower = name.lowercased()
        for type in ["counter", "gauge", "summary", "histogram", "gauge_histogram"] where hasPart(lower, type) {
            texts.append("metric name should not include type '\(type)'")
        }
        if name.utf8.contains(UInt8(ascii: ":")) { texts.append("metric names should not contain ':'") }
        if isCamelCase(name.utf8) { texts.append("metric names should be written in 'snake_case' not 'camelCase'") }
        if family.hasCamelCaseLabel { texts.append("label names should be written in 'snake_case' not 'camelCase'") }
        if abbreviations.contains(where: { hasPart(lower, $0) }) {
            texts.append("metric names should not contain abbreviated units")
        }
        return texts
    }

    /// `_part_` within the name or `_part` at its end.
    private static func hasPart(_ name: String, _ part: String) -> Bool {
        let name = Array(name.utf8)
        let part = [UInt8(ascii: "_")] + Array(part.utf8)
        guard name.count >= part.count else { return false }
        for start in 0...(name.count - part.count) where name[start..<(start + part.count)].elementsEqual(part) {
            let end = start + part.count
            if end == name.count || name[end] == UInt8(ascii: "_") { return true }
        }
        return false
    }

    /// A small letter before a capital one.
    static func isCamelCase(_ bytes: some Sequence<UInt8>) -> Bool {
        var wasSmall = false
        for byte in bytes {
            if wasSmall, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) { return true }
            wasSmall = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        }
        return false
    }

    /// The last part of the name that is a unit, and its base unit.
    private static func unit(in name: String) -> (unit: String, base: String)? {
        for part in name.utf8.split(separator: UInt8(ascii: "_")).reversed() {
            let part = String(decoding: part, as: UTF8.self)
            for (unit, base) in units where part.hasASCIISuffix(unit) {
                let prefix = String(part.dropLast(unit.utf8.count))
                if prefix.isEmpty || prefixes.contains(prefix) { return (part, base) }
            }
        }
        return nil
    }

    private static let units: [(unit: String, base: String)] = [
        ("amperes", "amperes"), ("bytes", "bytes"), ("celsius", "celsius"), ("grams", "grams"), ("joules", "joules"),
        ("kelvin", "kelvin"), ("meters", "meters"), ("metres", "metres"), ("seconds", "seconds"), ("volts", "volts"),
        ("minutes", "seconds"), ("hours", "seconds"), ("days", "seconds"), ("weeks", "seconds"), ("kelvins", "kelvin"),
        ("fahrenheit", "celsius"), ("rankine", "celsius"), ("inches", "meters"), ("yards", "meters"),
        ("miles", "meters"),
        ("bits", "bytes"), ("calories", "joules"), ("pounds", "grams"), ("ounces", "grams"),
    ]

    private static let prefixes: Set<String> = [
        "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi", "mebi",
        "giga",
        "gibi", "tera", "tebi", "peta", "pebi",
    ]

    private static let abbreviations = [
        "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d",
    ]
}

// SPDX-License-Identifier: Apache-2.0

/// Name, kind, help and unit of a metric family, with its `# HELP`, `# TYPE` and `# UNIT` lines rendered once.
public struct FamilyHeader: Sendable, Hashable {
    /// The name as queries use it: a counter's ends in `_total`, an info metric's in `_info`.
    public let name: String
    /// What it measures.
    public let kind: MetricKind
    /// What it is about; nil writes no `# HELP`.
    public let help: String?
    /// Base unit; written where the name ends in it and the format has units.
    public let unit: String?

    let isClassic: Bool
    let classic: RenderedFamily
    let openMetrics: RenderedFamily

    /// Renders the lines.
    /// - Parameters:
    ///   - name: not empty. `_info` is added to an info metric without it; a counter without `_total` keeps its name and
    ///     is of unknown type in OpenMetrics, so that it has one name in all formats.
    ///   - kind: what it measures.
    ///   - help: what it is about.
    ///   - unit: base unit such as `seconds`.
    public init(name: String, kind: MetricKind, help: String? = nil, unit: String? = nil) {
        let name = name.isEmpty ? "_" : name
        self.name = kind == .info && !name.hasASCIISuffix("_info") ? name + "_info" : name
        self.kind = kind
        self.help = help
        self.unit = unit
        self.isClassic = NameEscaping.isClassic(name)
        self.classic = RenderedFamily(
            name: self.name,
            kind: kind,
            help: help,
            unit: unit,
            format: .utf8Text
        )
        self.openMetrics = RenderedFamily(
            name: self.name,
            kind: kind,
            help: help,
            unit: unit,
            format: .init(.openMetrics, escaping: .allowUTF8)
        )
    }

    /// What is written for a text format: prepared, unless the name must be escaped.
    func rendered(for format: ExpositionFormat) -> RenderedFamily {
        if isClassic || format.escaping == .allowUTF8 {
            return format.encoding == .openMetrics ? openMetrics : classic
        }
        return RenderedFamily(name: name, kind: kind, help: help, unit: unit, format: format)
    }

    /// By what identifies it; the rendered lines follow from that.
    public static func == (left: FamilyHeader, right: FamilyHeader) -> Bool {
        left.name == right.name && left.kind == right.kind && left.help == right.help && left.unit == right.unit
    }

    /// By name and kind.
    /// - Parameter hasher: takes them.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(kind)
    }
}

/// The bytes of a family in one text format.
struct RenderedFamily: Sendable {
    /// `# HELP`, `# TYPE`, `# UNIT` lines.
    var header: [UInt8] = []
    /// The name of a plain sample, escaped, without quotes.
    var sampleName: [UInt8] = []
    /// The name that `_bucket`, `_created` and the like are appended to.
    var baseName: [UInt8] = []
    /// Names stand quoted inside the braces.
    var isQuoted = false

    init() {}

    init(name: String, kind: MetricKind, help: String?, unit: String?, format: ExpositionFormat) {
        let isOpenMetrics = format.encoding == .openMetrics
        let isNamedTotal = name.hasASCIISuffix("_total")
        let kind = isOpenMetrics && kind == .counter && !isNamedTotal ? MetricKind.unknown : kind
        // The whole name is escaped before its suffix is cut off, so that all formats agree on the sample's name.
        let escapedName = format.escaping.escape(name)
        var escapedBase = escapedName
        if kind == .counter, isNamedTotal { escapedBase = String(escapedName.dropLast(6)) }
        if kind == .info, name.hasASCIISuffix("_info") { escapedBase = String(escapedName.dropLast(5)) }
        isQuoted = !NameEscaping.isClassic(escapedName)
        SeriesLabels.appendEscaped(escapedName, to: &sampleName)
        SeriesLabels.appendEscaped(escapedBase, to: &baseName)
        let familyName = isOpenMetrics ? baseName : sampleName
        let isFamilyQuoted = !NameEscaping.isClassic(isOpenMetrics ? escapedBase : escapedName)
        func line(_ keyword: StaticString, _ text: [UInt8]) {
            header += Array("# \(keyword) ".utf8)
            if isFamilyQuoted { header.append(UInt8(ascii: "\"")) }
            header += familyName
            if isFamilyQuoted { header.append(UInt8(ascii: "\"")) }
            header.append(UInt8(ascii: " "))
            header += text
            header.append(UInt8(ascii: "\n"))
        }
        if let help {
            var text: [UInt8] = []
            if isOpenMetrics {
                SeriesLabels.appendEscaped(help, to: &text)
            } else {
                for byte in help.utf8 {
                    switch byte {
                    case UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
                    case UInt8(ascii: "\n"): text += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
                    default: text.append(byte)
                    }
                }
            }
            line("HELP", text)
        }
        let word = isOpenMetrics ? kind.openMetricsName : kind.textName
        line("TYPE", Array("\(word)".utf8))
        if isOpenMetrics, let unit, !unit.isEmpty, escapedBase.hasASCIISuffix("_" + unit) {
            line("UNIT", Array(unit.utf8))
        }
    }
}

extension String {
    /// Compares bytes; `hasSuffix` compares Unicode characters and is slow.
    func hasASCIISuffix(_ suffix: String) -> Bool {
        utf8.count >= suffix.utf8.count && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }
}

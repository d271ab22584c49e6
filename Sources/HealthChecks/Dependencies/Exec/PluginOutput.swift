// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// The output of a Nagios plugin: a line for people, and behind a `|` what was measured.
enum PluginOutput {
    /// `'label'=value[unit];[warning];[critical];[minimum];[maximum]`, in the unit of its base: seconds and bytes.
    struct Measurement: Hashable, Sendable {
        var label: String
        var unit: String
        var value: Double
        var warning: Double?
        var critical: Double?
        var minimum: Double?
        var maximum: Double?

        private static let families = [
            CheckFamily("exec_perfdata_value", help: "What the program measured."),
            CheckFamily("exec_perfdata_warning", help: "From where on the program warns."),
            CheckFamily("exec_perfdata_critical", help: "From where on the program fails."),
            CheckFamily("exec_perfdata_min", help: "The lowest possible value."),
            CheckFamily("exec_perfdata_max", help: "The highest possible value."),
        ]

        var samples: [CheckSample] {
            let labels = [CheckLabel("label", label), CheckLabel("unit", unit)]
            return zip(Self.families, [value, warning, critical, minimum, maximum]).compactMap { family, value in
                value.map { CheckSample(family, labels, $0) }
            }
        }
    }

    /// More than this are left out.
    private static let measurementLimit = 100

    /// The first line without what was measured, and what was measured in all lines.
    static func read(_ output: String) -> (text: String, measurements: [Measurement]) {
        var text = ""
        var measurements: [Measurement] = []
        var isMeasuring = false
        for (index, line) in output.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let parts = line.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
            if index == 0 { text = String(parts.first ?? "") }
            // After a second `|`, in the long text, every further line is measurements.
            if isMeasuring {
                measurements += self.measurements(line)
            } else if parts.count == 2 {
                measurements += self.measurements(parts[1])
                isMeasuring = index > 0
            }
        }
        let shown = text.utf8.prefix(200).map { $0 < 32 ? 32 : $0 }
        var seen: Set<String> = []
        let unique = measurements.filter { seen.insert($0.label).inserted }
        return (String(decoding: shown, as: UTF8.self), Array(unique.prefix(measurementLimit)))
    }

    private static func measurements(_ text: Substring) -> [Measurement] {
        var found: [Measurement] = []
        var rest = text.utf8[...]
        while true {
            rest = rest.drop { $0 == 32 || $0 == 9 || $0 == 13 }
            guard !rest.isEmpty, let (label, after) = label(rest) else { return found }
            let end = after.firstIndex { $0 == 32 || $0 == 9 || $0 == 13 } ?? after.endIndex
            if let measurement = measurement(label, Substring(after[..<end])) { found.append(measurement) }
            rest = after[end...]
        }
    }

    /// A bare word, or one in single quotes where two stand for one; ends before `=`.
    private static func label(_ text: Substring.UTF8View) -> (String, Substring.UTF8View)? {
        let quote = UInt8(ascii: "'")
        guard text.first == quote else {
            guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            return (String(Substring(text[..<equals])), text[text.index(after: equals)...])
        }
        var label: [UInt8] = []
        var position = text.index(after: text.startIndex)
        while position < text.endIndex {
            let next = text.index(after: position)
            if text[position] != quote {
                label.append(text[position])
                position = next
            } else if next < text.endIndex, text[next] == quote {
                label.append(quote)
                position = text.index(after: next)
            } else {
                guard next < text.endIndex, text[next] == UInt8(ascii: "=") else { return nil }
                return (String(decoding: label, as: UTF8.self), text[text.index(after: next)...])
            }
        }
        return nil
    }

    private static func measurement(_ label: String, _ text: Substring) -> Measurement? {
        let fields = text.split(separator: ";", omittingEmptySubsequences: false)
        guard let first = fields.first, !label.isEmpty, label.utf8.count <= 128 else { return nil }
        let isNumber: (UInt8) -> Bool = { ($0 >= 48 && $0 <= 57) || $0 == 46 || $0 == 45 || $0 == 43 }
        var end = first.utf8.prefix(while: isNumber).endIndex
        // An exponent belongs to the number, `e` alone to the unit.
        if end < first.endIndex, first[end] == "e" || first[end] == "E" {
            let exponent = first[first.index(after: end)...].utf8.prefix(while: isNumber)
            if !exponent.isEmpty { end = exponent.endIndex }
        }
        guard let number = Double(first[..<end]), number.isFinite else { return nil }
        let (unit, factor) = base(String(first[end...]))
        func bound(_ index: Int) -> Double? {
            guard index < fields.count, let value = Double(fields[index]), value.isFinite else { return nil }
            return value * factor
        }
        return Measurement(
            label: label,
            unit: unit,
            value: number * factor,
            warning: bound(1),
            critical: bound(2),
            minimum: bound(3),
            maximum: bound(4)
        )
    }

    private static func base(_ unit: String) -> (String, Double) {
        switch unit {
        case "s": ("seconds", 1)
        case "ms": ("seconds", 1e-3)
        case "us": ("seconds", 1e-6)
        case "%": ("percent", 1)
        case "B": ("bytes", 1)
        case "KB": ("bytes", 1_000)
        case "MB": ("bytes", 1e6)
        case "GB": ("bytes", 1e9)
        case "TB": ("bytes", 1e12)
        case "c": ("count", 1)
        default: (String(unit.prefix(16)), 1)
        }
    }
}

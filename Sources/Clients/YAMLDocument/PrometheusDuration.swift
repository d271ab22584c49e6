// SPDX-License-Identifier: Apache-2.0

/// Durations as Prometheus and Alertmanager write them: `1d2h3m`, `500ms`, `0`; each unit once, largest first.
package enum PrometheusDuration {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ]

    package static func parse(_ text: String) -> Duration? {
        milliseconds(text).map { .milliseconds($0) }
    }

    /// The same as a count of milliseconds; nil when malformed or longer than 292 years, Go's limit.
    package static func milliseconds(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        var bytes = text.utf8[...]
        guard !bytes.isEmpty else { return nil }
        var total: Int64 = 0
        var nextUnit = 0
        while !bytes.isEmpty {
            let digits = bytes.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
            bytes = bytes.dropFirst(digits.count)
            let letters = bytes.prefix { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }
            bytes = bytes.dropFirst(letters.count)
            let name = String(decoding: letters, as: UTF8.self)
            guard let count = Int64(String(decoding: digits, as: UTF8.self)),
                let unit = units.indices.first(where: { units[$0].name == name }), unit >= nextUnit
            else { return nil }
            nextUnit = unit + 1
            let (product, overflow) = count.multipliedReportingOverflow(by: units[unit].milliseconds)
            let (sum, sumOverflow) = total.addingReportingOverflow(product)
            guard !overflow, !sumOverflow, sum <= Int64.max / 1_000_000 else { return nil }
            total = sum
        }
        return total
    }

    /// As Prometheus prints it; reads back equal.
    package static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return format(
            milliseconds: overflow
                ? (seconds < 0 ? .min : .max) : scaled + attoseconds / 1_000_000_000_000_000
        )
    }

    package static func format(milliseconds: Int64) -> String {
        guard milliseconds != 0 else { return "0s" }
        var rest = milliseconds.magnitude
        var text = milliseconds < 0 ? "-" : ""
        for (name, size) in units {
            let unit = UInt64(size)
            // 90d reads better than 12w6d: years and weeks only where nothing is left over.
            if name == "y" || name == "w", rest % unit != 0 { continue }
            let count = rest / unit
            if count > 0 {
                text += "\(count)\(name)"
                rest -= count * unit
            }
        }
        return text
    }
}

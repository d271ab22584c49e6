// SPDX-License-Identifier: Apache-2.0

/// Durations as Prometheus prints them: `1h30m`, `5m`, `15s`, `500ms`.
package enum DurationText {
    private static let units: [(suffix: String, milliseconds: UInt64, mustDivide: Bool)] = [
        ("y", 365 * 86_400_000, true), ("w", 7 * 86_400_000, true), ("d", 86_400_000, false), ("h", 3_600_000, false),
        ("m", 60_000, false), ("s", 1000, false), ("ms", 1, false),
    ]

    /// Years and weeks are used only where nothing remains.
    package static func text(milliseconds: Int64) -> String {
        if milliseconds == 0 { return "0s" }
        var rest = milliseconds.magnitude
        var text = milliseconds < 0 ? "-" : ""
        for unit in units {
            if unit.mustDivide, rest % unit.milliseconds != 0 { continue }
            let count = rest / unit.milliseconds
            if count > 0 { text += "\(count)\(unit.suffix)" }
            rest -= count * unit.milliseconds
        }
        return text
    }
}

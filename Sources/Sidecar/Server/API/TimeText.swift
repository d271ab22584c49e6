// SPDX-License-Identifier: Apache-2.0

import Calendar
package import TimeSeries

/// Times and durations as Prometheus's HTTP API reads and writes them, without Foundation.
package enum TimeText {
    /// Reads RFC 3339 (`2026-09-01T10:00:00.5Z`, with offset) or Unix seconds as a decimal number.
    package static func timestamp(_ text: String) -> Timestamp? {
        if let seconds = Double(text), seconds.isFinite {
            // Whole seconds and the rest apart, so that the rest is rounded as Prometheus rounds it.
            let whole = seconds.rounded(.towardZero)
            guard let milliseconds = Int64(exactly: whole * 1_000 + ((seconds - whole) * 1_000).rounded()) else {
                return nil
            }
            return Timestamp(milliseconds: milliseconds)
        }
        return RFC3339.milliseconds(text).map { Timestamp(milliseconds: $0) }
    }

    /// `2026-09-01T10:00:00.123Z`: UTC, milliseconds only when there are some.
    package static func rfc3339(_ timestamp: Timestamp) -> String {
        RFC3339.text(timestamp.milliseconds, fraction: .milliseconds)
    }

    /// Unix seconds as the API prints them in samples: `1725184800` or `1725184800.5`.
    package static func seconds(_ timestamp: Timestamp) -> String {
        let (quotient, remainder) = timestamp.milliseconds.quotientAndRemainder(dividingBy: 1_000)
        guard remainder != 0 else { return String(quotient) }
        let sign = timestamp.milliseconds < 0 ? "-" : ""
        var fraction = String(abs(remainder) + 1_000).dropFirst()
        while fraction.last == "0" { fraction.removeLast() }
        return "\(sign)\(abs(quotient)).\(fraction)"
    }
}

// SPDX-License-Identifier: Apache-2.0

import Calendar
package import TimeSeries

/// Times and durations as Prometheus's HTTP API reads and writes them, without Foundation.
package enum TimeText {
    /// Reads RFC 3339 (`2026-09-01T10:00:00.5Z`, with offset) or Unix seconds as a decimal number.
    package static func timestamp(_ text: String) -> Timestamp? {
        if let seconds = Double(text), seconds.isFinite {
            let milliseconds = (seconds * 1_000).rounded()
            guard let whole = Int64(exactly: milliseconds) else { return nil }
            return Timestamp(milliseconds: whole)
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

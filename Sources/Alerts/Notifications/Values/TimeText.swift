// SPDX-License-Identifier: Apache-2.0

import Calendar
import TimeSeries

/// RFC 3339 in UTC, as Go writes it: `2026-09-01T10:00:00.25Z`.
enum TimeText {
    /// How Go writes "never".
    static let zero = "0001-01-01T00:00:00Z"

    static func format(_ moment: Timestamp?) -> String { moment.map { RFC3339.text($0.milliseconds) } ?? zero }

    static func append(_ moment: Timestamp, to text: inout [UInt8]) {
        RFC3339.append(moment.milliseconds, to: &text)
    }

    /// Parses RFC 3339 with any offset; nil for anything else and for years outside 1...9999.
    static func parse(_ text: String) -> Timestamp? {
        RFC3339.milliseconds(text).map { Timestamp(milliseconds: $0) }
    }
}

extension Int64 {
    /// Division that rounds down, for a positive divisor.
    func flooredQuotient(_ divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Moments as RFC 3339 writes them, in milliseconds since 1970: `2026-09-01T10:00:00.25Z`.
package enum RFC3339 {
    /// How the digits behind the point are written.
    package enum Fraction: Sendable {
        /// As many as are needed, as Go does; none for a whole second.
        case shortest
        /// Three, or none for a whole second.
        case milliseconds
    }

    /// UTC. What lies outside the years 1 to 9999 is shown at the border.
    package static func text(_ milliseconds: Int64, fraction: Fraction = .shortest) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(24)
        append(milliseconds, fraction: fraction, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Adds the text's bytes.
    package static func append(_ milliseconds: Int64, fraction: Fraction = .shortest, to text: inout [UInt8]) {
        let clamped = min(max(milliseconds, -62_135_596_800_000), 253_402_300_799_999)
        let seconds = floored(clamped, 1_000)
        let time = CivilTime(unixSeconds: seconds)
        for (separator, number, width) in [
            (nil, time.year, 4), ("-", time.month, 2), ("-", time.day, 2), ("T", time.hour, 2), (":", time.minute, 2),
            (":", time.second, 2),
        ] as [(Unicode.Scalar?, Int, Int)] {
            if let separator { text.append(UInt8(ascii: separator)) }
            append(number, width: width, to: &text)
        }
        var digits = Int(clamped - seconds * 1_000)
        if digits != 0 {
            var width = 3
            while fraction == .shortest, digits % 10 == 0 {
                digits /= 10
                width -= 1
            }
            text.append(UInt8(ascii: "."))
            append(digits, width: width, to: &text)
        }
        text.append(UInt8(ascii: "Z"))
    }

    private static func append(_ number: Int, width: Int, to text: inout [UInt8]) {
        let digits = String(number).utf8
        for _ in 0..<max(width - digits.count, 0) { text.append(UInt8(ascii: "0")) }
        text.append(contentsOf: digits)
    }

    /// Reads a moment with any offset; nil for anything else. Digits behind the third are dropped.
    package static func milliseconds(_ text: String) -> Int64? {
        var scanner = DigitScanner(text)
        guard let year = scanner.number(4), scanner.take("-"), let month = scanner.number(2), scanner.take("-"),
            let day = scanner.number(2), scanner.take("T") || scanner.take("t") || scanner.take(" "),
            let hour = scanner.number(2), scanner.take(":"), let minute = scanner.number(2), scanner.take(":"),
            let second = scanner.number(2)
        else { return nil }
        var milliseconds = 0
        if scanner.take(".") {
            guard let fraction = scanner.fraction() else { return nil }
            milliseconds = fraction
        }
        guard let offset = scanner.offset(), scanner.isAtEnd, year >= 1, (1...12).contains(month),
            (1...CivilTime.days(inMonth: month, of: year)).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        let time = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        return (time.unixSeconds - Int64(offset)) * 1_000 + Int64(milliseconds)
    }

    /// Division that rounds down.
    static func floored(_ value: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

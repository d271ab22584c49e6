// SPDX-License-Identifier: Apache-2.0

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
        return rfc3339(Array(text.utf8)).map { Timestamp(milliseconds: $0) }
    }

    /// `2026-09-01T10:00:00.123Z`: UTC, milliseconds only when there are some.
    package static func rfc3339(_ timestamp: Timestamp) -> String {
        let milliseconds = timestamp.milliseconds
        let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        let seconds = remainder < 0 ? quotient - 1 : quotient
        let fraction = remainder < 0 ? remainder + 1_000 : remainder
        let days = floorDivide(seconds, 86_400)
        let second = Int(seconds - days * 86_400)
        let (year, month, day) = civil(fromDays: days)
        func pad(_ value: some BinaryInteger, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
        let clock = "\(pad(second / 3_600, 2)):\(pad(second / 60 % 60, 2)):\(pad(second % 60, 2))"
        return fraction == 0 ? "\(date)T\(clock)Z" : "\(date)T\(clock).\(pad(fraction, 3))Z"
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

    private static func rfc3339(_ text: [UInt8]) -> Int64? {
        var position = 0
        func digits(_ count: Int) -> Int? {
            guard position + count <= text.count else { return nil }
            var value = 0
            for _ in 0..<count {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[position]) else { return nil }
                value = value * 10 + Int(text[position] - UInt8(ascii: "0"))
                position += 1
            }
            return value
        }
        func take(_ accepted: String) -> UInt8? {
            guard position < text.count, accepted.utf8.contains(text[position]) else { return nil }
            position += 1
            return text[position - 1]
        }
        guard let year = digits(4), take("-") != nil, let month = digits(2), take("-") != nil, let day = digits(2),
            take("Tt ") != nil, let hour = digits(2), take(":") != nil, let minute = digits(2), take(":") != nil,
            let second = digits(2), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second < 61
        else { return nil }
        var milliseconds = 0
        if take(".") != nil {
            var weight = 100
            var seen = 0
            while let digit = digits(1) {
                milliseconds += digit * weight
                weight /= 10
                seen += 1
            }
            guard seen > 0 else { return nil }
        }
        var offset = 0
        if take("Zz") == nil {
            guard let sign = take("+-"), let hours = digits(2), take(":") != nil, let minutes = digits(2), hours < 24,
                minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -60 : 60)
        }
        guard position == text.count else { return nil }
        let days = days(year: year, month: month, day: day)
        guard civil(fromDays: days) == (Int64(year), Int64(month), Int64(day)) else { return nil }
        let seconds = days * 86_400 + Int64(hour * 3_600 + minute * 60 + second - offset)
        return seconds * 1_000 + Int64(milliseconds)
    }

    // The proleptic Gregorian calendar in eras of 400 years, which are 146,097 days long; years begin in March.

    private static func days(year: Int, month: Int, day: Int) -> Int64 {
        let shifted = Int64(month <= 2 ? year - 1 : year)
        let era = floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

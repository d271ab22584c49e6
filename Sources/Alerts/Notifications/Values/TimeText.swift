// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// RFC 3339 in UTC, without Foundation: `2026-09-01T10:00:00.25Z`.
enum TimeText {
    /// How Go writes "never".
    static let zero = "0001-01-01T00:00:00Z"

    static func format(_ moment: Timestamp?) -> String {
        guard let moment else { return zero }
        var text: [UInt8] = []
        text.reserveCapacity(24)
        append(moment, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Fractions lose their trailing zeros, as in Go's RFC3339Nano.
    static func append(_ moment: Timestamp, to text: inout [UInt8]) {
        // Years 1 to 9999; what lies outside is shown at the border.
        let milliseconds = min(max(moment.milliseconds, -62_135_596_800_000), 253_402_300_799_999)
        let time = CivilTime(unixSeconds: milliseconds.flooredQuotient(1000), offset: 0)
        append(time.year, width: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        append(time.month, width: 2, to: &text)
        text.append(UInt8(ascii: "-"))
        append(time.day, width: 2, to: &text)
        text.append(UInt8(ascii: "T"))
        append(time.hour, width: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(time.minute, width: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(time.second, width: 2, to: &text)
        var fraction = Int(milliseconds - milliseconds.flooredQuotient(1000) * 1000)
        if fraction != 0 {
            var width = 3
            while fraction % 10 == 0 {
                fraction /= 10
                width -= 1
            }
            text.append(UInt8(ascii: "."))
            append(fraction, width: width, to: &text)
        }
        text.append(UInt8(ascii: "Z"))
    }

    private static func append(_ number: Int, width: Int, to text: inout [UInt8]) {
        let digits = String(number).utf8
        for _ in 0..<max(width - digits.count, 0) { text.append(UInt8(ascii: "0")) }
        text.append(contentsOf: digits)
    }

    /// Parses RFC 3339 with any offset; nil for anything else and for years outside 1...9999.
    static func parse(_ text: String) -> Timestamp? {
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
        guard let offset = scanner.offset(), scanner.isAtEnd,
            (1...9999).contains(year), (1...12).contains(month),
            (1...CivilTime.days(inMonth: month, of: year)).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        let days = CivilTime.days(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Timestamp(milliseconds: Int64(seconds) * 1000 + Int64(milliseconds))
    }
}

private struct DigitScanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8.prefix(64)) }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func digit() -> Int? {
        guard position < bytes.count, (48...57).contains(bytes[position]) else { return nil }
        position += 1
        return Int(bytes[position - 1]) - 48
    }

    mutating func number(_ width: Int) -> Int? {
        var number = 0
        for _ in 0..<width {
            guard let digit = digit() else { return nil }
            number = number * 10 + digit
        }
        return number
    }

    /// Milliseconds; further digits are read and dropped.
    mutating func fraction() -> Int? {
        var milliseconds = 0, width = 0
        while let digit = digit() {
            if width < 3 { milliseconds = milliseconds * 10 + digit }
            width += 1
        }
        guard width > 0 else { return nil }
        for _ in width..<max(width, 3) { milliseconds *= 10 }
        return milliseconds
    }

    /// Seconds east of Greenwich.
    mutating func offset() -> Int? {
        if take("Z") || take("z") { return 0 }
        let sign = take("+") ? 1 : take("-") ? -1 : 0
        guard sign != 0, let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60 else {
            return nil
        }
        return sign * (hours * 3600 + minutes * 60)
    }
}

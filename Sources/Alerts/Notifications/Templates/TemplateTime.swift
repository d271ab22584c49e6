// SPDX-License-Identifier: Apache-2.0

import Calendar
import GoTemplates
import TimeSeries

/// A moment in a zone, with the methods of Go's `time.Time` that templates use.
struct TemplateTime: TemplateObject {
    let moment: Timestamp?
    let zone: TimeZoneRules

    init(_ moment: Timestamp?, zone: TimeZoneRules = .utc) {
        self.moment = moment
        self.zone = zone
    }

    var typeName: String { "time.Time" }
    var plain: TemplateValue { .string(format("2006-01-02 15:04:05.999999999 -0700 MST")) }

    func member(_ name: String, _ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "Format": return .string(format(try TemplateArguments(arguments).string(0)))
        case "Unix": return .integer(seconds)
        case "UnixMilli": return .integer(moment?.milliseconds ?? -62_135_596_800_000)
        case "IsZero": return .bool(moment == nil)
        case "UTC", "Local": return .object(TemplateTime(moment))
        case "Year": return .integer(Int64(civil.year))
        case "Month": return .string(GoTimeLayout.months[civil.month - 1])
        case "Day": return .integer(Int64(civil.day))
        case "Hour": return .integer(Int64(civil.hour))
        case "Minute": return .integer(Int64(civil.minute))
        case "Second": return .integer(Int64(civil.second))
        case "Weekday": return .string(GoTimeLayout.weekdays[civil.weekday])
        case "String": return plain
        default: return nil
        }
    }

    private var seconds: Int64 { (moment?.milliseconds ?? -62_135_596_800_000).flooredQuotient(1000) }
    private var offset: Int64 { zone.offset(at: seconds) }
    private var civil: CivilTime { CivilTime(unixSeconds: seconds, offset: offset) }

    func format(_ layout: String) -> String {
        let milliseconds = (moment?.milliseconds ?? 0) - (moment?.milliseconds ?? 0).flooredQuotient(1000) * 1000
        return GoTimeLayout.format(
            layout,
            civil,
            milliseconds: Int(milliseconds),
            offset: Int(offset),
            zone: zone.name == "UTC" ? "UTC" : nil
        )
    }
}

/// Go's reference-time layouts.
enum GoTimeLayout {
    static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    /// Longest first, so that `2006` is not read as `2`.
    private static let parts = [
        "January", "Jan", "Monday", "Mon", "MST", "2006", "002", "-07:00:00", "-07:00", "-0700", "-07", "Z07:00",
        "Z0700",
        "01", "02", "03", "04", "05", "06", "15", "_2", "PM", "pm", "1", "2", "3", "4", "5",
    ]

    static func format(_ layout: String, _ time: CivilTime, milliseconds: Int, offset: Int, zone: String?) -> String {
        var result = ""
        var rest = layout.utf8[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: ".") || byte == UInt8(ascii: ","), let length = fractionLength(rest.dropFirst()) {
                result += fraction(milliseconds, length: length, isTrimmed: rest.dropFirst().first == UInt8(ascii: "9"))
                rest = rest.dropFirst(length + 1)
            } else if let part = parts.first(where: { rest.starts(with: $0.utf8) }) {
                result += text(part, time, offset: offset, zone: zone)
                rest = rest.dropFirst(part.utf8.count)
            } else {
                var end = rest.index(after: rest.startIndex)
                while end < rest.endIndex, rest[end] & 0xc0 == 0x80 { end = rest.index(after: end) }
                result += String(decoding: rest[..<end], as: UTF8.self)
                rest = rest[end...]
            }
        }
        return result
    }

    private static func fractionLength(_ rest: Substring.UTF8View) -> Int? {
        guard let first = rest.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "9") else { return nil }
        let count = rest.prefix { $0 == first }.count
        if let next = rest.dropFirst(count).first, (48...57).contains(next) { return nil }
        return count
    }

    private static func fraction(_ milliseconds: Int, length: Int, isTrimmed: Bool) -> String {
        var digits = Array((pad(milliseconds, 3) + "000000").utf8.prefix(max(length, 1)))
        if isTrimmed { while digits.last == UInt8(ascii: "0") { digits.removeLast() } }
        return digits.isEmpty ? "" : "." + String(decoding: digits, as: UTF8.self)
    }

    private static func text(_ part: String, _ time: CivilTime, offset: Int, zone: String?) -> String {
        let hour12 = time.hour % 12 == 0 ? 12 : time.hour % 12
        switch part {
        case "January": return months[time.month - 1]
        case "Jan": return String(months[time.month - 1].prefix(3))
        case "Monday": return weekdays[time.weekday]
        case "Mon": return String(weekdays[time.weekday].prefix(3))
        case "MST": return zone ?? offsetText(offset, separator: "")
        case "2006": return pad(time.year, 4)
        case "06": return pad(time.year % 100, 2)
        case "01": return pad(time.month, 2)
        case "1": return String(time.month)
        case "02": return pad(time.day, 2)
        case "_2": return time.day < 10 ? " \(time.day)" : String(time.day)
        case "2": return String(time.day)
        case "002":
            let first = CivilTime(year: time.year, month: 1, day: 1).daysSinceEpoch
            return pad(time.daysSinceEpoch - first + 1, 3)
        case "15": return pad(time.hour, 2)
        case "03": return pad(hour12, 2)
        case "3": return String(hour12)
        case "04": return pad(time.minute, 2)
        case "4": return String(time.minute)
        case "05": return pad(time.second, 2)
        case "5": return String(time.second)
        case "PM": return time.hour < 12 ? "AM" : "PM"
        case "pm": return time.hour < 12 ? "am" : "pm"
        case "Z07:00": return offset == 0 ? "Z" : offsetText(offset, separator: ":")
        case "Z0700": return offset == 0 ? "Z" : offsetText(offset, separator: "")
        case "-07:00": return offsetText(offset, separator: ":")
        case "-07:00:00": return offsetText(offset, separator: ":") + ":" + pad(abs(offset) % 60, 2)
        case "-0700": return offsetText(offset, separator: "")
        default: return String(offsetText(offset, separator: "").prefix(3))
        }
    }

    private static func offsetText(_ offset: Int, separator: String) -> String {
        (offset < 0 ? "-" : "+") + pad(abs(offset) / 3600, 2) + separator + pad(abs(offset) / 60 % 60, 2)
    }

    private static func pad(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(width - text.utf8.count, 0)) + text
    }
}

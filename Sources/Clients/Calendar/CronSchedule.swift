// SPDX-License-Identifier: Apache-2.0

/// A cron expression of five fields: minute, hour, day of month, month, day of week.
///
/// Lists, ranges, steps and English names as Debian's cron has them, `L` for the last day of a month, `5#2` for the
/// second Friday, and `@hourly` to `@yearly`. When both days are given, either of them suffices. A job with a fixed time
/// runs once on the days when clocks change: right after a gap that swallowed its time, and at the first of two equal
/// times. A job with `*` in its hour or minute follows real time.
public struct CronSchedule: Sendable, Hashable {
    /// Why an expression cannot be read.
    public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// One line for a person.
        public let description: String
    }

    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    private static let aliases = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    /// One bit for each value that matches.
    private var minutes: UInt64 = 0
    private var hours: UInt64 = 0
    private var days: UInt64 = 0
    private var monthBits: UInt64 = 0
    private var weekdayBits: UInt64 = 0
    /// Bit `weekday * 5 + number - 1`.
    private var numberedWeekdays: UInt64 = 0
    private var hasLastDay = false
    private var anyDay = false
    private var anyWeekday = false
    private var followsRealTime = false

    /// Reads an expression.
    public init(_ text: String) throws(Problem) {
        let expanded = Self.aliases[text.lowercased()] ?? text
        let fields = expanded.split(whereSeparator: { $0 == " " || $0 == "\t" }).map { $0.lowercased() }
        guard fields.count == 5 else { throw Problem(description: "expected five fields, got \(fields.count)") }
        minutes = try Self.bits(fields[0], "minute", 0...59, [])
        hours = try Self.bits(fields[1], "hour", 0...23, [])
        monthBits = try Self.bits(fields[3], "month", 1...12, Self.months)
        try readDays(fields[2])
        try readWeekdays(fields[4])
        anyDay = fields[2].hasPrefix("*")
        anyWeekday = fields[4].hasPrefix("*")
        followsRealTime = fields[0].hasPrefix("*") || fields[1].hasPrefix("*")
    }

    private mutating func readDays(_ field: String) throws(Problem) {
        for part in field.split(separator: ",", omittingEmptySubsequences: false) {
            if part == "l" {
                hasLastDay = true
            } else {
                days |= try Self.bits(String(part), "day of month", 1...31, [])
            }
        }
    }

    private mutating func readWeekdays(_ field: String) throws(Problem) {
        for part in field.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "#", omittingEmptySubsequences: false)
            if pieces.count == 2, let number = Int(pieces[1]), (1...5).contains(number) {
                let weekday = try Self.value(pieces[0], "day of week", 0...7, Self.weekdays) % 7
                numberedWeekdays |= 1 << UInt64(weekday * 5 + number - 1)
            } else {
                weekdayBits |= try Self.bits(String(part), "day of week", 0...7, Self.weekdays)
            }
        }
        if weekdayBits & 1 << 7 != 0 { weekdayBits = weekdayBits & 0x7f | 1 }
    }

    private static func bits(
        _ field: String,
        _ name: String,
        _ range: ClosedRange<Int>,
        _ names: [String]
    ) throws(Problem) -> UInt64 {
        var bits: UInt64 = 0
        for part in field.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let step = pieces.count == 2 ? Int(pieces[1]) : 1
            guard let step, (1...60).contains(step), let span = pieces.first, !span.isEmpty else {
                throw Problem(description: "\(name): cannot read \"\(part)\"")
            }
            let ends = span.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            var low = range.lowerBound
            var high = range.upperBound == 7 ? 6 : range.upperBound
            if span != "*" {
                low = try value(ends[0], name, range, names)
                high = ends.count == 2 ? try value(ends[1], name, range, names) : (pieces.count == 2 ? high : low)
            }
            guard low <= high else { throw Problem(description: "\(name): \(span) runs backwards") }
            for value in stride(from: low, through: high, by: step) { bits |= 1 << UInt64(value) }
        }
        return bits
    }

    private static func value(
        _ text: Substring,
        _ name: String,
        _ range: ClosedRange<Int>,
        _ names: [String]
    ) throws(Problem) -> Int {
        if let index = names.firstIndex(of: String(text)) { return index + (name == "month" ? 1 : 0) }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(description: "\(name): \"\(text)\" is not \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private func matches(day time: CivilTime) -> Bool {
        guard monthBits & 1 << UInt64(time.month) != 0 else { return false }
        let isLast = hasLastDay && time.day == CivilTime.days(inMonth: time.month, of: time.year)
        let byDay = isLast || days & 1 << UInt64(time.day) != 0
        let weekday = time.weekday
        let number = (time.day - 1) / 7
        let byWeekday =
            weekdayBits & 1 << UInt64(weekday) != 0 || numberedWeekdays & 1 << UInt64(weekday * 5 + number) != 0
        return anyDay || anyWeekday ? byDay && byWeekday : byDay || byWeekday
    }

    private func matches(_ time: CivilTime) -> Bool {
        minutes & 1 << UInt64(time.minute) != 0 && hours & 1 << UInt64(time.hour) != 0 && matches(day: time)
    }

    /// The first time after `unixSeconds`, in unix seconds; nil when there is none in the next 28 years.
    public func next(after unixSeconds: Int64, in zone: TimeZoneRules) -> Int64? {
        guard unixSeconds > -62_000_000_000, unixSeconds < 252_000_000_000 else { return nil }
        var time = (unixSeconds >= 0 ? unixSeconds / 60 : (unixSeconds - 59) / 60) * 60 + 60
        let end = time + 28 * 366 * 86_400
        while time < end {
            let offset = zone.offset(at: time)
            if !followsRealTime, runsAfterGap(time, offset: offset, zone) { return time }
            let local = CivilTime(unixSeconds: time + offset)
            let untilHourEnds = Int64(3_600 - local.minute * 60 - local.second)
            if !matches(day: local) {
                time += local.hour < 20 ? untilHourEnds + Int64(20 - local.hour) * 3_600 - 3_600 : untilHourEnds
                continue
            }
            if hours & 1 << UInt64(local.hour) == 0 || minutes >> UInt64(local.minute) == 0 {
                time += untilHourEnds
                continue
            }
            if minutes & 1 << UInt64(local.minute) != 0, followsRealTime || isFirst(time, local, zone) { return time }
            time += 60
        }
        return nil
    }

    /// Whether the clock has just been set forward over a time at which the job would have run.
    private func runsAfterGap(_ time: Int64, offset: Int64, _ zone: TimeZoneRules) -> Bool {
        let skipped = offset - zone.offset(at: time - 60)
        guard skipped > 0, skipped <= 86_400 else { return false }
        return stride(from: offset - skipped, to: offset, by: 60).contains { missing in
            matches(CivilTime(unixSeconds: time + missing))
        }
    }

    /// Whether this wall time comes for the first time: not once more after the clock was set back.
    private func isFirst(_ time: Int64, _ local: CivilTime, _ zone: TimeZoneRules) -> Bool {
        ![1_800, 3_600, 7_200].contains { back in
            CivilTime(unixSeconds: time - back + zone.offset(at: time - back)) == local
        }
    }
}

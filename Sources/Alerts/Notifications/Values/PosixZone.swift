// SPDX-License-Identifier: Apache-2.0

/// The rule at the end of a TZif file, as POSIX writes `TZ`: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixZone: Hashable, Sendable {
    private enum Day: Hashable {
        /// 1...365, the leap day never counted.
        case julian(Int)
        /// 0...365, the leap day counted.
        case ordinal(Int)
        /// The n-th weekday of a month; 5 is the last.
        case weekday(month: Int, week: Int, day: Int)
    }

    private struct Change: Hashable {
        var day: Day
        /// Seconds after local midnight; may lie outside the day.
        var time: Int
    }

    private let standardOffset: Int
    private var daylightOffset: Int?
    private var begin: Change?
    private var end: Change?

    init?(_ text: String) {
        var scanner = ZoneScanner(text)
        guard scanner.name(), let offset = scanner.time() else { return nil }
        standardOffset = -offset
        guard scanner.name() else { return }
        daylightOffset = standardOffset + 3600
        if let offset = scanner.time() { daylightOffset = -offset }
        guard scanner.take(","), let begin = Self.change(&scanner), scanner.take(","), let end = Self.change(&scanner)
        else { return nil }
        self.begin = begin
        self.end = end
    }

    func offset(at unixSeconds: Int64) -> Int {
        guard let daylightOffset, let begin, let end else { return standardOffset }
        let year = CivilTime(unixSeconds: unixSeconds, offset: standardOffset).year
        let start = Self.seconds(begin, year: year) - Int64(standardOffset)
        let stop = Self.seconds(end, year: year) - Int64(daylightOffset)
        let isDaylight =
            start < stop
            ? unixSeconds >= start && unixSeconds < stop
            : unixSeconds >= start || unixSeconds < stop
        return isDaylight ? daylightOffset : standardOffset
    }

    private static func change(_ scanner: inout ZoneScanner) -> Change? {
        let day: Day
        if scanner.take("M") {
            guard let month = scanner.number(), scanner.take("."), let week = scanner.number(), scanner.take("."),
                let weekday = scanner.number(), (1...12).contains(month), (1...5).contains(week), weekday < 7
            else { return nil }
            day = .weekday(month: month, week: week, day: weekday)
        } else if scanner.take("J") {
            guard let number = scanner.number(), (1...365).contains(number) else { return nil }
            day = .julian(number)
        } else {
            guard let number = scanner.number(), number <= 365 else { return nil }
            day = .ordinal(number)
        }
        guard scanner.take("/") else { return Change(day: day, time: 7200) }
        return scanner.time().map { Change(day: day, time: $0) }
    }

    /// Local seconds since 1970 at which a change comes.
    private static func seconds(_ change: Change, year: Int) -> Int64 {
        let firstDay = CivilTime.days(year: year, month: 1, day: 1)
        let day: Int
        switch change.day {
        case .julian(let number): day = firstDay + number - 1 + (CivilTime.isLeap(year) && number >= 60 ? 1 : 0)
        case .ordinal(let number): day = firstDay + number
        case .weekday(let month, let week, let weekday):
            let first = CivilTime.days(year: year, month: month, day: 1)
            let firstWeekday = ((first + 4) % 7 + 7) % 7
            var inMonth = (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
            if inMonth >= CivilTime.days(inMonth: month, of: year) { inMonth -= 7 }
            day = first + inMonth
        }
        return Int64(day) * 86_400 + Int64(change.time)
    }
}

private struct ZoneScanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8.prefix(256)) }

    private var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Letters, or anything between angle brackets.
    mutating func name() -> Bool {
        let start = position
        if take("<") {
            while position < bytes.count, next != UInt8(ascii: ">") { position += 1 }
            return take(">")
        }
        while (65...90).contains(next) || (97...122).contains(next) { position += 1 }
        return position - start >= 3
    }

    mutating func number() -> Int? {
        let start = position
        var number = 0
        while (48...57).contains(next), position - start < 5 {
            number = number * 10 + Int(next) - 48
            position += 1
        }
        return position > start ? number : nil
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    mutating func time() -> Int? {
        let start = position
        let sign = take("-") ? -1 : 1
        if sign == 1 { _ = take("+") }
        guard let hours = number(), hours <= 167 else {
            position = start
            return nil
        }
        var seconds = hours * 3600
        if take(":") {
            guard let minutes = number(), minutes < 60 else { return nil }
            seconds += minutes * 60
            if take(":") {
                guard let rest = number(), rest < 60 else { return nil }
                seconds += rest
            }
        }
        return sign * seconds
    }
}

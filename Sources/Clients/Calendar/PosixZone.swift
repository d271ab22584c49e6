// SPDX-License-Identifier: Apache-2.0

/// The rule for years that a time zone file does not list, such as `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixZone: Sendable, Hashable {
    private enum Day: Sendable, Hashable {
        case weekday(month: Int, week: Int, weekday: Int)
        /// 1 to 365, without 29 February.
        case julian(Int)
        /// 0 to 365.
        case dayOfYear(Int)
    }

    private struct Change: Sendable, Hashable {
        var day: Day
        var seconds: Int64
    }

    private let standard: Int64
    private let summer: Int64
    private var start: Change?
    private var end: Change?

    init?(_ text: String) {
        var scanner = Scanner(rest: Array(text.utf8)[...])
        guard scanner.name(), let offset = scanner.time() else { return nil }
        standard = -offset
        guard !scanner.rest.isEmpty else {
            summer = standard
            return
        }
        guard scanner.name() else { return nil }
        summer = scanner.rest.first == UInt8(ascii: ",") ? standard + 3_600 : -(scanner.time() ?? 0)
        guard let start = scanner.change(), let end = scanner.change() else { return nil }
        self.start = start
        self.end = end
    }

    func offset(at unixSeconds: Int64) -> Int64 {
        guard let start, let end else { return standard }
        let year = CivilTime(unixSeconds: unixSeconds + standard).year
        let begins = Self.instant(start, year) - standard
        let ends = Self.instant(end, year) - summer
        let isSummer =
            begins < ends ? unixSeconds >= begins && unixSeconds < ends : unixSeconds >= begins || unixSeconds < ends
        return isSummer ? summer : standard
    }

    private static func instant(_ change: Change, _ year: Int) -> Int64 {
        let newYear = CivilTime(year: year, month: 1, day: 1).daysSinceEpoch
        let day: Int
        switch change.day {
        case .weekday(let month, let week, let weekday):
            let first = CivilTime(year: year, month: month, day: 1)
            var date = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
            if date > CivilTime.days(inMonth: month, of: year) { date -= 7 }
            day = first.daysSinceEpoch + date - 1
        case .julian(let number):
            let isLeap = CivilTime.days(inMonth: 2, of: year) == 29
            day = newYear + number - 1 + (isLeap && number >= 60 ? 1 : 0)
        case .dayOfYear(let number):
            day = newYear + number
        }
        return Int64(day) * 86_400 + change.seconds
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Character) -> Bool {
            guard let byte = character.asciiValue, rest.first == byte else { return false }
            rest = rest.dropFirst()
            return true
        }

        /// Three or more letters, or anything between angle brackets.
        mutating func name() -> Bool {
            if take("<") {
                rest = rest.drop { $0 != UInt8(ascii: ">") }
                return take(">")
            }
            let letters = rest.prefix { ($0 | 0x20) >= 97 && ($0 | 0x20) <= 122 }
            rest = rest.dropFirst(letters.count)
            return letters.count >= 3
        }

        mutating func number() -> Int? {
            let digits = rest.prefix { $0 >= 48 && $0 <= 57 }
            guard (1...4).contains(digits.count) else { return nil }
            rest = rest.dropFirst(digits.count)
            return Int(String(decoding: digits, as: UTF8.self))
        }

        /// `[+-]hh[:mm[:ss]]`
        mutating func time() -> Int64? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard let hours = number(), hours <= 167 else { return nil }
            let minutes = take(":") ? number() ?? 0 : 0
            let seconds = take(":") ? number() ?? 0 : 0
            let total = Int64(hours * 3_600 + minutes * 60 + seconds)
            return isNegative ? -total : total
        }

        mutating func change() -> Change? {
            guard take(","), let day = day() else { return nil }
            guard take("/") else { return Change(day: day, seconds: 7_200) }
            return time().map { Change(day: day, seconds: $0) }
        }

        private mutating func day() -> Day? {
            if take("M") {
                guard let month = number(), take("."), let week = number(), take("."), let weekday = number(),
                    (1...12).contains(month), (1...5).contains(week), (0...6).contains(weekday)
                else { return nil }
                return .weekday(month: month, week: week, weekday: weekday)
            }
            if take("J") { return number().flatMap { (1...365).contains($0) ? .julian($0) : nil } }
            return number().flatMap { (0...365).contains($0) ? .dayOfYear($0) : nil }
        }
    }
}

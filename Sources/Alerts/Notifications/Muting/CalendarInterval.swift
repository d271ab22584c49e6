// SPDX-License-Identifier: Apache-2.0

package import Calendar
package import TimeSeries

/// A span of the calendar, Alertmanager's `time_intervals` element: every field that is set must contain the moment.
package struct CalendarInterval: Hashable, Sendable {
    /// Minutes of the day; the end is not part of it.
    package struct Minutes: Hashable, Sendable {
        package var start: Int
        package var end: Int

        package init(start: Int, end: Int) {
            self.start = start
            self.end = end
        }
    }

    package var times: [Minutes]?
    /// 0 is Sunday.
    package var weekdays: [ClosedRange<Int>]?
    /// Negative numbers count from the end of the month.
    package var daysOfMonth: [DayRange]?
    package var months: [ClosedRange<Int>]?
    package var years: [ClosedRange<Int>]?
    package var zone: TimeZoneRules

    /// Days of a month; either end may count from the month's end (-1 is the last day).
    package struct DayRange: Hashable, Sendable {
        package var first: Int
        package var last: Int

        package init(first: Int, last: Int) {
            self.first = first
            self.last = last
        }
    }

    package init(zone: TimeZoneRules = .utc) { self.zone = zone }

    package func contains(_ moment: Timestamp) -> Bool {
        let seconds = moment.milliseconds.flooredQuotient(1000)
        let time = CivilTime(unixSeconds: seconds, offset: zone.offset(at: seconds))
        if let times {
            let minute = time.hour * 60 + time.minute
            guard times.contains(where: { minute >= $0.start && minute < $0.end }) else { return false }
        }
        if let weekdays, !weekdays.contains(where: { $0.contains(time.weekday) }) { return false }
        if let months, !months.contains(where: { $0.contains(time.month) }) { return false }
        if let years, !years.contains(where: { $0.contains(time.year) }) { return false }
        if let daysOfMonth {
            let length = CivilTime.days(inMonth: time.month, of: time.year)
            guard daysOfMonth.contains(where: { $0.contains(time.day, monthLength: length) }) else { return false }
        }
        return true
    }
}

extension CalendarInterval.DayRange {
    func contains(_ day: Int, monthLength: Int) -> Bool {
        let begin = first < 0 ? monthLength + first + 1 : first
        let end = last < 0 ? monthLength + last + 1 : last
        // A range that begins after this month's last day has no day in it.
        guard begin <= monthLength else { return false }
        return day >= begin && day <= min(end, monthLength)
    }
}

/// A named set of intervals, any of which may contain the moment.
package struct NamedTimeInterval: Hashable, Sendable {
    package var name: String
    package var intervals: [CalendarInterval]

    package init(name: String, intervals: [CalendarInterval]) {
        self.name = name
        self.intervals = intervals
    }

    package func contains(_ moment: Timestamp) -> Bool { intervals.contains { $0.contains(moment) } }
}

// SPDX-License-Identifier: Apache-2.0

import Calendar
import YAMLDocument

extension NotificationDecoder {
    func timeIntervals() -> [NamedTimeInterval] {
        var named: [NamedTimeInterval] = []
        // The second name is the one before Alertmanager 0.24.
        for key in ["time_intervals", "mute_time_intervals"] {
            for reader in document.mappings(key) ?? [] {
                let name = reader.requiredString("name") ?? ""
                if named.contains(where: { $0.name == name }), !name.isEmpty {
                    reader.problem("name", "time interval \"\(name)\" is defined twice")
                }
                let intervals = (reader.mappings("time_intervals") ?? []).map { interval($0) }
                reader.finish()
                named.append(NamedTimeInterval(name: name, intervals: intervals))
            }
        }
        return named
    }

    private func interval(_ reader: YAMLMappingReader) -> CalendarInterval {
        var interval = CalendarInterval()
        if let name = reader.string("location") {
            if let zone = name == "UTC" ? .utc : environment.zone(name) {
                interval.zone = zone
            } else {
                reader.problem("location", "unknown time zone \"\(name)\"")
            }
        }
        interval.times = reader.mappings("times")?.compactMap { times in
            defer { times.finish() }
            guard let start = minutes(times, "start_time"), let end = minutes(times, "end_time") else { return nil }
            if start >= end { times.problem("end_time", "\(times.name("end_time")) must be after start_time") }
            return CalendarInterval.Minutes(start: start, end: max(start, end))
        }
        interval.weekdays = ranges(reader, "weekdays", names: Self.weekdays, in: 0...6)
        interval.months = ranges(reader, "months", names: Self.months, in: 1...12)
        interval.years = ranges(reader, "years", names: [:], in: 0...9999)
        interval.daysOfMonth = days(reader)
        reader.finish()
        return interval
    }

    private func minutes(_ reader: YAMLMappingReader, _ key: String) -> Int? {
        guard let text = reader.requiredString(key) else { return nil }
        let bytes = Array(text.utf8)
        if bytes.count == 5, bytes[2] == UInt8(ascii: ":"),
            let hour = Int(text.prefix(2)), let minute = Int(text.suffix(2)),
            (0...23).contains(hour) && (0...59).contains(minute) || hour == 24 && minute == 0,
            (48...57).contains(bytes[0]), (48...57).contains(bytes[3])
        {
            return hour * 60 + minute
        }
        reader.problem(key, "\(reader.name(key)) must be a time like 09:00, up to 24:00")
        return nil
    }

    /// `a`, or `a:b` with both ends in the range.
    private func ranges(
        _ reader: YAMLMappingReader,
        _ key: String,
        names: [String: Int],
        in bounds: ClosedRange<Int>
    ) -> [ClosedRange<Int>]? {
        reader.strings(key)?.compactMap { text in
            let ends = text.lowercased().split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map {
                names[String($0)] ?? (key == "weekdays" ? nil : Int($0))
            }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, bounds.contains(first),
                bounds.contains(last), first <= last
            else {
                reader.problem(
                    key,
                    "\(reader.name(key)): \"\(text)\" is not a range in \(bounds.lowerBound)…\(bounds.upperBound)"
                )
                return nil
            }
            return first...last
        }
    }

    private func days(_ reader: YAMLMappingReader) -> [CalendarInterval.DayRange]? {
        reader.strings("days_of_month")?.compactMap { text in
            let ends = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { Int($0) }
            let valid = { (day: Int) in day != 0 && (-31...31).contains(day) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, valid(first), valid(last),
                !(first < 0 && last > 0), (first < 0 ? 28 + first : first) <= (last < 0 ? 28 + last : last)
            else {
                reader.problem("days_of_month", "\(reader.name("days_of_month")): \"\(text)\" is not a range of days")
                return nil
            }
            return CalendarInterval.DayRange(first: first, last: last)
        }
    }

    private static let weekdays = [
        "sunday": 0, "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6,
    ]
    private static let months = [
        "january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8,
        "september": 9,
        "october": 10, "november": 11, "december": 12,
    ]
}

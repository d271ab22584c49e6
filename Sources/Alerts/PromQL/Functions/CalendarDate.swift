// SPDX-License-Identifier: Apache-2.0

/// A moment in UTC taken apart, for any number of seconds since 1970.
struct CalendarDate {
    private let secondOfDay: Int64
    private let daysSinceEpoch: Int64
    private let year: Int64
    private let month: Int64
    private let day: Int64

    init(seconds: Int64) {
        guard seconds != .min else {
            // What no number of seconds can hold: Go's calendar goes round with it, to a Sunday at the end of time.
            (daysSinceEpoch, secondOfDay, year, month, day) = (3, 55_808, 292_277_026_596, 12, 4)
            return
        }
        let days = seconds >= 0 ? seconds / 86_400 : -((-(seconds + 1)) / 86_400) - 1
        daysSinceEpoch = days
        secondOfDay = seconds &- days &* 86_400
        // Counted in eras of 400 years that begin with March 1, year 0.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    private var isLeapYear: Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static let lengths: [Int64] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

    private func length(ofMonth month: Int64) -> Int64 {
        month == 2 && isLeapYear ? 29 : Self.lengths[Int(month - 1)]
    }

    subscript(field: CalendarField) -> Double {
        switch field {
        case .minute: Double(secondOfDay / 60 % 60)
        case .hour: Double(secondOfDay / 3600)
        case .dayOfWeek: Double(((daysSinceEpoch + 4) % 7 + 7) % 7)
        case .dayOfMonth: Double(day)
        case .dayOfYear: Double((1..<month).reduce(day) { $0 + length(ofMonth: $1) })
        case .daysInMonth: Double(length(ofMonth: month))
        case .month: Double(month)
        case .year: Double(year)
        }
    }
}

extension Int64 {
    /// Whole seconds of a time in milliseconds, cut toward zero.
    var flooredSeconds: Int64 { self / 1000 }

    /// What Go makes of a float that does not fit: the smallest number.
    init(truncatingOrMinimum value: Double) {
        self = Int64(exactly: value.rounded(.towardZero)) ?? .min
    }
}

// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import GoTemplates

/// A moment in UTC that prints as Go prints one: `2009-02-13 23:31:30 +0000 UTC`.
struct TemplateTime: TemplateObject {
    let text: String
    private let seconds: Double

    init(seconds: Double) throws(TemplateError) {
        let nanoseconds = seconds * 1e9
        guard nanoseconds.magnitude < 9.223372036854775e18 else {
            let shown = GoFloat.general(seconds)
            throw TemplateError("\(shown) cannot be represented as a nanoseconds timestamp since it overflows int64")
        }
        self.seconds = seconds
        // Prometheus keeps milliseconds.
        let milliseconds = Int64(nanoseconds) / 1_000_000
        let whole = Int64((Double(milliseconds) / 1000).rounded(.down))
        let fraction = milliseconds - whole * 1000
        text = Self.render(whole, fraction)
    }

    var typeName: String { "*time.Time" }
    var plain: TemplateValue { .string(text) }

    func member(_ name: String, _ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "Unix": .integer(Int64(seconds.rounded(.down)))
        case "String": .string(text)
        default: nil
        }
    }

    private static func render(_ seconds: Int64, _ milliseconds: Int64) -> String {
        let days = (seconds - (seconds % 86_400 + 86_400) % 86_400) / 86_400
        let ofDay = seconds - days * 86_400
        let (year, month, day) = civil(days)
        var fraction = ""
        if milliseconds > 0 {
            fraction = "." + padded(milliseconds, 3)
            while fraction.hasSuffix("0") { fraction.removeLast() }
        }
        let clock = "\(padded(ofDay / 3600, 2)):\(padded(ofDay / 60 % 60, 2)):\(padded(ofDay % 60, 2))"
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2)) \(clock)\(fraction) +0000 UTC"
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// Days since 1970 to year, month and day, over eras of 400 years that begin in March.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}

// SPDX-License-Identifier: Apache-2.0

import Calendar
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
        let time = CivilTime(unixSeconds: seconds)
        var fraction = ""
        if milliseconds > 0 {
            fraction = "." + padded(Int(milliseconds), 3)
            while fraction.hasSuffix("0") { fraction.removeLast() }
        }
        let clock = "\(padded(time.hour, 2)):\(padded(time.minute, 2)):\(padded(time.second, 2))"
        return "\(padded(time.year, 4))-\(padded(time.month, 2))-\(padded(time.day, 2)) \(clock)\(fraction) +0000 UTC"
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

// SPDX-License-Identifier: Apache-2.0

import Calendar
import HealthChecks

/// Instants as text, in UTC.
package enum InstantText {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// RFC 3339 with milliseconds.
    static func render(unixMilliseconds: Int64) -> String {
        let time = CivilTime(unixSeconds: unixMilliseconds / 1_000)
        let fraction = String(1_000 + max(unixMilliseconds, 0) % 1_000).dropFirst()
        return "\(time.year)-\(two(time.month))-\(two(time.day))T\(clock(time)).\(fraction)Z"
    }

    /// The form of HTTP headers.
    package static func http(unixSeconds: Int64) -> String {
        let time = CivilTime(unixSeconds: unixSeconds)
        return "\(days[time.weekday]), \(two(time.day)) \(months[time.month - 1]) \(time.year) \(clock(time)) GMT"
    }

    private static func clock(_ time: CivilTime) -> String {
        "\(two(time.hour)):\(two(time.minute)):\(two(time.second))"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

extension Duration {
    /// Milliseconds with three digits behind the point.
    var inMilliseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) * 1_000 + (Double(attoseconds) / 1e12).rounded() / 1_000
    }

    /// Seconds as a floating-point number.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

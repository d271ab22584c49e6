// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import GoTemplates

/// Numbers for people, as Prometheus's templates write them.
enum Humanize {
    private static func short(_ value: Double) -> String { GoFloat.format(value, verb: "g", precision: 4) }

    private static func scaled(_ value: Double, by step: Double, _ prefixes: [String], while isBeyond: (Double) -> Bool)
        -> String
    {
        var value = value
        var prefix = ""
        for next in prefixes {
            guard isBeyond(value.magnitude) else { break }
            prefix = next
            value *= step
        }
        return short(value) + prefix
    }

    static func decimal(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return short(value) }
        if value.magnitude >= 1 {
            return scaled(value, by: 1e-3, ["k", "M", "G", "T", "P", "E", "Z", "Y"]) { $0 >= 1000 }
        }
        return small(value)
    }

    private static func small(_ value: Double) -> String {
        scaled(value, by: 1000, ["m", "u", "n", "p", "f", "a", "z", "y"]) { $0 < 1 }
    }

    static func binary(_ value: Double) -> String {
        guard value.magnitude > 1, value.isFinite else { return short(value) }
        return scaled(value, by: 1.0 / 1024, ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]) { $0 >= 1024 }
    }

    static func percentage(_ value: Double) -> String { short(value * 100) + "%" }

    static func duration(_ value: Double) -> String {
        guard value.isFinite else { return short(value) }
        if value == 0 { return short(value) + "s" }
        guard value.magnitude >= 1 else { return small(value) + "s" }
        let sign = value < 0 ? "-" : ""
        guard let whole = Int64(exactly: value.magnitude.rounded(.down)) else { return short(value) + "s" }
        let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86_400)
        if days != 0 { return "\(sign)\(days)d \(hours)h \(minutes)m \(seconds)s" }
        if hours != 0 { return "\(sign)\(hours)h \(minutes)m \(seconds)s" }
        if minutes != 0 { return "\(sign)\(minutes)m \(seconds)s" }
        return sign + short(value.magnitude) + "s"
    }

    static func timestamp(_ value: Double) throws(TemplateError) -> String {
        guard value.isFinite else { return short(value) }
        return try TemplateTime(seconds: value).text
    }
}

// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import SidecarServer
import TimeSeries
import YAMLDocument

/// Durations and times as the commands take and send them.
enum PrometheusText {
    static func duration(_ text: String) -> Duration? { PrometheusDuration.parse(text) }

    static func now() -> Timestamp { WallClock.now() }

    static func rfc3339(_ timestamp: Timestamp) -> String { TimeText.rfc3339(timestamp) }

    /// Between two moments as RFC 3339; nil when one of them is none.
    static func milliseconds(from start: String, to end: String) -> Int64? {
        guard let start = TimeText.timestamp(start), let end = TimeText.timestamp(end) else { return nil }
        return (end - start).components.seconds * 1_000 + (end - start).components.attoseconds / 1_000_000_000_000_000
    }
}

/// `name=value`, `name!=value`, `name=~expression`, `name!~expression`.
struct SilenceMatcher {
    let name: String
    let value: String
    let isRegex: Bool
    let isEqual: Bool

    init(_ text: String) throws {
        guard let start = text.firstIndex(where: { $0 == "=" || $0 == "!" }), start != text.startIndex else {
            throw ValidationError("expected a matcher such as alertname=TargetDown, got \"\(text)\"")
        }
        name = String(text[..<start])
        let rest = text[start...]
        for (sign, isEqual, isRegex) in [
            ("=~", true, true), ("!~", false, true), ("!=", false, false), ("=", true, false),
        ] {
            guard rest.hasPrefix(sign) else { continue }
            self.isEqual = isEqual
            self.isRegex = isRegex
            value = String(rest.dropFirst(sign.count))
            return
        }
        throw ValidationError("expected a matcher such as alertname=TargetDown, got \"\(text)\"")
    }
}

// SPDX-License-Identifier: Apache-2.0

import Calendar
import HealthChecks

/// How far another machine's clock, as its `Date` header tells it, is from ours.
struct ClockSkew: Sendable {
    /// Positive when theirs is ahead.
    let seconds: Int64

    /// nil without a readable date.
    init?(date: String?, now: HealthTime) {
        guard let date, let theirs = HTTPDate.unixSeconds(date) else { return nil }
        seconds = theirs - now.unixMilliseconds / 1_000
    }

    /// A header has whole seconds and takes its time to arrive.
    var isLarge: Bool { abs(seconds) > 5 }

    var text: String { "its clock is \(abs(seconds)) s \(seconds > 0 ? "ahead of" : "behind") ours" }
}

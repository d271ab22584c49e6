// SPDX-License-Identifier: Apache-2.0

package import Calendar
package import TimeSeries

/// A time announced in the configuration in which matching alerts are not told: a silence that comes back by itself.
package struct MaintenanceWindow: Hashable, Sendable {
    package enum Schedule: Hashable, Sendable {
        /// Each time the expression names is a beginning, by the clocks of the zone.
        case recurring(CronSchedule, TimeZoneRules, length: Duration)
        case once(Range<Timestamp>)
    }

    /// The longest window; a longer one would be forgotten.
    package static let longest: Duration = .seconds(31 * 86_400)

    package var name: String
    package var matchers: [AlertMatcher]
    package var comment: String
    package var schedule: Schedule

    package init(name: String, matchers: [AlertMatcher], comment: String, schedule: Schedule) {
        self.name = name
        self.matchers = matchers
        self.comment = comment
        self.schedule = schedule
    }

    /// What it is called where silences have ids.
    var silenceID: String { "maintenance:" + name }

    /// The occurrence that goes on at `moment`, or the next one; nil when there is none left. Where occurrences overlap,
    /// they count as one after the other.
    package func occurrence(from moment: Timestamp) -> Range<Timestamp>? {
        switch schedule {
        case .once(let range): return moment < range.upperBound ? range : nil
        case .recurring(let cron, let zone, let length):
            let second = (moment - length).milliseconds.flooredQuotient(1_000)
            guard let start = cron.next(after: second, in: zone) else { return nil }
            let begin = Timestamp(milliseconds: start * 1_000)
            return begin..<begin + length
        }
    }

    /// The next occurrences, the present one included.
    package func occurrences(from moment: Timestamp, limit: Int) -> [Range<Timestamp>] {
        var result: [Range<Timestamp>] = []
        var from = moment
        while result.count < limit, let next = occurrence(from: from) {
            result.append(next)
            from = next.upperBound
        }
        return result
    }

    /// As a silence, for everything that deals with silences: the present occurrence or the next one.
    func silence(from moment: Timestamp) -> Silence? {
        guard let range = occurrence(from: moment) else { return nil }
        return Silence(
            id: silenceID,
            matchers: matchers,
            startsAt: range.lowerBound,
            endsAt: range.upperBound,
            updatedAt: range.lowerBound,
            createdBy: "configuration",
            comment: comment
        )
    }
}

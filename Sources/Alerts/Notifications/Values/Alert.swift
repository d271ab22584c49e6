// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// One alert as the notification side knows it: its labels are its identity, everything else may change.
package struct Alert: Hashable, Sendable {
    /// Who speaks for the alert, and so who may say that it is over.
    package enum Source: String, Hashable, Sendable, CaseIterable {
        /// Our own rules: an alert lasts until they say otherwise.
        case rules
        /// Somebody who posts to the API: an alert lasts until its `endsAt`.
        case api
        /// The sidecar about itself.
        case selfWatch = "self"
    }

    package let labels: Labels
    /// FNV-1a over the labels; the identity that payloads carry as 16 hexadecimal digits.
    package let fingerprint: UInt64
    package var annotations: Labels
    package var startsAt: Timestamp
    /// When it ended or, for a sender that has to repeat itself, will end. nil: not before it is told so.
    package var endsAt: Timestamp?
    package var updatedAt: Timestamp
    /// `endsAt` is only our guess, because the sender named none.
    package var timesOut: Bool
    package var generatorURL: String
    package var source: Source
    package var value: Double?
    package var valueAtResolve: Double?
    package var peak: Double?
    /// Held because its data is missing.
    package var isStale: Bool
    /// The rule's expression, and selectors of the series that it read for this alert; empty for alerts of others.
    package var query: String
    package var series: [String]

    package init(
        labels: Labels,
        annotations: Labels = Labels(),
        startsAt: Timestamp,
        endsAt: Timestamp? = nil,
        updatedAt: Timestamp? = nil,
        timesOut: Bool = false,
        generatorURL: String = "",
        source: Source = .rules,
        value: Double? = nil,
        valueAtResolve: Double? = nil,
        peak: Double? = nil,
        isStale: Bool = false,
        query: String = "",
        series: [String] = []
    ) {
        self.labels = labels
        self.fingerprint = labels.fingerprint
        self.annotations = annotations
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.updatedAt = updatedAt ?? startsAt
        self.timesOut = timesOut
        self.generatorURL = generatorURL
        self.source = source
        self.value = value
        self.valueAtResolve = valueAtResolve
        self.peak = peak
        self.isStale = isStale
        self.query = query
        self.series = series
    }

    package var name: String { labels["alertname"] ?? "" }

    /// The same under other labels, and so another alert to whoever gets it.
    package func withLabels(_ labels: Labels) -> Alert {
        Alert(
            labels: labels,
            annotations: annotations,
            startsAt: startsAt,
            endsAt: endsAt,
            updatedAt: updatedAt,
            timesOut: timesOut,
            generatorURL: generatorURL,
            source: source,
            value: value,
            valueAtResolve: valueAtResolve,
            peak: peak,
            isStale: isStale,
            query: query,
            series: series
        )
    }

    /// An end that our own rules named has come, also when the clock was set back behind it; one that a sender named comes
    /// with its time.
    package func isResolved(at now: Timestamp) -> Bool { endsAt.map { source != .api || $0 <= now } ?? false }

    func hasEnded(by time: Timestamp) -> Bool { endsAt.map { $0 <= time } ?? false }

    /// The identity as payloads show it.
    package var fingerprintText: String { Self.hexadecimal(fingerprint) }

    package static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

extension Alert {
    /// What is known after `next` arrived for the same labels, as Alertmanager merges: spans that overlap are one
    /// alert that began with the earlier one; otherwise the newcomer stands alone.
    func merged(with next: Alert) -> Alert {
        let ownEnd = endsAt ?? .distantFuture, nextEnd = next.endsAt ?? .distantFuture
        let endsInside = nextEnd > startsAt && nextEnd < ownEnd
        let startsInside = next.startsAt > startsAt && next.startsAt < ownEnd
        guard endsInside || startsInside else { return next }
        let (older, younger) = next.updatedAt < updatedAt ? (next, self) : (self, next)
        var result = younger
        result.startsAt = min(older.startsAt, younger.startsAt)
        if younger.isResolved(at: younger.updatedAt) {
            // Of two endings the later one counts.
            if let end = older.endsAt, older.isResolved(at: younger.updatedAt), end > younger.endsAt ?? .distantFuture {
                result.endsAt = end
            }
        } else if !older.timesOut, (older.endsAt ?? .distantFuture) > (younger.endsAt ?? .distantFuture) {
            // An ending that somebody named outlasts our own guess.
            result.endsAt = older.endsAt
        }
        result.peak = younger.peak ?? older.peak
        return result
    }
}

extension Sequence<Alert> {
    /// In the order of payloads: by job, then instance, then all labels.
    func inOrder() -> [Alert] {
        let alerts = Array(self)
        return Labels.order(alerts.lazy.map(\.labels), by: ["job", "instance"]).map { alerts[$0] }
    }
}

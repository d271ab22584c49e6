// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// The series that every target has, whatever it exposes: `up` and `scrape_*`.
final class OwnSeries {
    static let names: Set<String> = [
        "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    ]

    private let labels: Labels
    private var references: [String: SeriesReference] = [:]

    init(_ labels: Labels) { self.labels = labels }

    /// Adds them to the commit of a scrape.
    func append(_ outcome: ScrapeOutcome, to appender: SeriesAppender) throws(StoreError) {
        let (seconds, attoseconds) = outcome.duration.components
        let values: [(String, Double)] = [
            ("up", outcome.failure == nil ? 1 : 0),
            ("scrape_duration_seconds", Double(seconds) + Double(attoseconds) / 1e18),
            ("scrape_samples_scraped", Double(outcome.scraped)),
            ("scrape_samples_post_metric_relabeling", Double(outcome.kept)),
            ("scrape_series_added", Double(outcome.seriesAdded)),
        ]
        for (name, value) in values { appender.append(try reference(name, appender), value) }
    }

    func forget() { references.removeAll() }

    private func reference(_ name: String, _ appender: SeriesAppender) throws(StoreError) -> SeriesReference {
        if let known = references[name] { return known }
        let reference = try appender.series(labels.setting(Labels.metricNameLabel, to: name))
        references[name] = reference
        return reference
    }
}

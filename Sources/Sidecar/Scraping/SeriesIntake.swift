// SPDX-License-Identifier: Apache-2.0

import Exposition
import TimeSeries

/// Where the samples of one target go, whatever format they came in: names its series in the store, holds it to the
/// limits, and counts.
final class SeriesIntake {
    let configuration: ScrapeConfiguration
    private let target: Labels
    private let targetPairs: [(String, String)]
    private let appender: SeriesAppender

    /// Samples of the current body, before and after relabelling.
    private(set) var scraped = 0
    private(set) var kept = 0
    /// Names of the metrics that the target has shown.
    private(set) var names: Set<String> = []
    private var latestName = ""
    private var nameBytes = 0
    /// With `track_timestamps_staleness`: series that came with timestamps of their own, last time and this time.
    private var tracked: Set<SeriesReference> = []
    private var seen: Set<SeriesReference> = []

    init(target: Labels, configuration: ScrapeConfiguration, appender: SeriesAppender) {
        self.target = target
        targetPairs = target.pairs.map { ($0.name, $0.value) }
        self.configuration = configuration
        self.appender = appender
    }

    func begin() {
        scraped = 0
        kept = 0
        seen.removeAll(keepingCapacity: true)
    }

    // MARK: Samples

    /// Counts samples of the body; throws when there are more than allowed.
    func count(_ samples: Int) throws(ScrapeFailure) {
        scraped += samples
        let limit = configuration.limits.samples
        if limit > 0, scraped > limit { throw ScrapeFailure(.limitSamples, "more than \(limit) samples") }
    }

    /// For samples without timestamps that were appended by the caller itself.
    @inline(__always)
    func countKept(_ samples: Int) { kept += samples }

    @inline(__always)
    var fastAppender: SeriesAppender { appender }

    func append(_ reference: SeriesReference, _ value: Double, _ timestamp: Int64?) {
        kept += 1
        guard let timestamp, configuration.honorsTimestamps else {
            appender.append(reference, value)
            return
        }
        appender.append(reference, value, at: Timestamp(milliseconds: timestamp))
        if configuration.tracksTimestampStaleness { seen.insert(reference) }
    }

    func append(_ reference: SeriesReference, _ histogram: FloatHistogram, _ timestamp: Int64?) {
        kept += 1
        guard let timestamp, configuration.honorsTimestamps else {
            appender.append(reference, histogram)
            return
        }
        appender.append(reference, histogram, at: Timestamp(milliseconds: timestamp))
        if configuration.tracksTimestampStaleness { seen.insert(reference) }
    }

    /// Ends the series with timestamps of their own that are gone, where the configuration asks for it. Before the
    /// commit; `isFailed` when nothing of the body counts.
    func endTracked(at timestamp: Timestamp, isFailed: Bool) {
        guard configuration.tracksTimestampStaleness else { return }
        if isFailed { seen.removeAll() }
        for reference in tracked.subtracting(seen) { appender.append(reference, StaleMarker.value, at: timestamp) }
        swap(&tracked, &seen)
    }

    /// The store has dropped series that references name.
    func forget() {
        tracked.removeAll()
        seen.removeAll()
    }

    // MARK: Series

    /// Where the samples of a series go; nil when `metric_relabel_configs` drop it.
    func resolve(_ series: ExpositionSeries) throws(ScrapeFailure) -> SeriesReference? {
        guard let labels = labels(of: series) else { return nil }
        if configuration.nameValidation == .legacy, !Self.hasClassicNames(labels) {
            throw ScrapeFailure(.parse, "a metric or label name is not of the legacy alphabet")
        }
        try checkLimits(labels)
        note(series.name)
        do throws(StoreError) {
            return try appender.series(labels)
        } catch {
            throw ScrapeFailure(.limitSeries, error.description)
        }
    }

    private func note(_ name: String) {
        // The series of a metric stand together.
        if name == latestName { return }
        latestName = name
        guard names.count < MetadataBoard.limit, nameBytes + name.utf8.count <= MetadataNotes.byteLimit else { return }
        if names.insert(name).inserted { nameBytes += name.utf8.count }
    }

    /// The series' labels with the target's, after `metric_relabel_configs`; nil when they drop it.
    private func labels(of series: ExpositionSeries) -> Labels? {
        if configuration.metricRelabelRules.isEmpty, !hasConflict(series) {
            var pairs = [(Labels.metricNameLabel, series.name)]
            pairs.reserveCapacity(series.labels.count + targetPairs.count + 1)
            for label in series.labels { pairs.append((label.name, label.value)) }
            pairs += targetPairs
            return Labels(pairs)
        }
        var labels: [String: String] = [Labels.metricNameLabel: series.name]
        for label in series.labels where !label.value.isEmpty { labels[label.name] = label.value }
        var exported: [(String, String)] = []
        for (name, value) in targetPairs {
            if let own = labels[name] {
                if configuration.honorsLabels { continue }
                exported.append((name, own))
            }
            labels[name] = value
        }
        for (name, value) in exported.sorted(by: { $0.0 < $1.0 }) {
            var renamed = "exported_" + name
            while labels[renamed] != nil { renamed = "exported_" + renamed }
            labels[renamed] = value
        }
        guard let relabelled = RelabelRule.apply(configuration.metricRelabelRules, to: labels),
            relabelled[Labels.metricNameLabel] != nil
        else { return nil }
        return Labels(relabelled.map { ($0.key, $0.value) })
    }

    private func hasConflict(_ series: ExpositionSeries) -> Bool {
        series.labels.contains { target.utf8(of: $0.name) != nil || $0.name.utf8.elementsEqual("__name__".utf8) }
    }

    private static func hasClassicNames(_ labels: Labels) -> Bool {
        for (name, value) in labels.pairs {
            if !NameEscaping.isClassic(name, isLabel: true) { return false }
            if name == Labels.metricNameLabel, !NameEscaping.isClassic(value, isLabel: false) { return false }
        }
        return true
    }

    private func checkLimits(_ labels: Labels) throws(ScrapeFailure) {
        let limits = configuration.limits
        if limits.labels > 0, labels.count > limits.labels {
            throw ScrapeFailure(.limitLabels, "a series has more than \(limits.labels) labels")
        }
        guard limits.labelNameLength > 0 || limits.labelValueLength > 0 else { return }
        for (name, value) in labels.pairs {
            if limits.labelNameLength > 0, name.utf8.count > limits.labelNameLength {
                throw ScrapeFailure(.limitLabelName, "a label name is longer than \(limits.labelNameLength) bytes")
            }
            if limits.labelValueLength > 0, value.utf8.count > limits.labelValueLength {
                throw ScrapeFailure(.limitLabelValue, "a label value is longer than \(limits.labelValueLength) bytes")
            }
        }
    }
}

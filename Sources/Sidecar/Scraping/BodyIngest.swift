// SPDX-License-Identifier: Apache-2.0

import Exposition
import TimeSeries

/// Turns the bodies of one target into appended samples, piece by piece as they arrive. Nothing of a body is kept but its
/// layout and, for each of its samples, where it goes in the store.
final class BodyIngest {
    private let target: Labels
    private let configuration: ScrapeConfiguration
    private let appender: SeriesAppender
    private var reader: LayoutReader
    /// Where the samples of the last whole body go; nil for those that relabelling drops.
    private var destinations: [SeriesReference?] = []
    /// The same for the body being read, once it differs from the last one.
    private var rebuilt: [SeriesReference?]?
    private var position = 0
    private var encoding = ExpositionFormat.Encoding.text
    private var failure: ScrapeFailure?
    private var malformed: ExpositionError?

    /// Samples of the current body, before and after relabelling.
    private(set) var scraped = 0
    private(set) var kept = 0
    private(set) var metadata: [String: MetricMetadata] = [:]
    private(set) var metadataChanged = false
    private var metricNames: Set<String> = []

    init(target: Labels, configuration: ScrapeConfiguration, appender: SeriesAppender, seed: UInt64) {
        self.target = target
        self.configuration = configuration
        self.appender = appender
        reader = LayoutReader(seed: seed)
    }

    /// Names of the metrics that the target has shown.
    var names: Set<String> { metricNames }

    func begin(_ encoding: ExpositionFormat.Encoding) {
        self.encoding = encoding
        reader.begin(encoding)
        rebuilt = nil
        position = 0
        scraped = 0
        kept = 0
        failure = nil
        metadataChanged = false
    }

    func read(_ chunk: Span<UInt8>) throws(ScrapeFailure) {
        var reader = reader
        self.reader = LayoutReader()
        defer { self.reader = reader }
        do throws(ExpositionError) {
            _ = try reader.read(chunk) { handle($0, $1, $2) }
        } catch {
            throw Self.failure(error)
        }
        try rethrow(line: reader.cursor.line)
    }

    func end() throws(ScrapeFailure) {
        var reader = reader
        self.reader = LayoutReader()
        defer { self.reader = reader }
        let changed: Bool?
        do throws(ExpositionError) {
            changed = try reader.end { handle($0, $1, $2) }
        } catch {
            throw Self.failure(error)
        }
        try rethrow(line: reader.cursor.line)
        guard changed == true else { return }
        destinations = rebuilt ?? Array(destinations.prefix(position))
        rebuilt = nil
    }

    func abandon() {
        reader.abandon()
        rebuilt = nil
    }

    /// Forgets everything known of the target's bodies: the store has dropped series that the destinations name.
    func forget() {
        reader = LayoutReader(seed: UInt64.random(in: .min ... .max))
        destinations.removeAll()
        rebuilt = nil
    }

    // MARK: Events

    private func handle(_ event: LayoutReader.Event, _ block: Span<UInt8>, _ values: Span<Double>) -> Bool {
        switch event {
        case .known(let range): return known(range, values)
        case .sample(let previous, let series, let value, let timestamp, _):
            return sample(previous, block.extracting(series), value, timestamp)
        case .metadata(let entry):
            note(entry, block)
            return true
        }
    }

    private func known(_ range: Range<Int>, _ values: Span<Double>) -> Bool {
        scraped += range.count
        guard isWithinSampleLimit() else { return false }
        for (offset, index) in range.enumerated() {
            guard let reference = destinations[index] else { continue }
            appender.append(reference, values[offset])
            kept += 1
        }
        take(range)
        return true
    }

    private func sample(_ previous: Int?, _ series: Span<UInt8>, _ value: Double, _ timestamp: Int64?) -> Bool {
        scraped += 1
        guard isWithinSampleLimit() else { return false }
        let destination: SeriesReference?
        if let previous {
            destination = destinations[previous]
            take(previous..<(previous + 1))
        } else {
            do throws(ScrapeFailure) {
                destination = try resolve(series)
            } catch {
                failure = error
                return false
            }
            startRebuilding()
            rebuilt?.append(destination)
        }
        guard let destination else { return true }
        kept += 1
        if let timestamp, configuration.honorsTimestamps {
            appender.append(destination, value, at: Timestamp(milliseconds: timestamp))
        } else {
            appender.append(destination, value)
        }
        return true
    }

    private func isWithinSampleLimit() -> Bool {
        let limit = configuration.limits.samples
        guard limit > 0, scraped > limit else { return true }
        failure = ScrapeFailure(.limitSamples, "more than \(limit) samples")
        return false
    }

    /// The samples of the last body that come again, in place or not.
    private func take(_ range: Range<Int>) {
        if rebuilt != nil {
            rebuilt?.append(contentsOf: destinations[range])
        } else if range.lowerBound == position {
            position = range.upperBound
        } else {
            startRebuilding()
            rebuilt?.append(contentsOf: destinations[range])
        }
    }

    private func startRebuilding() {
        if rebuilt == nil { rebuilt = Array(destinations.prefix(position)) }
    }

    // MARK: New series

    private func resolve(_ bytes: Span<UInt8>) throws(ScrapeFailure) -> SeriesReference? {
        let series: ExpositionSeries
        do throws(ExpositionError) {
            series = try ExpositionSeries(decoding: bytes)
        } catch {
            // The reader is busy with this very line; its number is filled in when it has stopped.
            malformed = error
            throw Self.failure(error)
        }
        guard let labels = labels(of: series) else { return nil }
        try checkLimits(labels)
        if metricNames.count < MetadataBoard.limit { metricNames.insert(series.name) }
        do throws(StoreError) {
            return try appender.series(labels)
        } catch {
            throw ScrapeFailure(.limitSeries, error.description)
        }
    }

    /// The series' labels with the target's, after `metric_relabel_configs`; nil when they drop it.
    private func labels(of series: ExpositionSeries) -> Labels? {
        if configuration.metricRelabelRules.isEmpty, !hasConflict(series) {
            var pairs = [(Labels.metricNameLabel, series.name)]
            pairs.reserveCapacity(series.labels.count + target.count + 1)
            for label in series.labels { pairs.append((label.name, label.value)) }
            target.forEach { pairs.append(($0, $1)) }
            return Labels(pairs)
        }
        var labels: [String: String] = [Labels.metricNameLabel: series.name]
        for label in series.labels where !label.value.isEmpty { labels[label.name] = label.value }
        var exported: [(String, String)] = []
        target.forEach { name, value in
            if let own = labels[name] {
                if configuration.honorsLabels { return }
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
        series.labels.contains { target[$0.name] != nil || $0.name.utf8.elementsEqual("__name__".utf8) }
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

    // MARK: Metadata

    private func note(_ entry: ExpositionCursor.Entry, _ block: Span<UInt8>) {
        func text(_ range: Range<Int>) -> String {
            unsafe block.extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
        }
        func change(_ name: Range<Int>, _ body: (inout MetricMetadata) -> Void) {
            let name = text(name)
            guard metadata[name] != nil || metadata.count < MetadataBoard.limit else { return }
            body(&metadata[name, default: MetricMetadata()])
            metadataChanged = true
        }
        switch entry {
        case .type(let name, let kind): change(name) { $0.type = kind.rawValue }
        case .help(let name, let range):
            change(name) { $0.help = ExpositionSeries.decodeHelp(block.extracting(range), encoding: encoding) }
        case .unit(let name, let range): change(name) { $0.unit = text(range) }
        case .sample, .comment: break
        }
    }

    /// What a handler found wrong, with the line at which the reader stopped.
    private func rethrow(line: Int) throws(ScrapeFailure) {
        if let malformed {
            self.malformed = nil
            throw Self.failure(ExpositionError(malformed.problem, line: line, column: malformed.column))
        }
        if let failure { throw failure }
    }

    private static func failure(_ error: ExpositionError) -> ScrapeFailure { ScrapeFailure(.parse, error.description) }
}

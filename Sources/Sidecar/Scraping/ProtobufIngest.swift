// SPDX-License-Identifier: Apache-2.0

import Exposition
import PromQL
import TimeSeries

/// Reads bodies of delimited protobuf messages, metric by metric. Of each metric it is remembered where its numbers go:
/// one that stands where it stood is compared with what stood there, others are looked up.
final class ProtobufIngest {
    /// A metric as the target showed it, with a destination for each of the series it stands for.
    private final class Known {
        let family: String
        let labels: SeriesLabels
        let shape: MetricShape
        let destinations: [SeriesReference?]

        init(family: String, labels: SeriesLabels, shape: MetricShape, destinations: [SeriesReference?]) {
            self.family = family
            self.labels = labels
            self.shape = shape
            self.destinations = destinations
        }
    }

    private struct Key: Hashable {
        let family: String
        let labels: [UInt8]
    }

    private let intake: SeriesIntake
    private let metadata: MetadataNotes
    private var reader = ProtobufReader()
    private var known: [Known] = []
    private var places: [Key: Int] = [:]
    private var current: [Known] = []
    private var isChanged = false
    private var failure: ScrapeFailure?

    init(intake: SeriesIntake, metadata: MetadataNotes) {
        self.intake = intake
        self.metadata = metadata
    }

    func begin() {
        reader = ProtobufReader()
        current.removeAll(keepingCapacity: true)
        isChanged = false
        failure = nil
    }

    func read(_ chunk: Span<UInt8>) throws(ScrapeFailure) {
        var reader = reader
        self.reader = ProtobufReader()
        defer { self.reader = reader }
        do throws(ExpositionError) {
            _ = try reader.read(chunk) { take($0, $1) }
        } catch {
            throw ScrapeFailure(error)
        }
        if let failure { throw failure }
    }

    func end() throws(ScrapeFailure) {
        do throws(ExpositionError) { try reader.end() } catch { throw ScrapeFailure(error) }
        if isChanged || current.count != known.count {
            places.removeAll(keepingCapacity: true)
            for (index, metric) in current.enumerated() {
                places[Key(family: metric.family, labels: metric.labels.renderedBytes)] = index
            }
        }
        swap(&known, &current)
        current.removeAll(keepingCapacity: true)
    }

    func abandon() {
        current.removeAll()
        reader = ProtobufReader()
    }

    /// The store has dropped series that the destinations name.
    func forget() {
        known.removeAll()
        places.removeAll()
        abandon()
    }

    // MARK: Metrics

    private func take(_ family: MetricFamily, _ metric: Metric) -> Bool {
        do throws(ScrapeFailure) {
            let shape = MetricShape(
                metric.value,
                keepsNative: intake.configuration.scrapesNativeHistograms,
                keepsClassic: intake.configuration.alwaysScrapesClassicHistograms
            )
            let known = try find(family, metric, shape)
            current.append(known)
            try append(family, metric, known)
            return true
        } catch {
            failure = error
            return false
        }
    }

    private func find(
        _ family: MetricFamily,
        _ metric: Metric,
        _ shape: MetricShape
    ) throws(ScrapeFailure) -> Known {
        if current.count < known.count {
            let next = known[current.count]
            if next.labels == metric.labels, next.shape == shape, next.family == family.name { return next }
        }
        isChanged = true
        metadata.note(family)
        let key = Key(family: family.name, labels: metric.labels.renderedBytes)
        if let place = places[key], known[place].shape == shape { return known[place] }
        var destinations: [SeriesReference?] = []
        for series in shape.series(family.name, metric.labels) { destinations.append(try intake.resolve(series)) }
        return Known(family: family.name, labels: metric.labels, shape: shape, destinations: destinations)
    }

    private func append(_ family: MetricFamily, _ metric: Metric, _ known: Known) throws(ScrapeFailure) {
        try intake.count(known.destinations.count)
        // Zero is how the format says "none".
        let timestamp = metric.timestampMilliseconds == 0 ? nil : metric.timestampMilliseconds
        var values = known.shape.values(metric.value).makeIterator()
        for (index, destination) in known.destinations.enumerated() {
            if known.shape.hasNative, index == 0 {
                guard case .histogram(let histogram) = metric.value, let native = histogram.native else { continue }
                let stored = try FloatHistogram(native, isGauge: family.kind == .gaugeHistogram, intake.configuration)
                if let destination { intake.append(destination, stored, timestamp) }
                continue
            }
            guard let value = values.next() else { break }
            if let destination { intake.append(destination, value, timestamp) }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import Exposition
import Scraping

/// One value of the sidecar's own.
struct OwnSample {
    let name: String
    let labels: [(name: String, value: String)]
    let value: Double
}

/// Gathers samples, and makes families of them, each once.
struct FamilyBuilder {
    private struct OwnHistogram {
        let name: String
        let labels: [(name: String, value: String)]
        let value: MetricHistogram
    }

    private var numbers: [OwnSample] = []
    private var histograms: [OwnHistogram] = []
    private var headers: [String: (kind: MetricKind, help: String)] = [:]

    mutating func add(
        _ name: String,
        _ kind: MetricKind,
        _ help: String,
        _ labels: [(name: String, value: String)],
        _ value: Double
    ) {
        numbers.append(OwnSample(name: name, labels: labels, value: value))
        if headers[name] == nil { headers[name] = (kind, help) }
    }

    /// A histogram with classic buckets, the last of them `+Inf`.
    mutating func add(
        _ name: String,
        _ help: String,
        _ labels: [(name: String, value: String)],
        _ histogram: MetricHistogram
    ) {
        histograms.append(OwnHistogram(name: name, labels: labels, value: histogram))
        if headers[name] == nil { headers[name] = (.histogram, help) }
    }

    /// Everything as it stands in the store: a histogram as its buckets, sum and count.
    var samples: [OwnSample] { numbers + histograms.flatMap(Self.samples) }

    private static func samples(of histogram: OwnHistogram) -> [OwnSample] {
        let value = Metric.Value.histogram(histogram.value)
        let shape = MetricShape(value)
        let series = shape.series(histogram.name, SeriesLabels(histogram.labels))
        return zip(series, shape.values(value)).map { series, number in
            OwnSample(name: series.name, labels: series.labels.map { ($0.name, $0.value) }, value: number)
        }
    }

    /// Sorted by name.
    var families: [MetricFamily] {
        var families: [String: MetricFamily] = [:]
        func add(_ name: String, _ labels: [(name: String, value: String)], _ value: Metric.Value) {
            guard let (kind, help) = headers[name] else { return }
            let empty = MetricFamily(name: name, kind: kind, help: help.isEmpty ? nil : help)
            families[name, default: empty].metrics.append(Metric(labels: SeriesLabels(labels), value: value))
        }
        for sample in numbers { add(sample.name, sample.labels, .number(sample.value)) }
        for histogram in histograms { add(histogram.name, histogram.labels, .histogram(histogram.value)) }
        return families.values.sorted { $0.name < $1.name }
    }
}

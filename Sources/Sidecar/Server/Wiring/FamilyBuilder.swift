// SPDX-License-Identifier: Apache-2.0

import Exposition

/// One value of the sidecar's own.
struct OwnSample {
    let name: String
    let labels: [(name: String, value: String)]
    let value: Double
}

/// Gathers samples, and makes families of them, each once.
struct FamilyBuilder {
    private(set) var samples: [OwnSample] = []
    private var headers: [String: (kind: MetricKind, help: String)] = [:]

    mutating func add(
        _ name: String,
        _ kind: MetricKind,
        _ help: String,
        _ labels: [(name: String, value: String)],
        _ value: Double
    ) {
        samples.append(OwnSample(name: name, labels: labels, value: value))
        if headers[name] == nil { headers[name] = (kind, help) }
    }

    /// Sorted by name.
    var families: [MetricFamily] {
        var families: [String: MetricFamily] = [:]
        for sample in samples {
            guard let (kind, help) = headers[sample.name] else { continue }
            let metric = Metric(labels: SeriesLabels(sample.labels), value: .number(sample.value))
            let empty = MetricFamily(name: sample.name, kind: kind, help: help.isEmpty ? nil : help)
            families[sample.name, default: empty].metrics.append(metric)
        }
        return families.values.sorted { $0.name < $1.name }
    }
}

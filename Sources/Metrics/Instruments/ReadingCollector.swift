// SPDX-License-Identifier: Apache-2.0

import Exposition

/// A family whose values are read on the spot by a function that is known to be quick.
final class ReadingCollector: MetricCollector {
    let header: FamilyHeader
    private let read: @Sendable () -> [(labels: SeriesLabels, value: Double)]

    init(header: FamilyHeader, read: @escaping @Sendable () -> [(labels: SeriesLabels, value: Double)]) {
        self.header = header
        self.read = read
    }

    func write(to writer: inout ExpositionWriter, created: Bool) {
        let values = read()
        guard !values.isEmpty else { return }
        writer.begin(header)
        for (labels, value) in values { writer.write(labels, value: value) }
    }

    func snapshot() -> MetricFamily? {
        MetricFamily(header: header, values: read())
    }

    func removeIdle(now: Int64, timeoutMilliseconds: Int64) -> Int { 0 }
}

extension MetricFamily {
    /// A family of plain numbers; nil without any.
    init?(header: FamilyHeader, values: [(labels: SeriesLabels, value: Double)]) {
        guard !values.isEmpty else { return nil }
        self.init(
            name: header.name,
            kind: header.kind,
            help: header.help,
            unit: header.unit,
            metrics: values.map { Metric(labels: $0.labels, value: .number($0.value)) }
        )
    }
}

// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Keeps the sidecar's own metrics in its store, as `job="sidecar"`, without a scrape over HTTP. Belongs to one thread.
final class OwnSeriesWriter {
    private let appender: SeriesAppender
    private let instance: String
    /// Where the samples of the last commit went; they come in the same order again, mostly.
    private var slots: [Slot] = []

    private struct Slot {
        let name: String
        let labels: [(name: String, value: String)]
        let reference: SeriesReference
    }

    init(store: TimeSeriesStore, instance: String) {
        appender = store.appender(source: "own")
        self.instance = instance
    }

    func commit(_ samples: [OwnSample], at timestamp: Timestamp) {
        do throws(StoreError) {
            for (position, sample) in samples.enumerated() {
                appender.append(try reference(of: sample, at: position), sample.value)
            }
            _ = try appender.commit(at: timestamp)
        } catch {
            // Counted by the store.
            appender.rollback()
        }
    }

    private func reference(of sample: OwnSample, at position: Int) throws(StoreError) -> SeriesReference {
        if slots.indices.contains(position), slots[position].name == sample.name,
            slots[position].labels.elementsEqual(sample.labels, by: ==)
        {
            return slots[position].reference
        }
        var pairs = [(Labels.metricNameLabel, sample.name), ("job", "sidecar"), ("instance", instance)]
        pairs.append(contentsOf: sample.labels.map { ($0.name, $0.value) })
        let slot = Slot(name: sample.name, labels: sample.labels, reference: try appender.series(Labels(pairs)))
        if slots.indices.contains(position) { slots[position] = slot } else { slots.append(slot) }
        return slot.reference
    }
}

// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import TimeSeries

/// Writes what a check found to the store, one commit per attempt. Belongs to one thread.
///
/// A check that yields the same families and labels as last time costs a comparison per sample: label sets and references
/// are kept by position.
final class CheckSeries {
    private struct Slot {
        let sample: CheckSample
        let reference: SeriesReference
    }

    private let store: TimeSeriesStore
    private let descriptor: CheckDescriptor
    private let appender: SeriesAppender
    private let external: [CheckLabel]
    private var slots: [Slot] = []
    private var last: Timestamp?

    init(store: TimeSeriesStore, descriptor: CheckDescriptor) {
        self.store = store
        self.descriptor = descriptor
        appender = store.appender(source: "check/\(descriptor.name)")
        external = [
            CheckLabel("check", descriptor.name), CheckLabel("job", descriptor.kind),
            CheckLabel("instance", descriptor.instance),
        ]
    }

    /// One commit; false when the store refused it, which it has counted.
    func commit(_ samples: [CheckSample], at timestamp: Timestamp) -> Bool {
        var timestamp = timestamp
        // A repeated attempt may fall into the millisecond of the one before.
        if let last { timestamp = timestamp.following(last) }
        do throws(StoreError) {
            for (position, sample) in samples.enumerated() {
                appender.append(try reference(of: sample, at: position), sample.value)
            }
            _ = try appender.commit(at: timestamp)
            last = timestamp
            return true
        } catch {
            appender.rollback()
            return false
        }
    }

    /// The check is gone: its series end.
    func retire(at timestamp: Timestamp) { appender.retire(at: timestamp) }

    private func reference(of sample: CheckSample, at position: Int) throws(StoreError) -> SeriesReference {
        if position < slots.count {
            let known = slots[position]
            if known.sample.family.name == sample.family.name, known.sample.labels == sample.labels {
                return known.reference
            }
        }
        let reference = try appender.series(labels(of: sample))
        let slot = Slot(sample: sample, reference: reference)
        if position < slots.count { slots[position] = slot } else { slots.append(slot) }
        return reference
    }

    private func labels(of sample: CheckSample) -> Labels {
        var pairs = [(Labels.metricNameLabel, sample.name)]
        pairs.append(contentsOf: external.map { ($0.name, $0.value) })
        pairs.append(contentsOf: sample.labels.map { ($0.name, $0.value) })
        return Labels(pairs)
    }
}

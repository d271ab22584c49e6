// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A view of the store as it was when the reader was made. Cheap to make; make one per query or rule group.
package struct StoreReader: Sendable {
    private let store: TimeSeriesStore

    init(store: TimeSeriesStore) { self.store = store }

    /// Changes whenever a series is added or dropped: what was selected under one number stays right under it.
    package var seriesGeneration: UInt64 { store.state.withLock { $0.generation } }

    /// The series that match all conditions and may have samples in the range, in no promised order.
    package func select(
        _ matchers: [LabelMatcher],
        from start: Timestamp = .distantPast,
        through end: Timestamp = .distantFuture
    ) -> [SeriesHandle] {
        store.state.withLock { state in
            state.series.enumerated().compactMap { slot, series in
                guard matchers.allSatisfy({ $0.matches(series.labels) }), let first = series.columns.timestamps.first,
                    let last = series.columns.timestamps.last, last >= start, first <= end
                else { return nil }
                return SeriesHandle(
                    reference: SeriesReference(slot: UInt32(slot), generation: 1, lane: 0),
                    labels: series.labels
                )
            }
        }
    }

    /// Label names of the series that match, sorted.
    package func labelNames(matching matchers: [LabelMatcher] = []) -> [String] {
        var names: Set<String> = []
        for handle in select(matchers) { handle.labels.forEach { name, _ in names.insert(name) } }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Values of one label among the series that match, sorted.
    package func labelValues(_ name: String, matching matchers: [LabelMatcher] = []) -> [String] {
        var values: Set<String> = []
        for handle in select(matchers) { if let value = handle.labels[name] { values.insert(value) } }
        return values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The newest sample with `moment - lookback < timestamp <= moment`; a stale marker is returned as a value.
    package func latest(
        _ handle: SeriesHandle,
        at moment: Timestamp,
        lookback: Duration
    ) -> (timestamp: Timestamp, value: SampleValue)? {
        let start = moment - lookback
        return store.state.withLock { state in
            let columns = state.series[Int(handle.reference.slot)].columns
            guard let index = columns.timestamps.lastIndex(where: { $0 <= moment }), columns.timestamps[index] > start
            else { return nil }
            return (columns.timestamps[index], columns.value(at: index))
        }
    }

    /// Appends the samples with `start < timestamp <= end` to `columns`, oldest first, stale markers included.
    package func samples(
        _ handle: SeriesHandle,
        after start: Timestamp,
        through end: Timestamp,
        into columns: inout SampleColumns
    ) {
        let all = store.state.withLock { $0.series[Int(handle.reference.slot)].columns }
        for index in 0..<all.count where all.timestamps[index] > start && all.timestamps[index] <= end {
            switch all.value(at: index) {
            case .float(let value): columns.append(value, at: all.timestamps[index])
            case .histogram(let histogram): columns.append(histogram, at: all.timestamps[index])
            }
        }
    }

    /// What `rate` needs of the samples with `start < timestamp <= end`; nil where they are not all floats, where a
    /// value is not finite, or where there is none.
    package func counterWindow(
        _ handle: SeriesHandle,
        after start: Timestamp,
        through end: Timestamp
    ) -> CounterWindow? {
        var columns = SampleColumns()
        samples(handle, after: start, through: end, into: &columns)
        guard columns.histograms.isEmpty else { return nil }
        var window: CounterWindow?
        for index in 0..<columns.count where !StaleMarker.isStale(columns.values[index]) {
            let value = columns.values[index], timestamp = columns.timestamps[index]
            guard value.isFinite else { return nil }
            if var known = window {
                known.count += 1
                known.increase += value - known.lastValue + (value < known.lastValue ? known.lastValue : 0)
                known.lastValue = value
                known.lastTimestamp = timestamp
                window = known
            } else {
                window = CounterWindow(
                    count: 1,
                    firstTimestamp: timestamp,
                    firstValue: value,
                    lastTimestamp: timestamp,
                    lastValue: value,
                    increase: 0
                )
            }
        }
        return window
    }
}

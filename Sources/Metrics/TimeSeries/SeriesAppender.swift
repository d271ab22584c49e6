// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Writes the series of one source, one commit at a time.
///
/// What is appended shows to readers only after `commit`, all of it at once. One thread at a time.
package final class SeriesAppender: @unchecked Sendable {
    // Invariant of @unchecked: the owner calls from one thread at a time; what readers see is behind the store's lock.
    package let source: String
    private let store: TimeSeriesStore
    private let identifier: Int
    private var staged: [(slot: Int, timestamp: Timestamp?, value: SampleValue)] = []
    private var previous: Set<Int> = []
    private var newest = Timestamp.distantPast
    private var isRetired = false
    private var unknown = 0

    init(store: TimeSeriesStore, source: String, identifier: Int) {
        self.store = store
        self.source = source
        self.identifier = identifier
    }

    /// Finds the series or makes it. The reference is good until the store drops the series, which it does only when
    /// its last sample has gone out of retention.
    package func series(_ labels: Labels) throws(StoreError) -> SeriesReference {
        if isRetired { throw .retired }
        if labels.isEmpty { throw .emptyLabels }
        let limit = store.configuration.maximumSeries
        let slot: Int? = store.state.withLock { state in
            if let slot = state.slots[labels] { return slot }
            guard state.series.count < limit else {
                state.statistics.seriesRefused += 1
                return nil
            }
            state.slots[labels] = state.series.count
            state.series.append(StoreState.Series(labels: labels, appender: identifier))
            state.statistics.seriesCreated += 1
            state.generation += 1
            return state.series.count - 1
        }
        guard let slot else { throw .seriesLimit(limit) }
        return SeriesReference(slot: UInt32(slot), generation: 1, lane: 0)
    }

    /// Adds a sample that takes the timestamp of the commit.
    package func append(_ reference: SeriesReference, _ value: Double) {
        staged.append((Int(reference.slot), nil, .float(value)))
    }

    /// Adds a sample with a timestamp of its own; its series gets no stale marker from commits.
    package func append(_ reference: SeriesReference, _ value: Double, at timestamp: Timestamp) {
        staged.append((Int(reference.slot), timestamp, .float(value)))
    }

    package func append(_ reference: SeriesReference, _ histogram: FloatHistogram) {
        staged.append((Int(reference.slot), nil, .histogram(histogram)))
    }

    package func append(_ reference: SeriesReference, _ histogram: FloatHistogram, at timestamp: Timestamp) {
        staged.append((Int(reference.slot), timestamp, .histogram(histogram)))
    }

    /// Stores everything appended since the last commit, or nothing. Series of the previous commit that are missing now
    /// end with a stale marker.
    package func commit(at timestamp: Timestamp) throws(StoreError) -> CommitSummary {
        if isRetired { throw .retired }
        guard timestamp > newest else {
            rollback()
            store.state.withLock { $0.statistics.commitsOutOfOrder += 1 }
            throw .outOfOrder(commit: timestamp, newest: newest)
        }
        newest = timestamp
        var summary = CommitSummary()
        var current: Set<Int> = []
        let oldest = timestamp - store.configuration.oldestExplicitAge
        let latest = timestamp + store.configuration.newestExplicitLead
        store.state.withLock { state in
            for sample in staged {
                let at = sample.timestamp ?? timestamp
                if sample.timestamp == nil, !current.insert(sample.slot).inserted {
                    summary.duplicates += 1
                    continue
                }
                if at < oldest {
                    summary.tooOld += 1
                } else if at > latest {
                    summary.tooNew += 1
                } else {
                    state.append(sample.value, at: at, to: sample.slot, &summary)
                }
            }
            for slot in previous.subtracting(current).sorted() {
                state.append(.float(StaleMarker.value), at: timestamp, to: slot, &summary)
                summary.stored -= 1
                summary.staleMarkers += 1
            }
            summary.seriesAdded = current.subtracting(previous).count
            state.statistics.commits += 1
            state.statistics.samplesAppended += summary.stored
        }
        previous = current
        staged.removeAll(keepingCapacity: true)
        return summary
    }

    /// Forgets what was appended since the last commit.
    package func rollback() { staged.removeAll(keepingCapacity: true) }

    /// The source is gone: ends all its series with stale markers and refuses everything after.
    package func retire(at timestamp: Timestamp) {
        rollback()
        _ = try? commit(at: timestamp)
        isRetired = true
        store.state.withLock { $0.appenders[source] = nil }
    }
}

extension StoreState {
    mutating func append(_ value: SampleValue, at timestamp: Timestamp, to slot: Int, _ summary: inout CommitSummary) {
        if let last = series[slot].columns.timestamps.last, last >= timestamp {
            if series[slot].columns.timestamps.contains(timestamp) {
                summary.duplicates += 1
            } else {
                summary.outOfOrder += 1
            }
            return
        }
        switch value {
        case .float(let value): series[slot].columns.append(value, at: timestamp)
        case .histogram(let histogram): series[slot].columns.append(histogram, at: timestamp)
        }
        summary.stored += 1
    }
}

// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TimeSeries

/// How selectors were resolved that were not answered from memory.
package struct SelectionCounts: Sendable, Hashable {
    /// By searching the index.
    package var made = 0
    /// By bringing an older answer up to date.
    package var refreshed = 0
}

/// Remembers what selectors matched. When the store's set of series has changed, a selection is brought up to date
/// instead of being made anew; another store's are forgotten.
final class SelectionCache: Sendable {
    private struct Entry {
        var selection: Selection
        var lastUse: UInt64
    }

    private struct State {
        var store: ObjectIdentifier?
        var uses: UInt64 = 0
        /// Series in all selections.
        var series = 0
        var entries: [[LabelMatcher]: Entry] = [:]
        var counts = SelectionCounts()

        mutating func remove(_ matchers: [LabelMatcher]) {
            guard let entry = entries.removeValue(forKey: matchers) else { return }
            series -= entry.selection.handles.count
        }
    }

    private let state = Mutex(State())

    var counts: SelectionCounts { state.withLock { $0.counts } }

    private static let capacity = 256
    private static let seriesCapacity = 300_000

    /// What the matchers select now, if they were asked before and it takes little to know.
    func selection(_ matchers: [LabelMatcher], _ reader: StoreReader) -> Selection? {
        guard let found = latest(matchers, reader) else { return nil }
        if found.series.generation == reader.seriesGeneration { return found }
        guard let change = reader.refreshed(found.series, matchers) else { return nil }
        let selection = Selection(found, change, areOneMetric: Self.areOneMetric(matchers, reader))
        state.withLock { $0.counts.refreshed += 1 }
        remember(selection, for: matchers, reader.storeIdentity)
        return selection
    }

    /// How many series the matchers select, exactly where that is few; nil where it takes long to know.
    func count(_ matchers: [LabelMatcher], few: Int, _ reader: StoreReader) -> Int? {
        guard let found = latest(matchers, reader) else { return nil }
        if found.handles.count > few { return found.handles.count }
        return selection(matchers, reader)?.handles.count
    }

    /// What the matchers selected when they were asked last.
    private func latest(_ matchers: [LabelMatcher], _ reader: StoreReader) -> Selection? {
        state.withLock { state in
            guard state.store == reader.storeIdentity else { return nil }
            state.uses += 1
            state.entries[matchers]?.lastUse = state.uses
            return state.entries[matchers]?.selection
        }
    }

    /// Selects, and remembers.
    func select(
        _ matchers: [LabelMatcher],
        _ reader: StoreReader,
        limit: Int
    ) throws(QueryError) -> Selection {
        let series = reader.selection(matchers)
        guard series.handles.count <= limit else { throw .tooManySeries(limit: limit) }
        let selection = Selection(series, areOneMetric: Self.areOneMetric(matchers, reader))
        state.withLock { $0.counts.made += 1 }
        remember(selection, for: matchers, reader.storeIdentity)
        return selection
    }

    private static func areOneMetric(_ matchers: [LabelMatcher], _ reader: StoreReader) -> Bool {
        matchers.contains { $0.name == ReservedLabels.name && $0.operation == .equal }
            && !ReservedLabels.metadata.contains { $0 != ReservedLabels.name && reader.hasLabel($0) }
    }

    private func remember(_ selection: Selection, for matchers: [LabelMatcher], _ store: ObjectIdentifier) {
        state.withLock { state in
            if state.store != store {
                state.entries.removeAll()
                state.series = 0
                state.store = store
            }
            state.remove(matchers)
            state.uses += 1
            state.entries[matchers] = Entry(selection: selection, lastUse: state.uses)
            state.series += selection.handles.count
            while state.entries.count > Self.capacity || state.series > Self.seriesCapacity, state.entries.count > 1,
                let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
            {
                state.remove(oldest)
            }
        }
    }
}

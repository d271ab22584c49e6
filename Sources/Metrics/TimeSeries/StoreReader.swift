// SPDX-License-Identifier: Apache-2.0

/// A view of the store as it was when the reader was made. Cheap to make; make one per query or rule group.
///
/// A commit shows in it as a whole or not at all. Samples with explicit timestamps and native histograms may show before
/// the commit that a reader was made after; all of one commit appear together.
package struct StoreReader: Sendable {
    let core: StoreCore
    /// The rows of each source that this view shows: those below.
    let limits: [UInt32]

    init(core: StoreCore) {
        self.core = core
        limits = core.samples.withLock { $0.committed }
    }

    /// Tells stores apart: `seriesGeneration` is a number of one store.
    package var storeIdentity: ObjectIdentifier { ObjectIdentifier(core) }

    /// Changes whenever a series is added or dropped: what was selected under one number stays right under it.
    package var seriesGeneration: UInt64 { core.index.withLock { $0.generation } }

    // MARK: Reading samples

    /// The newest sample with `moment - lookback < timestamp <= moment`; a stale marker is returned as a value.
    package func latest(
        _ handle: SeriesHandle,
        at moment: Timestamp,
        lookback: Duration
    ) -> (timestamp: Timestamp, value: SampleValue)? {
        let start = moment - lookback
        let found = core.samples.withLock { $0.latest(handle.reference.slot, at: moment.milliseconds, limits) }
        guard let found, found.timestamp > start.milliseconds else { return nil }
        return (Timestamp(milliseconds: found.timestamp), found.value)
    }

    /// When the series was last written, stale markers included; in the future where the clock was set back since.
    package func newest(_ handle: SeriesHandle) -> Timestamp? {
        let found = core.samples.withLock { $0.latest(handle.reference.slot, at: .max, limits) }
        return found.map { Timestamp(milliseconds: $0.timestamp) }
    }

    /// Appends the samples with `start < timestamp <= end` to `columns`, oldest first, stale markers included.
    package func samples(
        _ handle: SeriesHandle,
        after start: Timestamp,
        through end: Timestamp,
        into columns: inout SampleColumns
    ) {
        guard start < end else { return }
        let first = columns.count
        var cursor = SampleState.Cursor(
            slot: handle.reference.slot,
            after: start.milliseconds,
            through: end.milliseconds
        )
        var isDone = false
        while !isDone {
            // One page at a time: what is appended meanwhile waits for a page at most.
            isDone = core.samples.withLock { $0.readPart(&cursor, limits, into: &columns) }
        }
        guard cursor.hasSide else { return }
        var side = SampleColumns()
        core.samples.withLock { state in
            state.sides[cursor.slot]?.read(after: start.milliseconds, through: end.milliseconds, into: &side)
        }
        columns.merge(side, from: first)
    }

    /// What `rate` needs of the samples with `start < timestamp <= end`; nil where they are not all floats, where a
    /// value is not finite, or where there is none.
    package func counterWindow(
        _ handle: SeriesHandle,
        after start: Timestamp,
        through end: Timestamp
    ) -> CounterWindow? {
        guard start < end else { return nil }
        let found = core.samples.withLock {
            $0.counterWindow(handle.reference.slot, after: start.milliseconds, through: end.milliseconds, limits)
        }
        switch found {
        case .window(let window): return window
        case .none: return nil
        case .mixed:
            var columns = SampleColumns()
            samples(handle, after: start, through: end, into: &columns)
            return columns.counterWindow
        }
    }

    /// The same for many series at once: calls `body` for each, in order, with its position in the slice.
    package func counterWindows(
        _ handles: ArraySlice<SeriesHandle>,
        after start: Timestamp,
        through end: Timestamp,
        _ body: (_ index: Int, _ window: CounterWindow?) -> Void
    ) {
        guard start < end else { return }
        var found: [SampleState.CounterResult] = []
        found.reserveCapacity(Self.batch)
        for first in stride(from: handles.startIndex, to: handles.endIndex, by: Self.batch) {
            let part = first..<min(handles.endIndex, first + Self.batch)
            found.removeAll(keepingCapacity: true)
            core.samples.withLock { state in
                state.fetch(handles[part], after: start.milliseconds)
                for index in part {
                    let slot = handles[index].reference.slot
                    found.append(
                        state.counterWindow(slot, after: start.milliseconds, through: end.milliseconds, limits)
                    )
                }
            }
            for index in part {
                let position = index - handles.startIndex
                switch found[index - first] {
                case .window(let window): body(position, window)
                case .none: body(position, nil)
                case .mixed: body(position, counterWindow(handles[index], after: start, through: end))
                }
            }
        }
    }

    /// Series read under one lock.
    private static let batch = 64
}

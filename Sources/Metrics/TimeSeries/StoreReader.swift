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

    // MARK: Finding series

    private static let slice = 1024

    /// The series that match all conditions and may have samples in the range, in the order in which they were made,
    /// which is the one to read them in.
    package func select(
        _ matchers: [LabelMatcher],
        from start: Timestamp = .distantPast,
        through end: Timestamp = .distantFuture
    ) -> [SeriesHandle] {
        var handles: [SeriesHandle] = []
        visit(matchers, from: start, through: end) { index, slot in
            if let labels = index.labels(of: slot) {
                handles.append(
                    SeriesHandle(reference: SeriesReference(slot: slot, generation: 0, lane: .max), labels: labels)
                )
            }
        } restart: {
            handles.removeAll()
        }
        return handles
    }

    /// Calls `body` for each match, some at a time under the index's lock, so that new series need not wait for a
    /// large selection. Starts anew when the set of series changes meanwhile; the third time it keeps the lock.
    private func visit(
        _ matchers: [LabelMatcher],
        from start: Timestamp,
        through end: Timestamp,
        _ body: (SeriesIndex, UInt32) -> Void,
        restart: () -> Void
    ) {
        for _ in 0..<2 {
            var search = core.index.withLock { SeriesSearch(matchers, in: $0) }
            var cursor = 0
            var isDone = false, isStale = false
            while !isDone, !isStale {
                core.index.withLock { index in
                    isStale = index.generation != search.generation
                    guard !isStale else { return }
                    isDone = walk(&search, index, &cursor, limit: Self.slice, start, end, body)
                }
            }
            if isDone { return }
            restart()
        }
        core.index.withLock { index in
            var search = SeriesSearch(matchers, in: index)
            var cursor = 0
            _ = walk(&search, index, &cursor, limit: .max, start, end, body)
        }
    }

    /// Goes through at most `limit` candidates; true after the last one.
    private func walk(
        _ search: inout SeriesSearch,
        _ index: SeriesIndex,
        _ cursor: inout Int,
        limit: Int,
        _ start: Timestamp,
        _ end: Timestamp,
        _ body: (SeriesIndex, UInt32) -> Void
    ) -> Bool {
        var slots: [UInt32] = []
        var isDone = false
        if let candidates = search.candidates {
            let last = min(candidates.count, cursor + min(limit, candidates.count))
            for slot in candidates[cursor..<last] where search.accepts(slot, in: index) { slots.append(slot) }
            cursor = last
            isDone = last == candidates.count
        } else {
            var left = limit
            while left > 0 {
                guard let slot = index.directory.first(from: UInt32(clamping: cursor)) else {
                    isDone = true
                    break
                }
                if search.accepts(slot, in: index) { slots.append(slot) }
                cursor = Int(slot) + 1
                left -= 1
            }
        }
        for first in stride(from: 0, to: slots.count, by: Self.slice) {
            let part = slots[first..<min(slots.count, first + Self.slice)]
            let present = core.samples.withLock { state in
                part.filter { state.hasSamples($0, from: start.milliseconds, through: end.milliseconds) }
            }
            for slot in present { body(index, slot) }
        }
        return isDone
    }

    /// Label names of the series that match, sorted.
    package func labelNames(matching matchers: [LabelMatcher] = []) -> [String] {
        var names: Set<UInt32> = []
        visit(matchers, from: .distantPast, through: .distantFuture) { index, slot in
            guard let pairs = unsafe index.pairNumbers(of: slot) else { return }
            for place in 0..<pairs.count { names.insert(index.nameOfPair(unsafe pairs[place])) }
        } restart: {
            names.removeAll()
        }
        let texts = core.index.withLock { index in
            names.compactMap { Int($0) < index.names.count ? index.names[Int($0)].text : nil }
        }
        return Self.sorted(texts.filter { !$0.isEmpty })
    }

    /// Values of one label among the series that match, sorted.
    package func labelValues(_ name: String, matching matchers: [LabelMatcher] = []) -> [String] {
        if matchers.isEmpty {
            return Self.sorted(
                core.index.withLock { index in
                    guard let number = index.name(name.utf8) else { return [] }
                    return index.names[Int(number)].pairs.compactMap { index.pair($0).map { Array($0.value) } }
                }
            )
        }
        var values: Set<[UInt8]> = []
        visit(matchers, from: .distantPast, through: .distantFuture) { index, slot in
            guard let number = index.name(name.utf8), let pairs = unsafe index.pairNumbers(of: slot) else { return }
            for place in 0..<pairs.count {
                let pair = unsafe pairs[place]
                if index.nameOfPair(pair) == number, let value = index.pair(pair)?.value { values.insert(Array(value)) }
            }
        } restart: {
            values.removeAll()
        }
        return Self.sorted(Array(values))
    }

    private static func sorted(_ texts: [[UInt8]]) -> [String] {
        texts.sorted { $0.lexicographicallyPrecedes($1) }.map { String(decoding: $0, as: UTF8.self) }
    }

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

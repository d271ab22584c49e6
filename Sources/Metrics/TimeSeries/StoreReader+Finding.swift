// SPDX-License-Identifier: Apache-2.0

/// Series that a selection found, in the order in which they were made, and what it has looked at.
package struct SeriesSelection: Sendable {
    package let handles: [SeriesHandle]
    /// The set of series that it is of.
    package let generation: UInt64
    /// Series from this one on were not looked at.
    let end: UInt32
}

/// A selection that was brought up to date, and how it came from the old one.
package struct SelectionChange: Sendable {
    package let selection: SeriesSelection
    /// Positions of the old handles that are gone, ascending.
    package let dropped: [Int]
    /// Handles at the end that are new.
    package let added: Int
}

extension StoreReader {
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
            if let handle = Self.handle(slot, in: index) { handles.append(handle) }
        } restart: {
            handles.removeAll()
        }
        return handles
    }

    /// All series that match, those without samples among them, so that it stays right when samples come.
    package func selection(_ matchers: [LabelMatcher]) -> SeriesSelection {
        var handles: [SeriesHandle] = []
        let version = visit(matchers, from: .distantPast, through: .distantFuture, includingEmpty: true) {
            index,
            slot in
            if let handle = Self.handle(slot, in: index) { handles.append(handle) }
        } restart: {
            handles.removeAll()
        }
        return SeriesSelection(handles: handles, generation: version.generation, end: version.end)
    }

    /// The selection as it is now: looks at the series that came since, and whether the old ones are still there. nil
    /// when selecting anew is hardly more work.
    package func refreshed(_ old: SeriesSelection, _ matchers: [LabelMatcher]) -> SelectionChange? {
        core.index.withLock { index in
            let end = index.directory.nextSlot
            guard end - old.end <= Self.newSeriesLimit else { return nil }
            var dropped: [Int] = []
            for (position, handle) in old.handles.enumerated()
            where unsafe index.directory[handle.reference.slot] == nil { dropped.append(position) }
            var handles = old.handles
            if !dropped.isEmpty {
                var rest = dropped[...]
                handles = old.handles.enumerated().compactMap { position, handle in
                    guard rest.first == position else { return handle }
                    rest.removeFirst()
                    return nil
                }
            }
            let kept = handles.count
            var slot = old.end
            while let next = index.directory.first(from: slot) {
                if let handle = Self.handle(next, in: index), matchers.allSatisfy({ $0.matches(handle.labels) }) {
                    handles.append(handle)
                }
                slot = next + 1
            }
            let selection = SeriesSelection(handles: handles, generation: index.generation, end: end)
            return SelectionChange(selection: selection, dropped: dropped, added: handles.count - kept)
        }
    }

    /// New series that a selection is brought up to date for under the index's lock.
    private static let newSeriesLimit: UInt32 = 2_000

    private static func handle(_ slot: UInt32, in index: SeriesIndex) -> SeriesHandle? {
        index.labels(of: slot).map { labels in
            SeriesHandle(reference: SeriesReference(slot: slot, generation: 0, lane: .max), labels: labels)
        }
    }

    /// Whether any series carries the label.
    package func hasLabel(_ name: String) -> Bool { core.index.withLock { $0.name(name.utf8) != nil } }

    /// Calls `body` for each match, some at a time under the index's lock, so that new series need not wait for a
    /// large selection. Starts anew when the set of series changes meanwhile; the third time it keeps the lock.
    @discardableResult
    private func visit(
        _ matchers: [LabelMatcher],
        from start: Timestamp,
        through end: Timestamp,
        includingEmpty: Bool = false,
        _ body: (SeriesIndex, UInt32) -> Void,
        restart: () -> Void
    ) -> (generation: UInt64, end: UInt32) {
        let range = includingEmpty ? nil : (start, end)
        for _ in 0..<2 {
            let (made, last) = core.index.withLock { (SeriesSearch(matchers, in: $0), $0.directory.nextSlot) }
            var search = made
            var cursor = 0
            var isDone = false, isStale = false
            while !isDone, !isStale {
                core.index.withLock { index in
                    isStale = index.generation != search.generation
                    guard !isStale else { return }
                    isDone = walk(&search, index, &cursor, limit: Self.slice, range, body)
                }
            }
            if isDone { return (search.generation, last) }
            restart()
        }
        return core.index.withLock { index in
            var search = SeriesSearch(matchers, in: index)
            var cursor = 0
            _ = walk(&search, index, &cursor, limit: .max, range, body)
            return (index.generation, index.directory.nextSlot)
        }
    }

    /// Goes through at most `limit` candidates; true after the last one.
    private func walk(
        _ search: inout SeriesSearch,
        _ index: SeriesIndex,
        _ cursor: inout Int,
        limit: Int,
        _ range: (start: Timestamp, end: Timestamp)?,
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
            guard let (start, end) = range else {
                for slot in part { body(index, slot) }
                continue
            }
            let present = core.samples.withLock { state in
                part.filter { state.hasSamples($0, from: start.milliseconds, through: end.milliseconds) }
            }
            for slot in present { body(index, slot) }
        }
        return isDone
    }

    /// Whether samples of any series may lie in the range.
    package func mayHaveSamples(from start: Timestamp, through end: Timestamp) -> Bool {
        guard start <= end else { return false }
        return core.samples.withLock { state in
            guard let oldest = state.oldestTime, state.newest != .min else { return false }
            return oldest <= end.milliseconds && state.newest >= start.milliseconds
        }
    }

    /// Label names of the series that match and may have samples in the range, sorted.
    package func labelNames(
        matching matchers: [LabelMatcher] = [],
        from start: Timestamp = .distantPast,
        through end: Timestamp = .distantFuture
    ) -> [String] {
        var names: Set<UInt32> = []
        visit(matchers, from: start, through: end) { index, slot in
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

    /// Values of one label among the series that match and may have samples in the range, sorted; without a condition
    /// the range does not count.
    package func labelValues(
        _ name: String,
        matching matchers: [LabelMatcher] = [],
        from start: Timestamp = .distantPast,
        through end: Timestamp = .distantFuture
    ) -> [String] {
        if matchers.isEmpty {
            return Self.sorted(
                core.index.withLock { index in
                    guard let number = index.name(name.utf8) else { return [] }
                    return index.names[Int(number)].pairs.compactMap { index.pair($0).map { Array($0.value) } }
                }
            )
        }
        var values: Set<[UInt8]> = []
        visit(matchers, from: start, through: end) { index, slot in
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
}

// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// What the plans of one batch, the rules of one tick, work out for the same series at the same moment: a selector's
/// present samples, or a range function of them. The first plan that needs it reads the series; the others take its
/// column.
///
/// A column is kept only where the batches before had more than one use for it, and until the last of these. Belongs to
/// the thread that evaluates the batch. Sharing does not change results: what gives a remark is not shared, and what
/// was written meanwhile has to be told with `forget`.
package final class SharedPasses {
    /// Passes whose column was kept, and plans that took one of them instead of reading the series themselves.
    package private(set) var passes = 0
    package private(set) var uses = 0

    /// Which series are read, and how.
    struct Key: Hashable {
        var matchers: [LabelMatcher]
        /// nil for the present samples themselves.
        var function: RangeFunction?
        var parameters: [UInt64] = []
        /// The evaluation's moment, and the one at which the range ends.
        var time: Int64
        var end: Int64
        /// Of the range, or how far back the present sample may lie.
        var length: Int64
        var isAnchored: Bool
        var isSmoothed: Bool

        /// The same at any moment.
        var everAgain: Key {
            var key = self
            key.end = end.clampedDifference(time)
            key.time = 0
            return key
        }
    }

    /// The values of all series of a selection at one moment: a row with a place for each series.
    struct Column {
        var selection: Selection
        var values: Row
    }

    private var time: Int64?
    private var columns: [Key: (column: Column, usesLeft: Int)] = [:]
    /// How often each was asked for in the batch under way, and at most in those before.
    private var asked: [Key: Int] = [:]
    private var expected: [Key: Int] = [:]
    private var held = 0

    /// Values kept at once.
    private static let capacity = 1_000_000
    private static let keyCapacity = 10_000

    package init() {}

    /// The series under this metric name have changed.
    package func forget(metric name: String) {
        for key in columns.keys {
            let isOther = key.matchers.contains {
                $0.name == ReservedLabels.name && $0.operation == .equal && $0.value != name
            }
            if !isOther { remove(key) }
        }
    }

    /// Everything may have changed.
    package func forgetAll() {
        columns.removeAll()
        held = 0
    }

    /// The column if there is one; a new moment begins a new batch.
    func column(_ key: Key) -> Column? {
        if key.time != time { begin(key.time) }
        if asked.count < Self.keyCapacity { asked[key, default: 0] += 1 }
        guard let found = columns[key] else { return nil }
        uses += 1
        if found.usesLeft <= 1 { remove(key) } else { columns[key]?.usesLeft -= 1 }
        return found.column
    }

    /// Whether a column that is worked out now will be asked for again.
    func isWanted(_ key: Key, series: Int) -> Bool {
        (expected[key.everAgain] ?? 0) > (asked[key] ?? 0) && held + series <= Self.capacity
    }

    func keep(_ column: Column, for key: Key) {
        passes += 1
        held += column.selection.handles.count
        columns[key] = (column, Swift.max(1, (expected[key.everAgain] ?? 0) - (asked[key] ?? 0)))
    }

    private func remove(_ key: Key) {
        guard let entry = columns.removeValue(forKey: key) else { return }
        held -= entry.column.selection.handles.count
    }

    private func begin(_ moment: Int64) {
        time = moment
        forgetAll()
        if expected.count > Self.keyCapacity { expected.removeAll() }
        for (key, count) in asked {
            let known = expected[key.everAgain] ?? 0
            expected[key.everAgain] = Swift.max(known, count)
        }
        asked.removeAll(keepingCapacity: true)
    }
}

extension Evaluator {
    /// The column of a stream that is read at one moment, where plans share their passes: taken, or worked out for
    /// those that follow. nil where everybody reads for themselves.
    mutating func sharedColumn(_ stream: inout SeriesStream) throws(QueryError) -> SharedPasses.Column? {
        guard let shared, let key = stream.sharingKey(self) else { return nil }
        if let column = shared.column(key) { return column }
        guard shared.isWanted(key, series: stream.selection.handles.count) else { return nil }
        let remarks = annotations.all.count
        let column = SharedPasses.Column(selection: stream.selection, values: try values(of: &stream))
        if annotations.all.count == remarks { shared.keep(column, for: key) }
        return column
    }

    /// The series of a column that have a value.
    mutating func block(of column: SharedPasses.Column, drops: Bool) throws(QueryError) -> Block {
        var block = Block(steps: 1)
        for (index, handle) in column.selection.handles.enumerated() {
            guard let value = column.values.value(index) else { continue }
            try tick()
            try hold(1)
            var row = Row(steps: 1)
            row.set(0, value)
            block.series.append(named(handle.labels, row, drops: drops))
        }
        return block
    }

    /// One pass over all series at one moment.
    private mutating func values(of stream: inout SeriesStream) throws(QueryError) -> Row {
        let handles = stream.selection.handles
        try hold(handles.count)
        defer { release(handles.count) }
        var column = Row(steps: handles.count)
        try readMoment(&stream) { index, value in
            column.set(index, value)
        } row: { index, row, _ in
            if let value = row.value(0) { column.set(index, value) }
        }
        return column
    }
}

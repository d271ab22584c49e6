// SPDX-License-Identifier: Apache-2.0

/// The times at which one writer of series committed within a span, shared by all the series it writes.
package struct CommitTimes: Sendable {
    /// The writer's number.
    package let source: UInt32
    let firstRow: UInt32
    package let timestamps: [Timestamp]
    /// The positions, among the times, of commits that brought the series asked for no value. Each gap begins with its
    /// stale marker, unless the series' first value in the span follows it.
    package let gaps: [Range<Int>]

    /// The positions of the commits that brought a value, ascending.
    package var present: [Int] {
        var positions: [Int] = []
        positions.reserveCapacity(timestamps.count)
        var next = 0
        for gap in gaps {
            positions += next..<gap.lowerBound
            next = gap.upperBound
        }
        positions += next..<timestamps.count
        return positions
    }
}

/// Which of the commits of a span a reading is to take up.
package struct CommitChoice: Sendable {
    /// The writer's number.
    package let source: UInt32
    fileprivate let rows: [UInt32]
    /// The rows of the span, and those without a value.
    fileprivate let layout: RowLayout
    package var count: Int { rows.count }

    /// The commits at these positions of `times`, which ascend and are in no gap.
    package init(_ times: CommitTimes, positions: some Sequence<Int>) {
        source = times.source
        func row(_ position: Int) -> UInt32 { times.firstRow &+ UInt32(clamping: position) }
        rows = positions.map(row)
        layout = RowLayout(
            rows: row(0)..<row(times.timestamps.count),
            gaps: times.gaps.map { row($0.lowerBound)..<row($0.upperBound) }
        )
    }
}

/// Values of many series at chosen commits of their writers, kept and used again from reading to reading.
package struct CounterTable: Sendable {
    /// What became of a series.
    package enum Outcome: Sendable {
        /// It has a value at each commit chosen.
        case values
        /// Other gaps than the choice was made for, a value that is not finite, samples beside the commits, another
        /// writer: its samples have to be read.
        case other
    }

    package fileprivate(set) var outcomes: [Outcome] = []
    /// Row by row, as many values as commits were chosen.
    package fileprivate(set) var values: [Double] = []
    /// The sum of the values before each reset through the value at the same place.
    package fileprivate(set) var corrections: [Double] = []

    package init() {}
}

extension StoreReader {
    /// The number of the writer that a series belongs to.
    package func source(_ handle: SeriesHandle) -> UInt32? {
        core.samples.withLock { $0.source(of: handle.reference.slot) }
    }

    /// The commits with `start < timestamp <= end` of the writer whose series this is; nil when it has none there, and
    /// where the series has no value there or gaps that no stale marker begins.
    package func commits(_ handle: SeriesHandle, after start: Timestamp, through end: Timestamp) -> CommitTimes? {
        guard start < end else { return nil }
        let slot = handle.reference.slot
        return core.samples.withLock { state -> CommitTimes? in
            state.commits(of: slot, after: start.milliseconds, through: end.milliseconds, limits)
        }
    }

    /// Reads as many of the series from `first` on as the table's writer writes, at most `limit`, and returns their
    /// number; 0 when the first is of another writer.
    package func counters(
        _ handles: [SeriesHandle],
        from first: Int,
        limit: Int,
        at choice: CommitChoice,
        into table: inout CounterTable
    ) -> Int {
        let number = max(0, min(limit, handles.count - first))
        table.outcomes.removeAll(keepingCapacity: true)
        let places = number * choice.count
        if table.values.count < places {
            table.values = [Double](repeating: 0, count: places)
            table.corrections = [Double](repeating: 0, count: places)
        }
        unsafe table.values.withUnsafeMutableBufferPointer { values in
            unsafe table.corrections.withUnsafeMutableBufferPointer { corrections in
                unsafe choice.rows.withUnsafeBufferPointer { rows in
                    guard let values = values.baseAddress, let corrections = corrections.baseAddress else { return }
                    core.samples.withLock { state in
                        for index in 0..<number {
                            let slot = handles[first + index].reference.slot
                            guard
                                let outcome = unsafe state.counters(
                                    slot,
                                    of: choice.source,
                                    inRows: rows,
                                    choice.layout,
                                    values: values + index * rows.count,
                                    corrections: corrections + index * rows.count
                                )
                            else { return }
                            table.outcomes.append(outcome)
                        }
                    }
                }
            }
        }
        return table.outcomes.count
    }
}

extension SampleState {
    fileprivate func source(of slot: UInt32) -> UInt32? {
        guard let column = unsafe directory[slot] else { return nil }
        return unsafe column.pointee.source
    }

    fileprivate func commits(of slot: UInt32, after start: Int64, through end: Int64, _ limits: [UInt32])
        -> CommitTimes?
    {
        guard let column = unsafe directory[slot] else { return nil }
        let number = unsafe column.pointee.source
        guard let source = sources[Int(number)] else { return nil }
        let limit = Int(number) < limits.count ? limits[Int(number)] : 0
        guard limit > 0, let last = source.time.row(atOrBefore: end), let first = source.time.row(after: start) else {
            return nil
        }
        let stop = min(last, limit - 1) &+ 1
        guard first < stop, let gaps = unsafe column.pointee.gaps(in: first..<stop) else { return nil }
        let timestamps = unsafe [Timestamp](unsafeUninitializedCapacity: Int(stop - first)) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            count = unsafe source.time.read(from: first, below: stop, into: start)
        }
        // A gap in the numbering, where the clock was set back: the samples are read one by one.
        guard timestamps.count == Int(stop - first) else { return nil }
        return CommitTimes(
            source: number,
            firstRow: first,
            timestamps: timestamps,
            gaps: gaps.map { Int($0.lowerBound - first)..<Int($0.upperBound - first) }
        )
    }

    /// Nil when another source writes the series.
    fileprivate func counters(
        _ slot: UInt32,
        of number: UInt32,
        inRows rows: UnsafeBufferPointer<UInt32>,
        _ layout: RowLayout,
        values: UnsafeMutablePointer<Double>,
        corrections: UnsafeMutablePointer<Double>
    ) -> CounterTable.Outcome? {
        guard let column = unsafe directory[slot] else { return .other }
        guard unsafe column.pointee.source == number else { return nil }
        if unsafe column.pointee.older != nil || (!sides.isEmpty && sides[slot] != nil) { return .other }
        guard unsafe column.pointee.counters(inRows: rows, layout, values: values, corrections: corrections) else {
            return .other
        }
        return .values
    }
}

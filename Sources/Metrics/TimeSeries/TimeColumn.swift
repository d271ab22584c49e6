// SPDX-License-Identifier: Apache-2.0

/// The timestamps of one source's commits, shared by all its series: rows in ascending time, as runs of equal steps.
///
/// A source that commits on its ticks needs one run for hours; a missed tick or an extra commit begins another.
struct TimeColumn {
    private struct Run {
        var firstRow: UInt32
        var count: UInt32
        var base: Int64
        var step: Int64

        var last: Int64 { base &+ step &* Int64(count &- 1) }
        var end: UInt32 { firstRow &+ count }

        func timestamp(_ row: UInt32) -> Int64 { base &+ step &* Int64(row &- firstRow) }
    }

    private var runs: [Run] = []
    private(set) var nextRow: UInt32

    init(firstRow: UInt32 = 0) { nextRow = firstRow }

    var isEmpty: Bool { runs.isEmpty }
    var newest: Int64? { runs.last?.last }
    var oldest: Int64? { runs.first?.base }
    var byteCount: Int { runs.capacity * MemoryLayout<Run>.stride }

    /// Adds a row; the timestamp is later than all before.
    mutating func append(_ timestamp: Int64) -> UInt32 {
        let row = nextRow
        nextRow += 1
        guard let last = runs.last, last.end == row else {
            runs.append(Run(firstRow: row, count: 1, base: timestamp, step: 0))
            return row
        }
        let step = timestamp.saturatingSubtract(last.last)
        if last.count == 1, step < 1 << 40 {
            runs[runs.count - 1].step = step
            runs[runs.count - 1].count = 2
        } else if last.step == step {
            runs[runs.count - 1].count += 1
        } else {
            runs.append(Run(firstRow: row, count: 1, base: timestamp, step: 0))
        }
        return row
    }

    private func run(of row: UInt32) -> Int? {
        var low = 0, high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].firstRow <= row { low = middle + 1 } else { high = middle }
        }
        guard low > 0, row < runs[low - 1].end else { return nil }
        return low - 1
    }

    func timestamp(_ row: UInt32) -> Int64? { run(of: row).map { runs[$0].timestamp(row) } }

    /// The newest row at or before a moment.
    func row(atOrBefore moment: Int64) -> UInt32? {
        var low = 0, high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].base <= moment { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let run = runs[low - 1]
        if run.count == 1 || moment >= run.last { return run.end - 1 }
        return run.firstRow + UInt32((moment - run.base) / run.step)
    }

    /// The oldest row after a moment.
    func row(after moment: Int64) -> UInt32? {
        guard let before = row(atOrBefore: moment) else { return runs.first?.firstRow }
        guard let index = run(of: before) else { return nil }
        if before + 1 < runs[index].end { return before + 1 }
        return index + 1 < runs.count ? runs[index + 1].firstRow : nil
    }

    /// Writes the timestamps of the rows from `first` on, below `end`, to memory with room for them; returns how many
    /// there are without a gap.
    func read(from first: UInt32, below end: UInt32, into output: UnsafeMutablePointer<Timestamp>) -> Int {
        guard first < end, var index = run(of: first) else { return 0 }
        var row = first
        var count = 0
        while row < end, index < runs.count, runs[index].firstRow <= row {
            let run = runs[index]
            var timestamp = run.timestamp(row)
            for _ in 0..<Int(min(end, run.end) - row) {
                unsafe output[count] = Timestamp(milliseconds: timestamp)
                timestamp &+= run.step
                count += 1
            }
            row = min(end, run.end)
            index += 1
        }
        return count
    }

    /// Forgets rows at or after a moment, because the clock was set back; the numbering goes on. Returns the first row
    /// forgotten.
    mutating func cut(from moment: Int64) -> UInt32? {
        guard moment > .min, let newest, newest >= moment else { return nil }
        guard let kept = row(atOrBefore: moment - 1), let index = run(of: kept) else {
            let first = runs.first?.firstRow
            runs.removeAll()
            return first
        }
        runs.removeLast(runs.count - index - 1)
        runs[index].count = kept - runs[index].firstRow + 1
        return kept + 1
    }

    /// Forgets the runs that end before `row`.
    mutating func removeRows(before row: UInt32) {
        guard let first = runs.first, first.end <= row else { return }
        let gone = runs.firstIndex { $0.end > row } ?? runs.count
        runs.removeFirst(min(gone, runs.count - 1))
    }
}

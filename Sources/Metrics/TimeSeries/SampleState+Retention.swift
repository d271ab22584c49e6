// SPDX-License-Identifier: Apache-2.0

extension SampleState {
    /// Looks at up to `budget` series, from where the last call stopped, and drops what is too old. Returns true when it
    /// came past the last series.
    /// - Parameter sparesNew: whether series that never had a sample stay for some commits.
    mutating func trim(budget: Int, sparesNew: Bool) -> Bool {
        var left = budget
        while left > 0 {
            guard let slot = directory.first(from: hand), let column = unsafe directory[slot] else {
                hand = 0
                for source in sources { if let source { trimTimes(source) } }
                return true
            }
            unsafe trim(column, slot: slot, sparesNew: sparesNew)
            statistics.seriesExamined += 1
            hand = slot + 1
            left -= 1
        }
        return false
    }

    private mutating func trimTimes(_ source: Source) {
        // A page may begin as many rows before the oldest one it is kept for.
        guard let row = source.time.row(after: cutoff.saturatingSubtract(1)), row > UInt32(Column.pageCapacity) else {
            // Nothing younger: of a source that still writes, the times before its newest page's.
            return
        }
        let before = source.time.byteCount
        source.time.removeRows(before: row - UInt32(Column.pageCapacity))
        context.bytes += source.time.byteCount - before
    }

    /// The first row that is young enough.
    private func cutoffRow(_ source: Source) -> UInt32 {
        cutoff == .min ? 0 : source.time.row(after: cutoff - 1) ?? source.time.nextRow
    }

    private mutating func trim(_ head: UnsafeMutablePointer<Column>, slot: UInt32, sparesNew: Bool) {
        var isEmpty = true
        var previous: UnsafeMutablePointer<Column>?
        var next = unsafe Optional(head)
        while let column = unsafe next {
            unsafe next = unsafe column.pointee.older
            guard let source = unsafe sources[Int(column.pointee.source)] else { continue }
            let isColumnEmpty = unsafe column.pointee.removeSamples(before: cutoffRow(source), &context)
            if unsafe !column.pointee.flags.contains(.active), unsafe column.pointee.tailCount > 0,
                unsafe source.time.nextRow &- column.pointee.tailFirstRow &- UInt32(column.pointee.tailCount) > 16
            {
                // The series is gone for a while: its tail needs no room to grow.
                unsafe column.pointee.seal(&context)
                unsafe column.pointee.releaseTail(&context)
            }
            if isColumnEmpty, let newer = unsafe previous {
                unsafe newer.pointee.older = unsafe column.pointee.older
                unsafe column.pointee.older = nil
                unsafe free(column)
                continue
            }
            if !isColumnEmpty { isEmpty = false }
            unsafe previous = unsafe column
        }
        if var side = sides[slot] {
            sides[slot] = nil
            side.removeSamples(before: cutoff, &context)
            if side.isEmpty {
                context.bytes -= SideColumn.overhead
            } else {
                sides[slot] = side
                isEmpty = false
            }
        }
        guard isEmpty, unsafe !head.pointee.flags.contains(.active) else { return }
        if sparesNew, unsafe isNew(head) { return }
        unsafe condemn(slot, head)
    }

    /// Whether a series that never had a sample was made in one of the last commits of its source.
    private func isNew(_ column: UnsafeMutablePointer<Column>) -> Bool {
        guard unsafe column.pointee.sealedCount == 0, let source = unsafe sources[Int(column.pointee.source)] else {
            return false
        }
        return unsafe source.time.nextRow &- column.pointee.tailFirstRow < Self.commitsSpared
    }

    private static let commitsSpared: UInt32 = 64

    private mutating func condemn(_ slot: UInt32, _ column: UnsafeMutablePointer<Column>) {
        guard unsafe !column.pointee.flags.contains(.condemned) else { return }
        guard let source = unsafe sources[Int(column.pointee.source)] else { return }
        unsafe column.pointee.flags.insert(.condemned)
        if source.isRetired { abandoned.append(slot) } else { source.condemned.append(unsafe column.pointee.lane) }
    }

    /// Sets how old samples may be, from the newest of all. While memory is short a part of what is held goes, oldest
    /// first: a sixteenth, and twice as much with each pass that was not enough, at the end all but the open tails.
    mutating func adjustCutoff(_ configuration: StoreConfiguration, isShort: Bool, pass: Int) {
        guard newest != .min else { return }
        let byAge = (Timestamp(milliseconds: newest) - configuration.retention).milliseconds
        if isShort {
            let oldest = max(byAge, max(pressureCutoff, oldestTime ?? byAge))
            let part = max(1, newest.saturatingSubtract(oldest) / (16 >> Int64(min(4, pass))))
            pressureCutoff = oldest.saturatingAdd(part)
        }
        cutoff = max(byAge, pressureCutoff)
    }

    var oldestTime: Int64? {
        var oldest: Int64?
        for source in sources { if let time = source?.time.oldest { oldest = min(oldest ?? time, time) } }
        return oldest
    }
}

// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The samples: sources, columns and the side road. Lives behind one lock that is never held longer than a slice of
/// work takes (some 500 series written, or one page read).
struct SampleState {
    var context = ColumnContext()
    var sources: [Source?] = []
    var freeSources: [UInt32] = []
    /// Where the rows of the next user of a number begin, so that old readers see nothing of it.
    var firstRows: [UInt32] = []
    var sourceNumbers: [String: UInt32] = [:]
    /// The rows of each source that readers may see: those below.
    var committed: [UInt32] = []
    var sides: [UInt32: SideColumn] = [:]
    let directory: SlotDirectory
    /// Where the search for old samples goes on.
    var hand: UInt32 = 0
    /// Samples before it may go, for age, or sooner because memory is short.
    var cutoff = Int64.min
    var pressureCutoff = Int64.min
    var newest = Int64.min
    /// Until this number of commits making room is not tried again, because it was no use.
    var patienceUntil = 0
    /// Series without an owner that hold nothing any more.
    var abandoned: [UInt32] = []
    var statistics = StoreStatistics()

    init(directory: SlotDirectory) { self.directory = directory }

    mutating func makeSource(_ name: String) -> Source {
        let source: Source
        if let number = freeSources.popLast() {
            source = Source(number: number, name: name, firstRow: firstRows[Int(number)])
            sources[Int(number)] = source
            committed[Int(number)] = firstRows[Int(number)]
        } else {
            source = Source(number: UInt32(sources.count), name: name, firstRow: 0)
            sources.append(source)
            committed.append(0)
            firstRows.append(0)
        }
        sourceNumbers[name] = source.number
        context.bytes += Source.overhead
        return source
    }

    /// Lets go of a source whose writer and series are gone.
    mutating func removeIfUnused(_ source: Source) {
        guard source.isRetired, source.columns == 0, sources[Int(source.number)] === source else { return }
        sources[Int(source.number)] = nil
        firstRows[Int(source.number)] = source.time.nextRow
        freeSources.append(source.number)
        if sourceNumbers[source.name] == source.number { sourceNumbers[source.name] = nil }
        context.bytes -= Source.overhead + source.lanes.count * Source.bytesPerLane
    }

    // MARK: Writing

    enum RowDecision {
        case row(UInt32, isSetBack: Bool)
        case refused(newest: Int64)
    }

    /// How many refusals in a row say that the clock was set back, if by less than `Timestamp.setBack`.
    static let setBackCommits = 3

    /// The row of a commit. One that is not later than the newest is refused, unless the clock was set back: then what
    /// lies in the future of the new time is dropped and writing goes on.
    mutating func beginRow(_ source: Source, at timestamp: Int64, isReplay: Bool) -> RowDecision {
        var isSetBack = false
        if let newest = source.time.newest, timestamp <= newest {
            source.lateCommits += 1
            let distance = newest.saturatingSubtract(timestamp)
            guard isReplay || distance >= Timestamp.setBackMilliseconds || source.lateCommits >= Self.setBackCommits
            else {
                statistics.commitsOutOfOrder += 1
                return .refused(newest: newest)
            }
            setBack(source, to: timestamp)
            isSetBack = true
        }
        source.lateCommits = 0
        guard source.time.nextRow < .max - 1 else { return .refused(newest: source.time.newest ?? 0) }
        newest = isSetBack ? timestamp : max(newest, timestamp)
        let before = source.time.byteCount
        let row = source.time.append(timestamp)
        context.bytes += source.time.byteCount - before
        return .row(row, isSetBack: isSetBack)
    }

    private mutating func setBack(_ source: Source, to moment: Int64) {
        statistics.clockSetBack += 1
        guard let row = source.time.cut(from: moment) else { return }
        for lane in source.lanes {
            switch lane {
            case .free: continue
            case .foreign(let slot): sides[slot]?.cut(from: moment, &context)
            case .own(let column):
                unsafe column.pointee.cut(fromRow: row, &context)
                sides[unsafe column.pointee.slot]?.cut(from: moment, &context)
            }
        }
        // Old limits would hide nothing and keep nothing; retention starts from the new time.
        pressureCutoff = .min
        cutoff = .min
    }

    /// Adds a sample to the side road; counts it in the summary.
    mutating func appendAside(
        _ value: SampleValue,
        at timestamp: Int64,
        slot: UInt32,
        isMarker: Bool = false,
        _ summary: inout CommitSummary
    ) {
        guard let column = unsafe directory[slot] else {
            summary.unknownSeries += 1
            return
        }
        let newest = unsafe max(newestTime(of: column) ?? .min, sides[slot]?.newest ?? .min)
        if timestamp <= newest {
            guard !isMarker else { return }
            if timestamp == newest { summary.duplicates += 1 } else { summary.outOfOrder += 1 }
            return
        }
        if sides[slot] == nil {
            sides[slot] = SideColumn()
            context.bytes += SideColumn.overhead
        }
        sides[slot]?.append(value, at: timestamp, &context)
        if isMarker { summary.staleMarkers += 1 } else { summary.stored += 1 }
    }

    private func newestTime(of column: UnsafeMutablePointer<Column>) -> Int64? {
        var next = unsafe Optional(column)
        while let column = unsafe next {
            if let row = unsafe column.pointee.newest(atOrBefore: .max)?.row,
                let time = unsafe sources[Int(column.pointee.source)]?.time.timestamp(row)
            {
                return time
            }
            unsafe next = unsafe column.pointee.older
        }
        return nil
    }

    // MARK: Memory

    /// Frees a column that leaves the directory, and the older ones behind it.
    mutating func free(_ column: UnsafeMutablePointer<Column>) {
        var next = unsafe Optional(column)
        while let column = unsafe next {
            unsafe next = unsafe column.pointee.older
            unsafe column.pointee.releaseAll(&context)
            if let source = unsafe sources[Int(column.pointee.source)] {
                source.columns -= 1
                removeIfUnused(source)
            }
            let byteCount = unsafe MemoryLayout<Column>.stride + Int(column.pointee.labelCount) * 4
            unsafe column.deinitialize(count: 1)
            unsafe Memory.free(column, byteCount: byteCount, account: &context.bytes)
        }
    }

    mutating func removeSide(_ slot: UInt32) {
        guard var side = sides.removeValue(forKey: slot) else { return }
        side.removeAll(&context)
        context.bytes -= SideColumn.overhead
    }
}

// SPDX-License-Identifier: Apache-2.0

internal import CLinux

extension SampleState {
    private func limit(_ source: UInt32, _ limits: [UInt32]) -> UInt32 {
        Int(source) < limits.count ? limits[Int(source)] : 0
    }

    /// The newest row of a column's source that is committed, in the reader's view, and not after a moment.
    private func row(_ column: UnsafeMutablePointer<Column>, atOrBefore moment: Int64, _ limits: [UInt32]) -> UInt32? {
        guard let source = unsafe sources[Int(column.pointee.source)] else { return nil }
        let limit = unsafe limit(column.pointee.source, limits)
        guard limit > 0, let row = source.time.row(atOrBefore: moment) else { return nil }
        return min(row, limit - 1)
    }

    private func time(_ column: UnsafeMutablePointer<Column>, _ row: UInt32) -> Int64? {
        unsafe sources[Int(column.pointee.source)]?.time.timestamp(row)
    }

    func hasSamples(_ slot: UInt32, from start: Int64, through end: Int64) -> Bool {
        guard let head = unsafe directory[slot] else { return false }
        if let side = sides[slot], let newest = side.newest, let oldest = side.oldest, newest >= start, oldest <= end {
            return true
        }
        var next = unsafe Optional(head)
        while let column = unsafe next {
            unsafe next = unsafe column.pointee.older
            if unsafe column.pointee.isEmpty { continue }
            if start == .min, end == .max { return true }
            guard let source = unsafe sources[Int(column.pointee.source)] else { continue }
            let newestRow = unsafe column.pointee.lastRow
            guard let newest = source.time.timestamp(newestRow), newest >= start else { continue }
            let oldestRow = unsafe column.pointee.firstRow(ofPart: 0)
            // The oldest rows' times may be gone already; then they are old enough.
            if let oldest = source.time.timestamp(oldestRow), oldest > end { continue }
            return true
        }
        return false
    }

    func latest(_ slot: UInt32, at moment: Int64, _ limits: [UInt32]) -> (timestamp: Int64, value: SampleValue)? {
        var next = unsafe directory[slot]
        var best: (timestamp: Int64, value: SampleValue)?
        while let column = unsafe next {
            if let row = unsafe row(column, atOrBefore: moment, limits),
                let found = unsafe column.pointee.newest(atOrBefore: row),
                let timestamp = unsafe time(column, found.row)
            {
                best = (timestamp, .float(found.value))
                break
            }
            unsafe next = unsafe column.pointee.older
        }
        if !sides.isEmpty, let side = sides[slot]?.latest(atOrBefore: moment), side.timestamp > best?.timestamp ?? .min
        {
            best = side
        }
        return best
    }

    /// How far a reading of one series has come.
    struct Cursor {
        let slot: UInt32
        let after: Int64
        let through: Int64
        /// The next row, and the source it is of; nil before the first part.
        var row: UInt32?
        var source: UInt32?
        var hasSide = false

        init(slot: UInt32, after: Int64, through: Int64) {
            self.slot = slot
            self.after = after
            self.through = through
        }
    }

    /// Appends the samples of the next part that has any in the range; true when there are no more.
    func readPart(_ cursor: inout Cursor, _ limits: [UInt32], into columns: inout SampleColumns) -> Bool {
        guard let head = unsafe directory[cursor.slot] else { return true }
        if cursor.row == nil {
            cursor.hasSide = sides[cursor.slot] != nil
            cursor.source = unsafe head.pointee.source
            if unsafe head.pointee.older != nil {
                // A series that changed hands is read in one go: its columns hang together.
                unsafe readChain(head, cursor, limits, into: &columns)
                return true
            }
        }
        guard unsafe cursor.source == head.pointee.source else { return true }
        guard let last = unsafe row(head, atOrBefore: cursor.through, limits),
            let source = unsafe sources[Int(head.pointee.source)]
        else { return true }
        guard let first = cursor.row ?? source.time.row(after: cursor.after), first <= last else { return true }
        guard let next = unsafe readPart(of: head, source, from: first, through: last, into: &columns) else {
            return true
        }
        cursor.row = next
        return next > last
    }

    private func readChain(
        _ head: UnsafeMutablePointer<Column>,
        _ cursor: Cursor,
        _ limits: [UInt32],
        into columns: inout SampleColumns
    ) {
        var chain = unsafe [head]
        while let older = unsafe chain[chain.count - 1].pointee.older { unsafe chain.append(older) }
        for position in unsafe (0..<chain.count).reversed() {
            let column = unsafe chain[position]
            guard let last = unsafe row(column, atOrBefore: cursor.through, limits),
                let source = unsafe sources[Int(column.pointee.source)],
                var first = source.time.row(after: cursor.after)
            else { continue }
            while first <= last,
                let next = unsafe readPart(of: column, source, from: first, through: last, into: &columns)
            {
                first = next
            }
        }
    }

    /// Appends the values of the part that holds the first value at or after `first`; returns the row after the part,
    /// nil when there is no such part.
    private func readPart(
        of column: UnsafeMutablePointer<Column>,
        _ source: Source,
        from first: UInt32,
        through last: UInt32,
        into columns: inout SampleColumns
    ) -> UInt32? {
        var index = 0
        if let before = unsafe column.pointee.part(atOrBefore: first) {
            let end = before.firstRow + UInt32(before.count) + (before.endsStale ? 1 : 0)
            index = first < end ? before.part : before.part + 1
        }
        guard unsafe index < column.pointee.partCount, unsafe column.pointee.firstRow(ofPart: index) <= last,
            let part = unsafe column.pointee.part(atOrBefore: column.pointee.firstRow(ofPart: index))
        else { return nil }
        let end = part.firstRow + UInt32(part.count) + (part.endsStale ? 1 : 0)
        let wanted = max(first, part.firstRow)
        let capacity = Column.pageCapacity + 1
        unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: capacity) { valueRoom in
            unsafe withUnsafeTemporaryAllocation(of: Timestamp.self, capacity: capacity) { timeRoom in
                guard let values = valueRoom.baseAddress, let times = timeRoom.baseAddress else { return }
                let count = unsafe column.pointee.read(part: index, into: values)
                if part.endsStale { unsafe values[count] = StaleMarker.value }
                let timeCount = unsafe source.time.read(from: wanted, below: min(end, last + 1), into: times)
                // All rows of a part have times: what retention or a set-back clock takes, it takes from both.
                let skipped = Int(wanted - part.firstRow)
                let number = min(timeCount, count + (part.endsStale ? 1 : 0) - skipped)
                guard number > 0 else { return }
                unsafe columns.append(
                    UnsafeBufferPointer(start: times, count: number),
                    UnsafeBufferPointer(start: values + skipped, count: number)
                )
            }
        }
        return end
    }

    enum CounterResult {
        case window(CounterWindow)
        case none
        /// The series has samples beside its rows, changed hands, or fell from so high that the sum of its resets is
        /// too coarse: the samples have to be walked.
        case mixed
    }

    /// Asks for what `counterWindow` will look at in these series, stage by stage, so that the memory's latencies overlap.
    func fetch(_ handles: ArraySlice<SeriesHandle>, after start: Int64) {
        for handle in handles {
            if let column = unsafe directory[handle.reference.slot] {
                unsafe clinux_fetch(column.pointee.nextTailByte)
            }
        }
        var known: (source: UInt32, row: UInt32?)?
        for handle in handles {
            guard let column = unsafe directory[handle.reference.slot] else { continue }
            let source = unsafe column.pointee.source
            if known?.source != source { known = (source, sources[Int(source)]?.time.row(after: start)) }
            if let row = known?.row { unsafe clinux_fetch(column.pointee.pageStart(atOrBefore: row)) }
        }
    }

    func counterWindow(_ slot: UInt32, after start: Int64, through end: Int64, _ limits: [UInt32]) -> CounterResult {
        guard let column = unsafe directory[slot] else { return .none }
        if unsafe column.pointee.older != nil || sides[slot] != nil { return .mixed }
        guard let lastRow = unsafe row(column, atOrBefore: end, limits),
            let source = unsafe sources[Int(column.pointee.source)], let firstRow = source.time.row(after: start),
            firstRow <= lastRow, let first = unsafe column.pointee.position(atOrAfter: firstRow),
            let last = unsafe column.pointee.position(atOrBefore: lastRow), first <= last
        else { return .none }
        if unsafe column.pointee.hasNonFinite(first.page...last.page) { return .none }
        guard let firstTime = unsafe source.time.timestamp(column.pointee.row(first)),
            let lastTime = unsafe source.time.timestamp(column.pointee.row(last))
        else { return .none }
        let (firstValue, firstCorrection) = unsafe column.pointee.counter(at: first)
        let (lastValue, lastCorrection) = unsafe column.pointee.counter(at: last)
        guard ResetSum.isPrecise(lastCorrection, beside: max(firstValue.magnitude, lastValue.magnitude)) else {
            return .mixed
        }
        let count = unsafe column.pointee.ordinal(last) &- column.pointee.ordinal(first)
        return .window(
            CounterWindow(
                count: Int(count) + 1,
                firstTimestamp: Timestamp(milliseconds: firstTime),
                firstValue: firstValue,
                lastTimestamp: Timestamp(milliseconds: lastTime),
                lastValue: lastValue,
                increase: (lastValue - firstValue) + (lastCorrection - firstCorrection)
            )
        )
    }
}

// SPDX-License-Identifier: Apache-2.0

extension Column {
    /// Where a value stands: in a page, or in the tail, which counts as the page behind the last.
    struct Position: Comparable {
        var page: Int
        var offset: Int

        static func < (left: Position, right: Position) -> Bool {
            (left.page, left.offset) < (right.page, right.offset)
        }
    }

    private var tailPage: Int { Int(pages.count) }

    func header(_ page: Int) -> PageHeader {
        let (start, byteCount) = unsafe pages.payload(page)
        var reader = unsafe BitReader(start, byteCount: byteCount)
        return PageHeader(&reader)
    }

    func firstRow(ofPart part: Int) -> UInt32 { part == tailPage ? tailFirstRow : pages.entry(part).firstRow }

    /// The part that begins last at or before a row, its number of values and whether a stale marker follows them.
    func part(atOrBefore row: UInt32) -> (part: Int, firstRow: UInt32, count: Int, endsStale: Bool)? {
        if tailCount > 0, tailFirstRow <= row {
            return (tailPage, tailFirstRow, Int(tailCount), flags.contains(.endsStale))
        }
        guard let page = pages.index(atOrBefore: row) else { return nil }
        let (start, byteCount) = unsafe pages.payload(page)
        guard byteCount >= 2 else { return nil }
        let isStale = unsafe PageHeader.Flags(rawValue: start[0]).contains(.endsStale)
        return (page, pages.entry(page).firstRow, unsafe Int(start[1]) + 1, isStale)
    }

    /// The number of parts, the tail counted when it holds something.
    var partCount: Int { tailPage + (tailCount > 0 ? 1 : 0) }

    /// The row of the newest value or stale marker; only of a column that is not empty.
    var lastRow: UInt32 {
        guard let last = part(atOrBefore: .max) else { return 0 }
        return last.firstRow + UInt32(last.count) - (last.endsStale ? 0 : 1)
    }

    /// The newest value in a row at or before `row`; a stale marker counts.
    func newest(atOrBefore row: UInt32) -> (row: UInt32, value: Double)? {
        guard let found = part(atOrBefore: row) else { return nil }
        let offset = Int(row - found.firstRow)
        if offset >= found.count {
            let end = found.firstRow + UInt32(found.count)
            if found.endsStale { return (end, StaleMarker.value) }
            return (end - 1, counter(at: Position(page: found.part, offset: found.count - 1)).value)
        }
        return (row, counter(at: Position(page: found.part, offset: offset)).value)
    }

    /// The first value in a row at or after `row`.
    func position(atOrAfter row: UInt32) -> Position? {
        var part = 0
        if let before = self.part(atOrBefore: row) {
            let offset = Int(row - before.firstRow)
            if offset < before.count { return Position(page: before.part, offset: offset) }
            part = before.part + 1
        }
        return part < partCount ? Position(page: part, offset: 0) : nil
    }

    /// The last value in a row at or before `row`.
    func position(atOrBefore row: UInt32) -> Position? {
        guard let found = part(atOrBefore: row) else { return nil }
        return Position(page: found.part, offset: min(found.count - 1, Int(row - found.firstRow)))
    }

    /// How many values stood before, since the series began, wrapping.
    func ordinal(_ position: Position) -> UInt32 {
        let before = position.page == tailPage ? sealedCount : pages.entry(position.page).samplesBefore
        return before &+ UInt32(position.offset)
    }

    func row(_ position: Position) -> UInt32 { firstRow(ofPart: position.page) + UInt32(position.offset) }

    func hasNonFinite(_ range: ClosedRange<Int>) -> Bool {
        if range.upperBound == tailPage, flags.contains(.tailHasNonFinite) { return true }
        guard flags.contains(.pagesHadNonFinite) else { return false }
        return range.contains { part in
            if part == tailPage { return false }
            let (start, byteCount) = unsafe pages.payload(part)
            return unsafe byteCount > 0 && PageHeader.Flags(rawValue: start[0]).contains(.hasNonFinite)
        }
    }

    /// The value, and the sum of the values before each reset through it (which means something only where all values
    /// of the part are finite).
    func counter(at position: Position) -> (value: Double, correction: Double) {
        if position.page == tailPage { return tailCounter(at: position.offset) }
        let (start, byteCount) = unsafe pages.payload(position.page)
        var reader = unsafe BitReader(start, byteCount: byteCount)
        let header = PageHeader(&reader)
        if header.kind == .constant || position.offset == 0 { return (header.firstValue, header.correction) }
        if header.kind == .numbers, !header.flags.contains(.hasReset) {
            var sum = unsafe StepSum(header, reader, start, byteCount)
            let number = header.base &+ sum.through(position.offset)
            return (Decimal.float(of: number, scale: Int(header.scale)), header.correction)
        }
        return unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.pageCapacity) { room in
            guard let output = room.baseAddress else { return (header.firstValue, header.correction) }
            let count = unsafe PageCodec.decode(start, byteCount: byteCount, limit: position.offset + 1, into: output)
            return unsafe Self.counter(output, count: count, correction: header.correction)
        }
    }

    /// The last of `count` values, and the correction through it.
    static func counter(
        _ values: UnsafePointer<Double>,
        count: Int,
        correction: Double
    ) -> (value: Double, correction: Double) {
        var correction = correction
        for index in 1..<max(1, count) where unsafe values[index] < values[index - 1] {
            unsafe correction += values[index - 1]
        }
        return (unsafe values[max(0, count - 1)], correction)
    }

    /// Where the page begins that holds a row, if one does.
    func pageStart(atOrBefore row: UInt32) -> UnsafePointer<UInt8>? {
        if tailCount > 0, tailFirstRow <= row { return nil }
        guard let page = pages.index(atOrBefore: row) else { return nil }
        return unsafe pages.payload(page).start
    }

    /// Writes the values of one part to memory with room for a page.
    func read(part: Int, into output: UnsafeMutablePointer<Double>) -> Int {
        if part == tailPage { return unsafe readTail(limit: Self.pageCapacity, into: output) }
        let (start, byteCount) = unsafe pages.payload(part)
        return unsafe PageCodec.decode(start, byteCount: byteCount, into: output)
    }
}

extension Column {
    /// Drops pages that end before `row`; of a series that has ended, the tail too. Returns true when nothing is left.
    mutating func removeSamples(before row: UInt32, _ context: inout ColumnContext) -> Bool {
        var gone = 0
        while gone < Int(pages.count) {
            let end: UInt32
            if gone + 1 < Int(pages.count) {
                end = pages.entry(gone + 1).firstRow
            } else {
                // The stale marker's row belongs to the page.
                guard let last = part(atOrBefore: pages.entry(gone).firstRow), last.part == gone else { break }
                end = last.firstRow + UInt32(last.count) + (last.endsStale ? 1 : 0)
            }
            if end > row { break }
            gone += 1
        }
        if gone > 0 {
            let after = gone < Int(pages.count) ? pages.entry(gone).samplesBefore : sealedCount
            context.samples -= Int(after &- pages.entry(0).samplesBefore)
            pages.removeFirst(gone, account: &context.bytes)
        }
        if tailCount > 0, !flags.contains(.active), pages.isEmpty,
            tailFirstRow &+ UInt32(tailCount) &+ (flags.contains(.endsStale) ? 1 : 0) <= row
        {
            seal(&context)
            context.samples -= Int(sealedCount &- pages.entry(0).samplesBefore)
            pages.removeAll(account: &context.bytes)
            releaseTail(&context)
        }
        return isEmpty
    }

    /// Drops the values in rows at or after `row`, because the clock was set back.
    mutating func cut(fromRow row: UInt32, _ context: inout ColumnContext) {
        guard tailCount > 0 || !pages.isEmpty else { return }
        seal(&context)
        guard let newest = part(atOrBefore: .max),
            newest.firstRow + UInt32(newest.count) + (newest.endsStale ? 1 : 0) > row
        else { return }
        context.samples -= Int(sealedCount &- pages.entry(0).samplesBefore)
        let kept = row == 0 ? 0 : (pages.index(atOrBefore: row - 1) ?? -1) + 1
        var values: [Double] = []
        var reopened: (firstRow: UInt32, correction: Double, samplesBefore: UInt32)?
        if kept > 0 {
            // The newest page that stays is opened again, which also brings back the value and the correction before.
            let page = kept - 1
            let entry = pages.entry(page)
            values = unsafe [Double](unsafeUninitializedCapacity: Self.pageCapacity) { buffer, count in
                guard let start = buffer.baseAddress else { return }
                count = unsafe read(part: page, into: start)
            }
            values.removeLast(max(0, values.count - Int(row - entry.firstRow)))
            reopened = (entry.firstRow, header(page).correction, entry.samplesBefore)
            pages.keepFirst(page, account: &context.bytes)
        } else {
            pages.removeAll(account: &context.bytes)
        }
        reopen(correction: reopened?.correction ?? 0, samplesBefore: reopened?.samplesBefore ?? sealedCount)
        context.samples += pages.isEmpty ? 0 : Int(sealedCount &- pages.entry(0).samplesBefore)
        for (offset, value) in values.enumerated() {
            append(value, number(of: value), row: (reopened?.firstRow ?? 0) + UInt32(offset), &context)
        }
    }
}

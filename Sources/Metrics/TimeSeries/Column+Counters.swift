// SPDX-License-Identifier: Apache-2.0

/// The rows of a span in which a series has values: all but the gaps, which ascend and do not touch.
struct RowLayout: Sendable {
    /// From the first value through the last.
    let values: Range<UInt32>
    /// Between the first and the last value.
    let gaps: [Range<UInt32>]
    /// The whole span, which has no value outside of `values`.
    let rows: Range<UInt32>

    init(rows: Range<UInt32>, gaps: [Range<UInt32>]) {
        self.rows = rows
        var gaps = gaps[...]
        var values = rows
        if let first = gaps.first, first.lowerBound == rows.lowerBound {
            values = first.upperBound..<rows.upperBound
            gaps = gaps.dropFirst()
        }
        if let last = gaps.last, last.upperBound == rows.upperBound {
            values = values.lowerBound..<last.lowerBound
            gaps = gaps.dropLast()
        }
        self.values = values
        self.gaps = Array(gaps)
    }
}

extension Column {
    /// The rows of a span that have no value; nil where none has one, and where a gap between values or behind them
    /// does not begin with a stale marker.
    func gaps(in rows: Range<UInt32>) -> [Range<UInt32>]? {
        guard let first = position(atOrAfter: rows.lowerBound), row(first) < rows.upperBound,
            let last = position(atOrBefore: rows.upperBound - 1)
        else { return nil }
        var gaps: [Range<UInt32>] = []
        if row(first) > rows.lowerBound { gaps.append(rows.lowerBound..<row(first)) }
        for part in first.page..<last.page {
            guard let end = end(ofPage: part) else { return nil }
            let next = firstRow(ofPart: part + 1)
            guard end.row < next else { continue }
            guard end.isStale else { return nil }
            gaps.append(end.row..<next)
        }
        let end = row(last) + 1
        if end < rows.upperBound {
            guard part(atOrBefore: end).map({ $0.endsStale && $0.firstRow + UInt32($0.count) == end }) ?? false else {
                return nil
            }
            gaps.append(end..<rows.upperBound)
        }
        return gaps
    }

    /// The row after the last value of a sealed page, and whether a stale marker stands in it.
    private func end(ofPage page: Int) -> (row: UInt32, isStale: Bool)? {
        let (start, byteCount) = unsafe pages.payload(page)
        guard byteCount >= 2 else { return nil }
        let isStale = unsafe PageHeader.Flags(rawValue: start[0]).contains(.endsStale)
        return (pages.entry(page).firstRow + UInt32(unsafe start[1]) + 1, isStale)
    }

    /// True when the values within the layout's span are just where it says, with a stale marker first in each gap.
    private func follows(_ layout: RowLayout, from first: Position, through last: Position) -> Bool {
        guard row(first) == layout.values.lowerBound, row(last) == layout.values.upperBound - 1 else { return false }
        if layout.values.upperBound < layout.rows.upperBound, part(atOrBefore: row(last))?.endsStale != true {
            return false
        }
        if layout.gaps.isEmpty { return ordinal(last) &- ordinal(first) == row(last) &- row(first) }
        var next = 0
        for part in first.page..<last.page {
            guard let end = end(ofPage: part) else { return false }
            let start = firstRow(ofPart: part + 1)
            guard end.row < start else { continue }
            guard next < layout.gaps.count, layout.gaps[next] == end.row..<start, end.isStale else { return false }
            next += 1
        }
        return next == layout.gaps.count
    }

    /// Writes the values in some rows, and for each the sum of the values before the resets through it.
    ///
    /// The rows ascend and are among those that have values by the layout. False where the column's values are laid out
    /// otherwise, one is not finite or a sum is too coarse; then nothing of what was written means anything.
    func counters(
        inRows rows: UnsafeBufferPointer<UInt32>,
        _ layout: RowLayout,
        values: UnsafeMutablePointer<Double>,
        corrections: UnsafeMutablePointer<Double>
    ) -> Bool {
        guard let first = position(atOrAfter: layout.rows.lowerBound),
            let last = position(atOrBefore: layout.rows.upperBound - 1), first <= last,
            follows(layout, from: first, through: last), !hasNonFinite(first.page...last.page)
        else { return false }
        var next = 0
        for part in first.page...last.page {
            let partRow = firstRow(ofPart: part)
            let end = part < last.page ? firstRow(ofPart: part + 1) : UInt32.max
            var stop = next
            while stop < rows.count, unsafe rows[stop] < end { stop += 1 }
            guard next < stop else { continue }
            let wanted = unsafe UnsafeBufferPointer(rebasing: rows[next..<stop])
            unsafe counters(ofPart: part, partRow, wanted, values: values + next, corrections: corrections + next)
            next = stop
        }
        guard let sum = unsafe rows.isEmpty ? nil : corrections[rows.count - 1] else { return true }
        return ResetSum.isPrecise(sum, beside: 0)
            || rows.indices.allSatisfy { ResetSum.isPrecise(sum, beside: unsafe values[$0]) }
    }

    private func counters(
        ofPart part: Int,
        _ partRow: UInt32,
        _ rows: UnsafeBufferPointer<UInt32>,
        values: UnsafeMutablePointer<Double>,
        corrections: UnsafeMutablePointer<Double>
    ) {
        guard part < Int(pages.count) else {
            unsafe pick(rows, partRow, flags.contains(.tailHasReset), tailCorrection, values, corrections) {
                unsafe readTail(limit: $0, into: $1)
            }
            return
        }
        let (start, byteCount) = unsafe pages.payload(part)
        var reader = unsafe BitReader(start, byteCount: byteCount)
        let header = PageHeader(&reader)
        if header.kind == .constant {
            let value = header.firstValue
            for index in 0..<rows.count {
                unsafe values[index] = value
                unsafe corrections[index] = header.correction
            }
            return
        }
        if header.kind == .numbers, !header.flags.contains(.hasReset) {
            var sum = unsafe StepSum(header, reader, start, byteCount)
            let scale = Int(header.scale)
            for index in 0..<rows.count {
                let number = unsafe header.base &+ sum.through(Int(rows[index] - partRow))
                unsafe values[index] = Decimal.float(of: number, scale: scale)
                unsafe corrections[index] = header.correction
            }
            return
        }
        unsafe pick(rows, partRow, header.flags.contains(.hasReset), header.correction, values, corrections) {
            unsafe PageCodec.decode(start, byteCount: byteCount, limit: $0, into: $1)
        }
    }

    /// Takes the values in some rows out of all of a part, and sums up the resets on the way.
    private func pick(
        _ rows: UnsafeBufferPointer<UInt32>,
        _ partRow: UInt32,
        _ hasReset: Bool,
        _ correction: Double,
        _ values: UnsafeMutablePointer<Double>,
        _ corrections: UnsafeMutablePointer<Double>,
        decode: (_ limit: Int, _ output: UnsafeMutablePointer<Double>) -> Int
    ) {
        guard let lastRow = unsafe rows.last else { return }
        unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.pageCapacity) { room in
            guard let all = room.baseAddress else { return }
            let count = unsafe decode(min(Self.pageCapacity, Int(lastRow - partRow) + 1), all)
            var correction = correction
            var offset = 0
            for index in 0..<rows.count {
                let wanted = unsafe min(Int(rows[index] - partRow), count - 1)
                while hasReset, offset < wanted {
                    offset += 1
                    if unsafe all[offset] < all[offset - 1] { unsafe correction += all[offset - 1] }
                }
                unsafe values[index] = all[wanted]
                unsafe corrections[index] = correction
            }
        }
    }
}

/// The sum of a page's steps up to ever later ones.
@safe
struct StepSum {
    private let start: UnsafePointer<UInt8>
    private let byteCount: Int
    private let widths: Int
    private let smallest: Int64
    /// The steps summed up so far, and where the next one begins.
    private var index = 0
    private var bit: Int
    private var sum: Int64 = 0

    /// The reader stands behind the header.
    init(_ header: PageHeader, _ reader: BitReader, _ start: UnsafePointer<UInt8>, _ byteCount: Int) {
        unsafe self.start = unsafe start
        self.byteCount = byteCount
        widths = reader.bit >> 3
        smallest = header.smallestStep
        bit = (widths + (header.count + PageHeader.groupSize - 2) / PageHeader.groupSize) * 8
    }

    /// The sum of the first `count` steps; not fewer than the time before.
    @inline(__always)
    mutating func through(_ count: Int) -> Int64 {
        while index < count {
            let group = index / PageHeader.groupSize
            let end = min(count, (group + 1) * PageHeader.groupSize)
            guard widths + group < byteCount else { return sum }
            let width = Int(unsafe start[widths + group])
            guard width <= 64, (bit + width * (end - index) + 7) >> 3 <= byteCount else { return sum }
            add(end - index, ofWidth: width)
            index = end
        }
        return sum
    }

    @inline(__always)
    private mutating func add(_ count: Int, ofWidth width: Int) {
        sum &+= smallest &* Int64(count)
        guard width > 0 else { return }
        var packed: UInt64 = 0
        if width <= 28 {
            // Several to a load: 57 bits at least are good behind the shift to the first.
            let mask = (UInt64(1) << UInt64(width)) &- 1
            let perLoad = Self.perLoad[width]
            var left = count
            while left > 0 {
                var word = unsafe UInt64(
                    littleEndian: UnsafeRawPointer(start + (bit >> 3)).loadUnaligned(as: UInt64.self)
                )
                word >>= UInt64(bit & 7)
                let number = min(left, Int(perLoad))
                for _ in 0..<number {
                    packed &+= word & mask
                    word >>= UInt64(width)
                }
                bit += number * width
                left -= number
            }
        } else {
            var wide = unsafe BitReader(start, byteCount: byteCount)
            wide.skip(bit)
            for _ in 0..<count { packed &+= wide.read(width) }
            bit += width * count
        }
        sum &+= Int64(bitPattern: packed)
    }

    private static let perLoad: InlineArray<29, UInt8> = InlineArray { UInt8(57 / max(1, $0)) }
}

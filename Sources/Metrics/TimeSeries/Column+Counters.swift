// SPDX-License-Identifier: Apache-2.0

extension Column {
    /// Writes the values in some rows, and for each the sum of the values before the resets through it.
    ///
    /// The rows ascend. False where one has no value, or where between the first and the last of them there is a row
    /// without a finite value; then nothing of what was written means anything.
    func counters(
        inRows rows: UnsafeBufferPointer<UInt32>,
        values: UnsafeMutablePointer<Double>,
        corrections: UnsafeMutablePointer<Double>
    ) -> Bool {
        guard let from = unsafe rows.first, let through = unsafe rows.last, let first = position(atOrAfter: from),
            let last = position(atOrBefore: through), row(first) == from, row(last) == through,
            ordinal(last) &- ordinal(first) == through &- from, !hasNonFinite(first.page...last.page)
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
        return true
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
private struct StepSum {
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

// SPDX-License-Identifier: Apache-2.0

/// What the first bytes of a page say.
struct PageHeader {
    enum Kind: UInt8 {
        case constant = 0
        /// Whole numbers of 10^-scale: a first one, a smallest step, and what each step exceeds it by, bit-packed in
        /// groups with a width each.
        case numbers = 1
        /// Floats by the bits in which each differs from the one before.
        case floats = 2
    }

    struct Flags: OptionSet {
        let rawValue: UInt8

        static let endsStale = Flags(rawValue: 1 << 2)
        static let hasNonFinite = Flags(rawValue: 1 << 3)
        static let hasReset = Flags(rawValue: 1 << 4)
        static let hasCorrection = Flags(rawValue: 1 << 5)
    }

    /// Steps of one width.
    static let groupSize = 64
    static let rawScale: UInt8 = 255

    var kind: Kind
    var flags: Flags
    var count: Int
    /// The sum of the values before each reset, from the series' beginning up to this page's first value.
    var correction: Double = 0
    /// 10^-scale, or `rawScale` where `base` is the bits of a float.
    var scale: UInt8 = 0
    var base: Int64 = 0
    var smallestStep: Int64 = 0

    init(kind: Kind, flags: Flags, count: Int) {
        self.kind = kind
        self.flags = flags
        self.count = count
    }

    /// Reads the header and leaves the reader at the first byte behind it.
    init(_ reader: inout BitReader) {
        let first = reader.readByte()
        kind = Kind(rawValue: first & 3) ?? .constant
        flags = Flags(rawValue: first & ~3)
        count = Int(reader.readByte()) + 1
        if flags.contains(.hasCorrection) { correction = Double(bitPattern: reader.readFixed()) }
        switch kind {
        case .constant, .numbers:
            scale = reader.readByte()
            base = scale == Self.rawScale ? Int64(bitPattern: reader.readFixed()) : reader.readSigned()
            if kind == .numbers { smallestStep = reader.readSigned() }
        case .floats:
            scale = Self.rawScale
            base = Int64(bitPattern: reader.readFixed())
        }
    }

    func write(to writer: inout BitWriter) {
        writer.write(byte: kind.rawValue | flags.rawValue)
        writer.write(byte: UInt8(truncatingIfNeeded: count - 1))
        if flags.contains(.hasCorrection) { writer.write(fixed: correction.bitPattern) }
        if kind != .floats { writer.write(byte: scale) }
        if scale == Self.rawScale { writer.write(fixed: UInt64(bitPattern: base)) } else { writer.write(signed: base) }
        if kind == .numbers { writer.write(signed: smallestStep) }
    }

    var firstValue: Double {
        scale == Self.rawScale
            ? Double(bitPattern: UInt64(bitPattern: base)) : Decimal.float(of: base, scale: Int(scale))
    }
}

/// Compresses up to 256 values of one series and gives them back.
enum PageCodec {
    /// Writes whole numbers; `steps[0]` is unused.
    static func encode(_ header: PageHeader, steps: [Int64], into writer: inout BitWriter) {
        var header = header
        var smallest = Int64.max, largest = Int64.min
        for index in 1..<max(1, header.count) {
            smallest = min(smallest, steps[index])
            largest = max(largest, steps[index])
        }
        if header.count == 1 || (smallest == 0 && largest == 0) {
            header.kind = .constant
            header.write(to: &writer)
            return
        }
        header.kind = .numbers
        header.smallestStep = smallest
        header.write(to: &writer)
        for group in stride(from: 1, to: header.count, by: PageHeader.groupSize) {
            var bits: UInt64 = 0
            for index in group..<min(header.count, group + PageHeader.groupSize) {
                bits |= UInt64(bitPattern: steps[index] &- smallest)
            }
            writer.write(byte: UInt8(64 - bits.leadingZeroBitCount))
        }
        for group in stride(from: 1, to: header.count, by: PageHeader.groupSize) {
            let range = group..<min(header.count, group + PageHeader.groupSize)
            var bits: UInt64 = 0
            for index in range { bits |= UInt64(bitPattern: steps[index] &- smallest) }
            let width = 64 - bits.leadingZeroBitCount
            for index in range { writer.write(UInt64(bitPattern: steps[index] &- smallest), count: width) }
        }
        writer.align()
    }

    /// Writes floats by their bits.
    static func encode(_ header: PageHeader, floats: [UInt64], into writer: inout BitWriter) {
        var header = header
        header.scale = PageHeader.rawScale
        header.base = Int64(bitPattern: floats[0])
        header.kind = floats[0..<header.count].allSatisfy { $0 == floats[0] } ? .constant : .floats
        header.write(to: &writer)
        guard header.kind == .floats else { return }
        var leading = 64, trailing = 0
        for index in 1..<header.count {
            let difference = floats[index] ^ floats[index - 1]
            guard difference != 0 else {
                writer.write(0, count: 1)
                continue
            }
            let ownLeading = min(31, difference.leadingZeroBitCount), ownTrailing = difference.trailingZeroBitCount
            if ownLeading >= leading, ownTrailing >= trailing, leading + trailing <= ownLeading + ownTrailing + 11 {
                writer.write(0b01, count: 2)
            } else {
                leading = ownLeading
                trailing = ownTrailing
                writer.write(0b11, count: 2)
                writer.write(UInt64(leading), count: 5)
                writer.write(UInt64(trailing), count: 6)
            }
            writer.write(difference >> UInt64(trailing), count: 64 - leading - trailing)
        }
        writer.align()
    }

    /// Writes the first `limit` values of a page to `output`, which has room for them; returns their number.
    static func decode(
        _ start: UnsafePointer<UInt8>,
        byteCount: Int,
        limit: Int = 256,
        into output: UnsafeMutablePointer<Double>
    ) -> Int {
        var reader = unsafe BitReader(start, byteCount: byteCount)
        let header = PageHeader(&reader)
        let count = min(header.count, limit)
        guard count > 0 else { return 0 }
        switch header.kind {
        case .constant:
            let value = header.firstValue
            for index in 0..<count { unsafe output[index] = value }
        case .numbers:
            var number = header.base
            unsafe output[0] = header.firstValue
            let scale = Int(header.scale)
            unsafe forEachStep(header, &reader, start, byteCount, limit: count) { index, step in
                number = number &+ step
                unsafe output[index] = Decimal.float(of: number, scale: scale)
            }
        case .floats:
            var bits = UInt64(bitPattern: header.base)
            var leading = 0, trailing = 0
            unsafe output[0] = Double(bitPattern: bits)
            for index in 1..<max(1, count) {
                if reader.read(1) == 1 {
                    if reader.read(1) == 1 {
                        leading = Int(reader.read(5))
                        trailing = Int(reader.read(6))
                    }
                    bits ^= reader.read(max(0, 64 - leading - trailing)) << UInt64(trailing)
                }
                unsafe output[index] = Double(bitPattern: bits)
            }
        }
        return count
    }

    /// Hands out the steps 1, 2, … below `limit` of a page of numbers whose header has been read.
    @inline(__always)
    static func forEachStep(
        _ header: PageHeader,
        _ reader: inout BitReader,
        _ start: UnsafePointer<UInt8>,
        _ byteCount: Int,
        limit: Int,
        _ body: (_ index: Int, _ step: Int64) -> Void
    ) {
        let groups = (max(0, header.count - 1) + PageHeader.groupSize - 1) / PageHeader.groupSize
        let widths = reader.bit >> 3
        guard widths + groups <= byteCount else { return }
        let smallest = header.smallestStep
        var bit = (widths + groups) * 8
        var index = 1
        for group in 0..<groups {
            let width = Int(unsafe start[widths + group])
            let end = min(limit, header.count, index + PageHeader.groupSize)
            guard width <= 64, (bit + width * max(0, end - index) + 7) >> 3 <= byteCount else { return }
            if width == 0 {
                while index < end {
                    body(index, smallest)
                    index += 1
                }
            } else if width <= 56 {
                // Eight bytes may be read past the last payload: the directory lies there.
                let mask = (UInt64(1) << UInt64(width)) &- 1
                while index < end {
                    let word = unsafe UInt64(
                        littleEndian: UnsafeRawPointer(start + (bit >> 3)).loadUnaligned(as: UInt64.self)
                    )
                    let packed = (word >> UInt64(bit & 7)) & mask
                    body(index, smallest &+ Int64(bitPattern: packed))
                    bit += width
                    index += 1
                }
            } else {
                var wide = unsafe BitReader(start, byteCount: byteCount)
                wide.skip(bit)
                while index < end {
                    body(index, smallest &+ Int64(bitPattern: wide.read(width)))
                    bit += width
                    index += 1
                }
            }
            if index >= limit { return }
        }
    }
}

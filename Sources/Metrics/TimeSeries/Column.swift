// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What the writing of columns shares: the account of memory and room to compress in.
struct ColumnContext {
    /// Bytes taken from the allocator for samples and series.
    var bytes = 0
    /// Samples held, stale markers not counted.
    var samples = 0
    var writer = BitWriter()
    var steps = [Int64](repeating: 0, count: Column.pageCapacity)
    var floats = [UInt64](repeating: 0, count: Column.pageCapacity)
}

/// The samples of one series from one source: sealed pages, then an open tail of at most 256 values.
///
/// Rows are those of the source's `TimeColumn`; a page and the tail each hold consecutive rows. The tail keeps whole
/// numbers as steps of 1, 2, 4 or 8 bytes (none at all while nothing changes), anything else as the bits of the floats.
/// The struct is followed in memory by the series' label pairs.
@safe
struct Column {
    static let pageCapacity = 256
    /// The largest tail: a full page of steps of two bytes, a quarter of one of floats.
    static let tailBytes = 512

    struct Flags: OptionSet {
        var rawValue: UInt8

        /// In the newest commit of its source.
        static let active = Flags(rawValue: 1)
        /// A stale marker stands in the row after the tail's last value.
        static let endsStale = Flags(rawValue: 2)
        /// The tail holds bits of floats.
        static let rawTail = Flags(rawValue: 4)
        static let tailHasNonFinite = Flags(rawValue: 8)
        static let tailHasReset = Flags(rawValue: 16)
        /// The source has been told to let go of the series when it is not active.
        static let condemned = Flags(rawValue: 32)
        /// One of the pages has, or had, a value that is not finite: only then they have to be asked.
        static let pagesHadNonFinite = Flags(rawValue: 64)
    }

    // What each append touches stands first, together.
    private var tail: UnsafeMutableRawPointer?
    /// The newest value that is no stale marker; NaN before the first.
    private(set) var last = Double.nan
    /// The newest value as a whole number.
    private(set) var lastNumber: Int64 = 0
    private(set) var tailFirstRow: UInt32 = 0
    private(set) var tailCount: UInt16 = 0
    /// Bytes of the tail's memory.
    private var tailCapacity: UInt16 = 0
    /// Samples sealed since the beginning, wrapping.
    private(set) var sealedCount: UInt32 = 0
    private(set) var tailWidth: UInt8 = 0
    private(set) var tailScale: UInt8 = 0
    var flags: Flags = []
    let slot: UInt32
    let source: UInt32
    var lane: UInt32
    let labelCount: UInt16
    /// The sum of the values before each reset, through the newest value, and through the first one of the tail.
    private(set) var correction = 0.0
    private(set) var tailCorrection = 0.0
    /// The first value of the tail as a whole number.
    private var base: Int64 = 0
    var pages = PageArea()
    /// The same series as an earlier source wrote it.
    var older: UnsafeMutablePointer<Column>?

    /// - Parameter row: the source's next one.
    init(slot: UInt32, source: UInt32, lane: UInt32, labelCount: UInt16, row: UInt32) {
        tailFirstRow = row
        unsafe tail = nil
        unsafe older = nil
        self.slot = slot
        self.source = source
        self.lane = lane
        self.labelCount = labelCount
    }

    /// Where the next append will write, behind the newest value; nil when it has nothing to write there.
    @inline(__always)
    var nextTailByte: UnsafeMutableRawPointer? {
        guard let tail = unsafe tail, tailWidth > 0 else { return nil }
        return unsafe tail + Int(tailCount) * Int(tailWidth)
    }

    /// What each append touches, in bytes from the beginning.
    static let hotBytes = 44

    var isEmpty: Bool { tailCount == 0 && pages.isEmpty }

    /// The row of the stale marker behind the tail, if there is one.
    var staleRow: UInt32? { flags.contains(.endsStale) ? tailFirstRow &+ UInt32(tailCount) : nil }

    /// Series made together would all seal in the same commit; a first page of its own length spreads them.
    private var tailLimit: Int { sealedCount == 0 ? 128 + Int((slot &* 2_654_435_761) >> 25) : Self.pageCapacity }

    /// A value as the tail would hold it, a whole number as `lastNumber` is; nil when it holds it otherwise, or holds nothing.
    @inline(__always)
    func number(of value: Double) -> Int64? {
        guard tailCount > 0, !flags.contains(.rawTail) else { return nil }
        if value.bitPattern == last.bitPattern { return lastNumber }
        return Decimal.whole(of: value, scale: Int(tailScale))
    }

    /// - Parameter number: what `number(of:)` says of the value.
    mutating func append(_ value: Double, _ number: Int64?, row: UInt32, _ context: inout ColumnContext) {
        if repeatLast(value, row: row) {
            context.samples += 1
            return
        }
        if tailCount > 0 {
            let follows = row == tailFirstRow &+ UInt32(tailCount) && !flags.contains(.endsStale)
            if !follows || Int(tailCount) >= tailLimit { seal(&context) }
        }
        if value < last, last.isFinite {
            // Only finite values are summed up, so that the difference of two sums always means something.
            correction += last
            if tailCount > 0 { flags.insert(.tailHasReset) }
        }
        context.samples += 1
        if tailCount == 0 {
            begin(value, row: row)
        } else if let number {
            let step = number &- lastNumber
            if store(step: step, &context) { lastNumber = number } else { restart(value, row: row, &context) }
        } else if !appendOdd(value, &context) {
            restart(value, row: row, &context)
        }
        if !value.isFinite { flags.insert(.tailHasNonFinite) }
        tailCount += 1
        last = value
    }

    /// The commonest case of all: the newest value once more, in the next row of a tail that has room for it.
    @inline(__always)
    private mutating func repeatLast(_ value: Double, row: UInt32) -> Bool {
        let count = Int(tailCount), width = Int(tailWidth)
        guard value.bitPattern == last.bitPattern, count > 0, row == tailFirstRow &+ UInt32(tailCount),
            flags.isDisjoint(with: [.endsStale, .rawTail]), count < tailLimit, (count + 1) * width <= Int(tailCapacity)
        else { return false }
        put(0, at: count)
        tailCount += 1
        return true
    }

    /// True when no marker follows the newest value.
    var isOpen: Bool { tailCount > 0 && !flags.contains(.endsStale) }

    /// Ends the series in `row`, unless it has ended.
    mutating func end(row: UInt32, _ context: inout ColumnContext) {
        flags.remove(.active)
        guard !flags.contains(.endsStale) else { return }
        if tailCount == 0 || row != tailFirstRow &+ UInt32(tailCount) {
            // The marker belongs behind a value; without one in the row before there is nothing it could follow.
            return
        }
        flags.insert(.endsStale)
    }

    private mutating func begin(_ value: Double, row: UInt32) {
        tailFirstRow = row
        tailCorrection = correction
        flags.remove([.rawTail, .tailHasNonFinite, .tailHasReset, .endsStale])
        if let number = Decimal.whole(of: value, scale: Int(tailScale)) {
            base = number
            lastNumber = number
        } else if let (scale, number) = Decimal.scale(holding: value, from: 0) {
            tailScale = UInt8(scale)
            base = number
            lastNumber = number
        } else {
            flags.insert(.rawTail)
            base = Int64(bitPattern: value.bitPattern)
        }
        tailWidth = 0
    }

    /// The tail has no room for a value of this kind: it becomes a page.
    private mutating func restart(_ value: Double, row: UInt32, _ context: inout ColumnContext) {
        seal(&context)
        begin(value, row: row)
    }

    /// False when the tail would become too large.
    @inline(__always)
    private mutating func store(step: Int64, _ context: inout ColumnContext) -> Bool {
        let width: UInt8
        if Int64(Int8(truncatingIfNeeded: step)) == step {
            width = 1
        } else if Int64(Int16(truncatingIfNeeded: step)) == step {
            width = 2
        } else {
            width = Int64(Int32(truncatingIfNeeded: step)) == step ? 4 : 8
        }
        if width > tailWidth || (Int(tailCount) + 1) * Int(tailWidth) > Int(tailCapacity) {
            let widest = max(width, tailWidth)
            if (Int(tailCount) + 1) * Int(widest) > Self.tailBytes { return false }
            makeRoom(width: widest, &context)
        }
        put(step, at: Int(tailCount))
        return true
    }

    @inline(__always)
    private func put(_ step: Int64, at index: Int) {
        guard let tail = unsafe tail else { return }
        switch tailWidth {
        case 1: unsafe tail.storeBytes(of: Int8(truncatingIfNeeded: step), toByteOffset: index, as: Int8.self)
        case 2: unsafe tail.storeBytes(of: Int16(truncatingIfNeeded: step), toByteOffset: index * 2, as: Int16.self)
        case 4: unsafe tail.storeBytes(of: Int32(truncatingIfNeeded: step), toByteOffset: index * 4, as: Int32.self)
        case 8: unsafe tail.storeBytes(of: step, toByteOffset: index * 8, as: Int64.self)
        default: break
        }
    }

    @inline(__always)
    private func step(_ index: Int) -> Int64 {
        guard let tail = unsafe tail else { return 0 }
        return switch tailWidth {
        case 1: Int64(unsafe tail.load(fromByteOffset: index, as: Int8.self))
        case 2: Int64(unsafe tail.load(fromByteOffset: index * 2, as: Int16.self))
        case 4: Int64(unsafe tail.load(fromByteOffset: index * 4, as: Int32.self))
        case 8: unsafe tail.load(fromByteOffset: index * 8, as: Int64.self)
        default: 0
        }
    }

    /// Gives the tail room for one more element of `width` bytes, carrying over those that are there.
    private mutating func makeRoom(width: UInt8, _ context: inout ColumnContext) {
        let needed = (Int(tailCount) + 1) * Int(width)
        let room = Int(tailCapacity)
        var kept: [Int64] = []
        if width != tailWidth { kept = (0..<Int(tailCount)).map(step) }
        if needed > room {
            let wanted = min(Self.tailBytes, max(needed, 24, room + max(16, (room / 2) & ~15)))
            let fresh = unsafe Memory.allocate(wanted, account: &context.bytes)
            if let old = unsafe tail {
                unsafe memcpy(fresh, old, room)
                unsafe Memory.free(old, byteCount: room, account: &context.bytes)
            }
            unsafe tail = fresh
            tailCapacity = UInt16(wanted)
        }
        guard width != tailWidth else { return }
        tailWidth = width
        for (index, step) in kept.enumerated() { put(step, at: index) }
    }

    /// A value that the tail's scale does not hold: a finer scale for the whole tail, or the bits of the floats. False,
    /// with nothing stored, when the tail would become too large.
    private mutating func appendOdd(_ value: Double, _ context: inout ColumnContext) -> Bool {
        if !flags.contains(.rawTail) {
            let next = min(Int(tailScale) + 1, Decimal.maximumScale)
            if let (scale, number) = Decimal.scale(holding: value, from: next), rescale(to: scale, &context) {
                guard store(step: number &- lastNumber, &context) else { return false }
                lastNumber = number
                return true
            }
        }
        guard (Int(tailCount) + 1) * 8 <= Self.tailBytes else { return false }
        if !flags.contains(.rawTail) {
            let values = tailValues(limit: Int(tailCount))
            flags.insert(.rawTail)
            base = Int64(bitPattern: values[0].bitPattern)
            makeRoom(width: 8, &context)
            for (index, known) in values.enumerated() { put(Int64(bitPattern: known.bitPattern), at: index) }
        } else if tailWidth == 0 {
            makeRoom(width: 8, &context)
            put(base, at: 0)
        } else if (Int(tailCount) + 1) * 8 > Int(tailCapacity) {
            makeRoom(width: 8, &context)
        }
        put(Int64(bitPattern: value.bitPattern), at: Int(tailCount))
        return true
    }

    /// Multiplies the tail's numbers; false, with nothing changed, when one would grow too large.
    private mutating func rescale(to scale: Int, _ context: inout ColumnContext) -> Bool {
        let factor = Int64(Decimal.power(scale - Int(tailScale)))
        var number = base
        let limit = Int64(Decimal.bound) / factor
        for index in 0..<Int(tailCount) {
            if index > 0 { number &+= step(index) }
            if number >= limit || number <= -limit { return false }
        }
        let steps = (0..<Int(tailCount)).map { $0 == 0 ? 0 : step($0) * factor }
        let largest = steps.reduce(Int64(0)) { max($0, $1.magnitude > UInt64(Int64.max) ? Int64.max : abs($1)) }
        let width: UInt8 = largest == 0 ? 0 : largest < 128 ? 1 : largest < 32_768 ? 2 : largest < 1 << 31 ? 4 : 8
        let widest = max(width, tailWidth)
        if Int(tailCount) * Int(widest) > Self.tailBytes { return false }
        base *= factor
        lastNumber *= factor
        tailScale = UInt8(scale)
        if widest > tailWidth { makeRoom(width: widest, &context) }
        for (index, step) in steps.enumerated() { put(step, at: index) }
        return true
    }

    /// Compresses the tail into a page. What comes after starts a new tail in the same memory.
    mutating func seal(_ context: inout ColumnContext) {
        guard tailCount > 0 else { return }
        let count = Int(tailCount)
        var flags: PageHeader.Flags = []
        if self.flags.contains(.endsStale) { flags.insert(.endsStale) }
        if self.flags.contains(.tailHasNonFinite) {
            flags.insert(.hasNonFinite)
            self.flags.insert(.pagesHadNonFinite)
        }
        if self.flags.contains(.tailHasReset) { flags.insert(.hasReset) }
        if tailCorrection != 0 { flags.insert(.hasCorrection) }
        var header = PageHeader(kind: .constant, flags: flags, count: count)
        header.correction = tailCorrection
        context.writer.removeAll()
        if self.flags.contains(.rawTail) {
            context.floats[0] = UInt64(bitPattern: base)
            for index in 1..<max(1, count) {
                context.floats[index] = tailWidth == 0 ? context.floats[0] : UInt64(bitPattern: step(index))
            }
            PageCodec.encode(header, floats: context.floats, into: &context.writer)
        } else {
            header.scale = tailScale
            header.base = base
            for index in 0..<count { context.steps[index] = step(index) }
            PageCodec.encode(header, steps: context.steps, into: &context.writer)
        }
        pages.append(
            context.writer.bytes,
            firstRow: tailFirstRow,
            samplesBefore: sealedCount,
            account: &context.bytes
        )
        sealedCount &+= UInt32(count)
        tailCount = 0
        self.flags.remove([.endsStale, .rawTail, .tailHasReset, .tailHasNonFinite])
        tailCorrection = correction
        // A coarser scale may do for what comes; it is found again from the next value.
        tailScale = 0
    }

    /// Gives the tail's memory back; only after `seal`.
    mutating func releaseTail(_ context: inout ColumnContext) {
        guard tailCount == 0, let memory = unsafe tail else { return }
        unsafe Memory.free(memory, byteCount: Int(tailCapacity), account: &context.bytes)
        unsafe tail = nil
        tailCapacity = 0
        tailWidth = 0
    }

    /// Sets the state back to just before the first value of a page that is being filled again.
    mutating func reopen(correction: Double, samplesBefore: UInt32) {
        last = .nan
        self.correction = correction
        tailCorrection = correction
        sealedCount = samplesBefore
    }

    /// Gives everything back; the column must not be used afterwards.
    mutating func releaseAll(_ context: inout ColumnContext) {
        context.samples -= Int(tailCount)
        context.samples -= pages.isEmpty ? 0 : Int(sealedCount &- pages.entry(0).samplesBefore)
        tailCount = 0
        releaseTail(&context)
        pages.removeAll(account: &context.bytes)
    }

    /// Writes the first `limit` values of the tail to memory that has room for them.
    func readTail(limit: Int, into output: UnsafeMutablePointer<Double>) -> Int {
        let count = min(limit, Int(tailCount))
        guard count > 0 else { return 0 }
        if flags.contains(.rawTail) {
            for index in 0..<count {
                let bits = tailWidth == 0 ? base : step(index)
                unsafe output[index] = Double(bitPattern: UInt64(bitPattern: bits))
            }
            return count
        }
        unsafe output[0] = Decimal.float(of: base, scale: Int(tailScale))
        guard let tail = unsafe tail, tailWidth > 0 else {
            for index in 1..<max(1, count) { unsafe output[index] = output[0] }
            return count
        }
        switch tailWidth {
        case 1: unsafe accumulate(tail.assumingMemoryBound(to: Int8.self), count, into: output)
        case 2: unsafe accumulate(tail.assumingMemoryBound(to: Int16.self), count, into: output)
        case 4: unsafe accumulate(tail.assumingMemoryBound(to: Int32.self), count, into: output)
        default: unsafe accumulate(tail.assumingMemoryBound(to: Int64.self), count, into: output)
        }
        return count
    }

    @inline(__always)
    private func accumulate<Step: FixedWidthInteger>(
        _ steps: UnsafePointer<Step>,
        _ count: Int,
        into output: UnsafeMutablePointer<Double>
    ) {
        var number = base
        let scale = Int(tailScale)
        for index in 1..<max(1, count) {
            number &+= unsafe Int64(truncatingIfNeeded: steps[index])
            unsafe output[index] = Decimal.float(of: number, scale: scale)
        }
    }

    /// The sum of the steps in a range of the tail.
    private func sum(_ range: Range<Int>) -> Int64 {
        guard let tail = unsafe tail else { return 0 }
        switch tailWidth {
        case 0: return 0
        case 1: return unsafe Self.sum(tail.assumingMemoryBound(to: Int8.self), range)
        case 2: return unsafe Self.sum(tail.assumingMemoryBound(to: Int16.self), range)
        case 4: return unsafe Self.sum(tail.assumingMemoryBound(to: Int32.self), range)
        default: return unsafe Self.sum(tail.assumingMemoryBound(to: Int64.self), range)
        }
    }

    @inline(__always)
    private static func sum<Step: FixedWidthInteger>(_ steps: UnsafePointer<Step>, _ range: Range<Int>) -> Int64 {
        var sum: Int64 = 0
        for index in range { sum &+= unsafe Int64(truncatingIfNeeded: steps[index]) }
        return sum
    }

    private func tailValues(limit: Int) -> [Double] {
        unsafe [Double](unsafeUninitializedCapacity: Self.pageCapacity) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            count = unsafe readTail(limit: limit, into: start)
        }
    }

    /// A value of the tail, and the sum of the values before each reset through it; only for finite whole numbers and
    /// floats without non-finite ones.
    func tailCounter(at index: Int) -> (value: Double, correction: Double) {
        if index == Int(tailCount) - 1 { return (last, correction) }
        if flags.contains(.rawTail) || flags.contains(.tailHasReset) {
            return unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.pageCapacity) { buffer in
                guard let start = buffer.baseAddress else { return (last, correction) }
                let count = unsafe readTail(limit: index + 1, into: start)
                return unsafe Self.counter(start, count: count, correction: tailCorrection)
            }
        }
        // From the end that is nearer.
        let count = Int(tailCount)
        let number = index < count / 2 ? base &+ sum(1..<(index + 1)) : lastNumber &- sum((index + 1)..<count)
        return (Decimal.float(of: number, scale: Int(tailScale)), tailCorrection)
    }
}

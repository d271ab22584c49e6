// SPDX-License-Identifier: Apache-2.0

/// The bytes of one commit in the log.
///
///     kind 1, source number, flags, [source name], timestamp,
///     [pairs, series as lane and pairs], number of lanes, codes, [side samples]
///
/// Codes are nibbles, one or more for each lane in order: 0…9 an increase over the lane's last value, 10 as many lanes
/// with the step of the lane before as a number says, 11 as many absent lanes, 12 any other whole step, 13 a scale and a
/// whole number, 14 the bits of a float, 15 an increase of 10…25. Steps are of whole numbers of 10^-scale; a step of 0
/// leaves any value as it was. The buckets of a histogram grow alike, which is what 10 is for. A segment of the log knows
/// nothing of the segments before it: the first value of a lane in a segment is never a step.
struct CommitRecordWriter {
    enum Code {
        static let repeated: UInt8 = 10
        static let absent: UInt8 = 11
        static let step: UInt8 = 12
        static let number: UInt8 = 13
        static let float: UInt8 = 14
        static let largerIncrease: UInt8 = 15
    }

    static let commitKind: UInt8 = 1
    static let retireKind: UInt8 = 2

    private(set) var nibbles: [UInt8] = []
    /// Nibbles that are not among the bytes yet, the first one lowest.
    private var word: UInt64 = 0
    private var heldBits: UInt64 = 0
    private var repeatedRun = 0
    private var lastStep: Int64 = 0
    private var absentRun = 0

    mutating func begin() {
        nibbles.removeAll(keepingCapacity: true)
        word = 0
        heldBits = 0
        repeatedRun = 0
        absentRun = 0
        lastStep = 0
    }

    @inline(__always)
    private mutating func put(_ nibble: UInt8) {
        word |= UInt64(nibble) << heldBits
        heldBits &+= 4
        if heldBits == 64 { drain() }
    }

    private mutating func drain() {
        unsafe withUnsafeBytes(of: word.littleEndian) { bytes in
            unsafe nibbles.append(contentsOf: bytes.prefix(Int(heldBits + 7) / 8))
        }
        word = 0
        heldBits = 0
    }

    /// Three bits a nibble, the fourth says that more follow.
    private mutating func put(number: UInt64) {
        var rest = number
        while rest >= 8 {
            put(UInt8(truncatingIfNeeded: rest & 7) | 8)
            rest >>= 3
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func put(step: Int64) {
        if step >= 0, step < 10 {
            put(UInt8(truncatingIfNeeded: step))
        } else if step >= 10, step < 26 {
            put(Code.largerIncrease)
            put(UInt8(truncatingIfNeeded: step - 10))
        } else {
            put(Code.step)
            put(number: step.zigzag)
        }
    }

    private mutating func flush() {
        if repeatedRun == 1 {
            put(step: lastStep)
        } else if repeatedRun > 1 {
            put(Code.repeated)
            put(number: UInt64(repeatedRun - 2))
        }
        repeatedRun = 0
        if absentRun > 0 {
            put(Code.absent)
            put(number: UInt64(absentRun - 1))
        }
        absentRun = 0
    }

    mutating func absent() {
        if repeatedRun > 0 { flush() }
        absentRun += 1
    }

    /// A value of a lane whose last value in this segment is `previous`, nil for the first.
    ///
    /// - Parameter step: from one to the other by that scale, where the caller knows it.
    @inline(__always)
    mutating func value(_ value: Double, after previous: Double?, step: Int64?, scale: inout UInt8) {
        if let previous, let step = step ?? Self.step(from: previous, to: value, scale: scale) {
            if absentRun > 0 { flush() }
            if step == lastStep {
                repeatedRun += 1
            } else {
                if repeatedRun > 0 { flush() }
                lastStep = step
                put(step: step)
            }
            return
        }
        flush()
        if let (found, number) = Decimal.scale(holding: value, from: 0) {
            scale = UInt8(found)
            put(Code.number)
            put(scale)
            put(number: number.zigzag)
        } else {
            put(Code.float)
            for shift in stride(from: UInt64(0), to: 64, by: 4) {
                put(UInt8(truncatingIfNeeded: value.bitPattern >> shift & 15))
            }
        }
    }

    @inline(__always)
    private static func step(from previous: Double, to value: Double, scale: UInt8) -> Int64? {
        if value.bitPattern == previous.bitPattern { return 0 }
        guard let new = Decimal.whole(of: value, scale: Int(scale)),
            let old = Decimal.whole(of: previous, scale: Int(scale))
        else { return nil }
        return new &- old
    }

    mutating func end() {
        flush()
        drain()
    }
}

/// Gives the codes back.
struct CommitRecordReader {
    /// What a lane's code means for its value.
    enum Outcome {
        case absent(Int)
        /// The step of the lane before, as often as this.
        case repeated(Int)
        case step(Int64)
        case number(Int64, scale: UInt8)
        case float(Double)
    }

    private let bytes: ArraySlice<UInt8>
    private var position: Int
    private(set) var isBroken = false

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex * 2
    }

    @inline(__always)
    private mutating func take() -> UInt8 {
        let index = position >> 1
        guard index < bytes.endIndex else {
            isBroken = true
            return 0
        }
        defer { position += 1 }
        return position & 1 == 0 ? bytes[index] & 15 : bytes[index] >> 4
    }

    private mutating func takeNumber() -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64 {
            let nibble = take()
            value |= UInt64(nibble & 7) << shift
            if nibble < 8 { return value }
            shift += 3
        }
        isBroken = true
        return 0
    }

    private mutating func takeCount(_ least: Int) -> Int {
        let value = takeNumber()
        guard value < 1 << 32 else {
            isBroken = true
            return least
        }
        return Int(value) + least
    }

    @inline(__always)
    mutating func next() -> Outcome {
        let code = take()
        switch code {
        case 0...9: return .step(Int64(code))
        case CommitRecordWriter.Code.repeated: return .repeated(takeCount(2))
        case CommitRecordWriter.Code.absent: return .absent(takeCount(1))
        case CommitRecordWriter.Code.step: return .step(Int64(zigzag: takeNumber()))
        case CommitRecordWriter.Code.number:
            let scale = take()
            if Int(scale) > Decimal.maximumScale { isBroken = true }
            return .number(Int64(zigzag: takeNumber()), scale: scale)
        case CommitRecordWriter.Code.float:
            var bits: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 4) { bits |= UInt64(take()) << shift }
            return .float(Double(bitPattern: bits))
        default: return .step(Int64(take()) + 10)
        }
    }
}

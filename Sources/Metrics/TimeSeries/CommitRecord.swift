// SPDX-License-Identifier: Apache-2.0

/// The bytes of one commit in the log.
///
///     kind 1, source number, flags, [source name], timestamp,
///     [pairs, series as lane and pairs], number of lanes, codes, [side samples]
///
/// Codes are nibbles, one or more for each lane in order: 0…9 an increase over the lane's last value, 10 as many
/// unchanged lanes as a number says, 11 as many absent lanes, 12 any other whole step, 13 a scale and a whole number,
/// 14 the bits of a float, 15 an increase of 10…25. Steps are of whole numbers of 10^-scale. A segment of the log knows nothing of the segments
/// before it: the first value of a lane in a segment is never a step.
struct CommitRecordWriter {
    enum Code {
        static let unchanged: UInt8 = 10
        static let absent: UInt8 = 11
        static let step: UInt8 = 12
        static let number: UInt8 = 13
        static let float: UInt8 = 14
        static let largerIncrease: UInt8 = 15
    }

    static let commitKind: UInt8 = 1
    static let retireKind: UInt8 = 2

    private(set) var nibbles: [UInt8] = []
    private var half: UInt8 = 0
    private var hasHalf = false
    private var unchangedRun = 0
    private var absentRun = 0

    mutating func begin() {
        nibbles.removeAll(keepingCapacity: true)
        hasHalf = false
        unchangedRun = 0
        absentRun = 0
    }

    @inline(__always)
    private mutating func put(_ nibble: UInt8) {
        if hasHalf {
            nibbles.append(half | nibble << 4)
            hasHalf = false
        } else {
            half = nibble
            hasHalf = true
        }
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

    private mutating func flush() {
        if unchangedRun == 1 {
            put(0)
        } else if unchangedRun > 1 {
            put(Code.unchanged)
            put(number: UInt64(unchangedRun - 2))
        }
        unchangedRun = 0
        if absentRun > 0 {
            put(Code.absent)
            put(number: UInt64(absentRun - 1))
        }
        absentRun = 0
    }

    mutating func absent() {
        if unchangedRun > 0 { flush() }
        absentRun += 1
    }

    /// A value of a lane whose last value in this segment is `previous`, nil for the first.
    @inline(__always)
    mutating func value(_ value: Double, after previous: Double?, scale: inout UInt8) {
        if let previous {
            if value.bitPattern == previous.bitPattern {
                if absentRun > 0 { flush() }
                unchangedRun += 1
                return
            }
            if scale <= Decimal.maximumScale, let new = Decimal.whole(of: value, scale: Int(scale)),
                let old = Decimal.whole(of: previous, scale: Int(scale))
            {
                if unchangedRun + absentRun > 0 { flush() }
                let step = new &- old
                if step > 0, step < 10 {
                    put(UInt8(truncatingIfNeeded: step))
                } else if step >= 10, step < 26 {
                    put(Code.largerIncrease)
                    put(UInt8(truncatingIfNeeded: step - 10))
                } else {
                    put(Code.step)
                    put(number: step.zigzag)
                }
                return
            }
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

    mutating func end() {
        flush()
        if hasHalf { put(0) }
    }
}

/// Gives the codes back.
struct CommitRecordReader {
    /// What a lane's code means for its value.
    enum Outcome {
        case absent(Int)
        case unchanged(Int)
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
        case 0: return .unchanged(1)
        case 1...9: return .step(Int64(code))
        case CommitRecordWriter.Code.unchanged: return .unchanged(takeCount(2))
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

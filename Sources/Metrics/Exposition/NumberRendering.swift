// SPDX-License-Identifier: Apache-2.0

/// Numbers as Go's `strconv` prints them: shortest digits, `%e` below 1e-4 and from 1e6 on, `NaN`, `+Inf`, `-Inf`.
///
/// The functions write into memory with room for `longestNumber` bytes and return one past the last byte.
enum NumberRendering {
    /// Longest output: `-2.2250738585072014e-308` is 24 bytes, a 64-bit integer 20; `.0` may follow.
    static let longestNumber = 32

    private static let pairs: StaticString = """
        00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555\
        65758596061626364656667686970717273747576777879808182838485868788899091929394959697989900
        """

    static func digitCount(_ value: UInt64) -> Int {
        if value < 10 { return 1 }
        if value < 100 { return 2 }
        if value < 1000 { return 3 }
        if value < 10_000 { return 4 }
        if value < 100_000_000 {
            if value < 1_000_000 { return value < 100_000 ? 5 : 6 }
            return value < 10_000_000 ? 7 : 8
        }
        var count = 8
        var rest = value / 100_000_000
        while rest != 0 {
            rest /= 10
            count &+= 1
        }
        return count
    }

    static func write(_ value: UInt64, to start: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        if value < 10 {
            unsafe start.pointee = 0x30 &+ UInt8(truncatingIfNeeded: value)
            return unsafe start + 1
        }
        let count = digitCount(value)
        unsafe writeDigits(value, count: count, to: start)
        return unsafe start + count
    }

    static func write(_ value: Int64, to start: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        guard value < 0 else { return unsafe write(UInt64(value), to: start) }
        unsafe start.pointee = UInt8(ascii: "-")
        return unsafe write(value.magnitude, to: start + 1)
    }

    /// Writes exactly `count` digits, with leading zeros where the number is shorter.
    @inline(__always)
    private static func writeDigits(_ value: UInt64, count: Int, to start: UnsafeMutablePointer<UInt8>) {
        let table = unsafe pairs.utf8Start
        var rest = value
        var position = count
        while position >= 2 {
            let pair = Int(truncatingIfNeeded: rest % 100) &* 2
            rest /= 100
            position &-= 2
            unsafe start[position] = table[pair]
            unsafe start[position + 1] = table[pair + 1]
        }
        if position == 1 { unsafe start.pointee = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10) }
    }

    /// - Parameter canonical: OpenMetrics' form for `le` and `quantile`: `.0` after a number without `.` and `e`.
    static func write(
        _ value: Double,
        canonical: Bool = false,
        to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        var output = unsafe start
        guard value.isFinite else {
            let text: StaticString = value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf"
            unsafe output.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
            return unsafe output + text.utf8CodeUnitCount
        }
        if value.sign == .minus {
            unsafe output.pointee = UInt8(ascii: "-")
            unsafe output += 1
        }
        let magnitude = value.magnitude
        if magnitude < 1_000_000 {
            let whole = UInt64(magnitude)
            if Double(whole) == magnitude {
                unsafe output = write(whole, to: output)
                if canonical { unsafe output = writePointZero(to: output) }
                return unsafe output
            }
        }
        let decimal = ShortestDecimal(magnitude)
        return unsafe write(decimal, to: output)
    }

    private static func writePointZero(to start: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        unsafe start[0] = UInt8(ascii: ".")
        unsafe start[1] = UInt8(ascii: "0")
        return unsafe start + 2
    }

    /// Never a whole number below 1e6, so the result has a point or an exponent.
    private static func write(
        _ decimal: ShortestDecimal,
        to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        var significand = decimal.significand
        var power = decimal.exponent
        while significand % 10 == 0, significand != 0 {
            significand /= 10
            power &+= 1
        }
        let count = digitCount(significand)
        let exponent = count &+ power &- 1
        if exponent < -4 || exponent >= 6 {
            return unsafe writeScientific(significand, count: count, exponent: exponent, to: start)
        }
        if exponent < 0 {
            let zeros = -exponent &+ 1
            for index in 0..<zeros { unsafe start[index] = UInt8(ascii: "0") }
            unsafe start[1] = UInt8(ascii: ".")
            unsafe writeDigits(significand, count: count, to: start + zeros)
            return unsafe start + zeros + count
        }
        let whole = exponent &+ 1
        if count <= whole {
            unsafe writeDigits(significand, count: count, to: start)
            for index in count..<whole { unsafe start[index] = UInt8(ascii: "0") }
            return unsafe start + whole
        }
        unsafe writeDigits(significand, count: count, to: start + 1)
        unsafe start.update(from: start + 1, count: whole)
        unsafe start[whole] = UInt8(ascii: ".")
        return unsafe start + count + 1
    }

    private static func writeScientific(
        _ significand: UInt64,
        count: Int,
        exponent: Int,
        to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        var output = unsafe start
        unsafe writeDigits(significand, count: count, to: output + 1)
        unsafe output[0] = output[1]
        if count > 1 {
            unsafe output[1] = UInt8(ascii: ".")
            unsafe output += count + 1
        } else {
            unsafe output += 1
        }
        unsafe output[0] = UInt8(ascii: "e")
        unsafe output[1] = exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+")
        let magnitude = UInt64(exponent.magnitude)
        if magnitude < 10 {
            unsafe output[2] = UInt8(ascii: "0")
            return unsafe write(magnitude, to: output + 3)
        }
        return unsafe write(magnitude, to: output + 2)
    }

    /// Milliseconds as seconds, exactly: `1725184800.123`, `-0.5`, `12`.
    static func writeSeconds(
        milliseconds: Int64,
        to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        var output = unsafe start
        if milliseconds < 0 {
            unsafe output.pointee = UInt8(ascii: "-")
            unsafe output += 1
        }
        let magnitude = milliseconds.magnitude
        unsafe output = write(magnitude / 1000, to: output)
        var fraction = magnitude % 1000
        guard fraction != 0 else { return unsafe output }
        var digits = 3
        while fraction % 10 == 0 {
            fraction /= 10
            digits &-= 1
        }
        unsafe output.pointee = UInt8(ascii: ".")
        unsafe writeDigits(fraction, count: digits, to: output + 1)
        return unsafe output + 1 + digits
    }
}

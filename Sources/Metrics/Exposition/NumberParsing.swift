// SPDX-License-Identifier: Apache-2.0

/// Reads numbers as Go's `strconv.ParseFloat` does, without hexadecimal and underscores: correctly rounded, `inf` and
/// `nan` in any case, a range error for what is too large.
///
/// Short decimals are exact products (Clinger), the rest takes one or two 64-bit products with a 128-bit power of ten
/// (Eisel and Lemire); only undecided roundings and more than 19 digits go to the standard library.
enum NumberParsing {
    /// Longest number that is looked at; one with more digits than this says nothing more.
    static let longestNumber = 4096

    /// Reads the number at `start`; `end` is where the bytes end, and a number may stop before.
    /// - Returns: the value and where it stopped, or nil when there is no number or it is out of range. The caller checks
    ///   that what follows is a delimiter.
    @inline(__always)
    static func double(
        _ start: UnsafePointer<UInt8>,
        _ end: UnsafePointer<UInt8>
    ) -> (value: Double, next: UnsafePointer<UInt8>)? {
        var next = unsafe start
        var isNegative = false
        if unsafe next < end && (next.pointee == UInt8(ascii: "-") || next.pointee == UInt8(ascii: "+")) {
            isNegative = unsafe next.pointee == UInt8(ascii: "-")
            unsafe next += 1
        }
        let firstDigit = unsafe next
        var digits: UInt64 = 0
        while unsafe next < end {
            let digit = unsafe next.pointee &- 0x30
            guard digit < 10 else { break }
            digits = digits &* 10 &+ UInt64(digit)
            unsafe next += 1
        }
        let wholeDigits = unsafe next - firstDigit
        if wholeDigits > 0, wholeDigits <= 15, unsafe next == end || next.pointee <= 0x20 {
            let value = Double(Int64(truncatingIfNeeded: digits))
            return unsafe (isNegative ? -value : value, next)
        }
        return unsafe rest(start, end, next, digits, wholeDigits, isNegative)
    }

    /// Everything that is not a short whole number.
    private static func rest(
        _ start: UnsafePointer<UInt8>,
        _ end: UnsafePointer<UInt8>,
        _ afterWhole: UnsafePointer<UInt8>,
        _ whole: UInt64,
        _ wholeDigits: Int,
        _ isNegative: Bool
    ) -> (value: Double, next: UnsafePointer<UInt8>)? {
        var next = unsafe afterWhole
        var digits = whole
        var digitCount = wholeDigits
        var exponent = 0
        if unsafe next < end && next.pointee == UInt8(ascii: ".") {
            unsafe next += 1
            let fraction = unsafe next
            while unsafe next < end {
                let digit = unsafe next.pointee &- 0x30
                guard digit < 10 else { break }
                digits = digits &* 10 &+ UInt64(digit)
                unsafe next += 1
            }
            let fractionDigits = unsafe next - fraction
            digitCount &+= fractionDigits
            exponent = -fractionDigits
        }
        guard digitCount > 0 else { return unsafe special(start, end) }
        if unsafe next < end && next.pointee | 0x20 == UInt8(ascii: "e") {
            unsafe next += 1
            var isNegativeExponent = false
            if unsafe next < end && (next.pointee == UInt8(ascii: "-") || next.pointee == UInt8(ascii: "+")) {
                isNegativeExponent = unsafe next.pointee == UInt8(ascii: "-")
                unsafe next += 1
            }
            let firstDigit = unsafe next
            var power = 0
            while unsafe next < end {
                let digit = unsafe next.pointee &- 0x30
                guard digit < 10 else { break }
                power = min(power &* 10 &+ Int(digit), 1_000_000)
                unsafe next += 1
            }
            guard unsafe next != firstDigit else { return nil }
            exponent &+= isNegativeExponent ? -power : power
        }
        // Leading zeros count as digits here; a number that has too many of them takes the long way, rightly.
        if digitCount <= 19, let value = value(digits, exponent) {
            guard value.isFinite else { return nil }
            return unsafe (isNegative ? -value : value, next)
        }
        return unsafe slow(start, next)
    }

    /// `digits × 10^exponent`, correctly rounded, or nil when that takes more than 128 bits to say.
    @inline(__always)
    static func value(_ digits: UInt64, _ exponent: Int) -> Double? {
        if exponent >= -22, exponent <= 22, digits <= 1 << 53 {
            let exact = Double(digits)
            return exponent < 0 ? exact / exactPower(-exponent) : exact * exactPower(exponent)
        }
        return eiselLemire(digits, exponent)
    }

    @inline(__always)
    private static func exactPower(_ exponent: Int) -> Double {
        exactPowers[exponent]
    }

    private static let exactPowers: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    private static func eiselLemire(_ digits: UInt64, _ exponent: Int) -> Double? {
        if digits == 0 || exponent < PowersOfTen.smallest { return 0 }
        if exponent > 308 { return .infinity }
        let shift = UInt64(truncatingIfNeeded: digits.leadingZeroBitCount)
        let factor = digits << shift
        let index = 2 &* (exponent &- PowersOfTen.smallest)
        var powerHigh = PowersOfTen.words[index]
        var powerLow = PowersOfTen.words[index + 1]
        if exponent < -27 || exponent > PowersOfTen.lastExact {
            if powerLow == 0 { powerHigh &-= 1 }
            powerLow &-= 1
        }
        var (high, low) = factor.multipliedFullWidth(by: powerHigh)
        if high & 0x1ff == 0x1ff {
            let more = factor.multipliedFullWidth(by: powerLow)
            let (sum, carried) = low.addingReportingOverflow(more.high)
            low = sum
            if carried { high &+= 1 }
        }
        if low == .max, exponent < -27 || exponent > 55 { return nil }
        let upperBit = high >> 63
        var mantissa = high >> (upperBit &+ 9)
        var power =
            ((217_706 &* exponent) >> 16) &+ 63 &+ Int(truncatingIfNeeded: upperBit) &- Int(truncatingIfNeeded: shift)
            &+ 1023
        if power <= 0 {
            guard power > -63 else { return 0 }
            mantissa >>= UInt64(truncatingIfNeeded: 1 &- power)
            mantissa &+= mantissa & 1
            mantissa >>= 1
            return Double(bitPattern: mantissa)
        }
        if low <= 1, exponent >= -4, exponent <= 23, mantissa & 3 == 1, mantissa << (upperBit &+ 9) == high {
            mantissa &= ~1
        }
        mantissa &+= mantissa & 1
        mantissa >>= 1
        if mantissa >= 1 << 53 {
            mantissa = 1 << 52
            power &+= 1
        }
        if power >= 0x7ff { return .infinity }
        return Double(bitPattern: UInt64(truncatingIfNeeded: power) << 52 | mantissa & ((1 << 52) &- 1))
    }

    private static func slow(
        _ start: UnsafePointer<UInt8>,
        _ next: UnsafePointer<UInt8>
    ) -> (value: Double, next: UnsafePointer<UInt8>)? {
        let length = unsafe next - start
        guard length <= longestNumber else { return nil }
        let text = unsafe String(decoding: UnsafeBufferPointer(start: start, count: length), as: UTF8.self)
        // The standard library wants a digit on both sides of the point.
        guard let value = Double(text.replacingBarePoint), value.isFinite else { return nil }
        return unsafe (value, next)
    }

    /// `inf`, `infinity` and `nan`, as Go accepts them; only infinity may carry a sign.
    private static func special(
        _ start: UnsafePointer<UInt8>,
        _ end: UnsafePointer<UInt8>
    ) -> (value: Double, next: UnsafePointer<UInt8>)? {
        func follows(_ word: StaticString, _ position: UnsafePointer<UInt8>) -> Bool {
            guard unsafe end - position >= word.utf8CodeUnitCount else { return false }
            for index in 0..<word.utf8CodeUnitCount {
                guard unsafe position[index] | 0x20 == word.utf8Start[index] else { return false }
            }
            return true
        }
        if unsafe follows("nan", start) { return unsafe (.nan, start + 3) }
        var position = unsafe start
        var isNegative = false
        if unsafe position < end && (position.pointee == UInt8(ascii: "-") || position.pointee == UInt8(ascii: "+")) {
            isNegative = unsafe position.pointee == UInt8(ascii: "-")
            unsafe position += 1
        }
        let value = isNegative ? -Double.infinity : .infinity
        if unsafe follows("infinity", position) { return unsafe (value, position + 8) }
        if unsafe follows("inf", position) { return unsafe (value, position + 3) }
        return nil
    }

    /// Reads a whole number with an optional minus sign.
    @inline(__always)
    static func integer(
        _ start: UnsafePointer<UInt8>,
        _ end: UnsafePointer<UInt8>
    ) -> (value: Int64, next: UnsafePointer<UInt8>)? {
        var next = unsafe start
        let isNegative = unsafe next < end && next.pointee == UInt8(ascii: "-")
        if isNegative { unsafe next += 1 }
        let firstDigit = unsafe next
        var value: Int64 = 0
        while unsafe next < end {
            let digit = unsafe next.pointee &- 0x30
            guard digit < 10 else { break }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.subtractingReportingOverflow(Int64(digit))
            guard !tooLarge, !overflow else { return nil }
            value = sum
            unsafe next += 1
        }
        guard unsafe next != firstDigit else { return nil }
        if isNegative { return unsafe (value, next) }
        return value == .min ? nil : unsafe (-value, next)
    }
}

extension String {
    /// `.5` as `0.5`, `5.` as `5.0`, `5.e3` as `5.0e3`.
    fileprivate var replacingBarePoint: String {
        var bytes = Array(utf8)
        guard let point = bytes.firstIndex(of: UInt8(ascii: ".")) else { return self }
        func isDigit(_ index: Int) -> Bool { bytes.indices.contains(index) && bytes[index] &- 0x30 < 10 }
        if !isDigit(point + 1) { bytes.insert(UInt8(ascii: "0"), at: point + 1) }
        if !isDigit(point - 1) { bytes.insert(UInt8(ascii: "0"), at: point) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

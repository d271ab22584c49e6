// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// Where number and duration literals end, and what they are worth.
enum NumberScanner {
    /// The end of a number that starts at `start` and is not followed by a letter; nil if there is none.
    ///
    /// A series description (`1x5`) lets an `x` follow, and so has no hexadecimal numbers.
    static func number(in input: [UInt8], from start: Int, inSeriesDescription: Bool = false) -> Int? {
        var index = start
        func peek() -> UInt8? { index < input.count ? input[index] : nil }
        var isHexadecimal = false
        if !inSeriesDescription, peek() == UInt8(ascii: "0"), index + 1 < input.count,
            input[index + 1] | 0x20 == UInt8(ascii: "x")
        {
            isHexadecimal = true
            index += 2
            if peek() == UInt8(ascii: "_") { index += 1 }
        }
        var sawDot = false
        var sawExponent = false
        var sawDigit = false
        while let byte = peek() {
            if byte.isDigit || (isHexadecimal && byte.hexDigit != nil) {
                sawDigit = true
                index += 1
            } else if byte == UInt8(ascii: ".") {
                if sawDot || isHexadecimal { return nil }
                sawDot = true
                index += 1
                if let next = peek(), next == UInt8(ascii: "_") || next == UInt8(ascii: ".") { return nil }
            } else if !isHexadecimal, byte | 0x20 == UInt8(ascii: "e") {
                if sawExponent || !sawDigit { return nil }
                sawExponent = true
                index += 1
                if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { index += 1 }
                guard let next = peek(), next.isDigit else { return nil }
            } else if byte == UInt8(ascii: "_") {
                index += 1
                guard let next = peek(), next.isDigit || (isHexadecimal && next.hexDigit != nil) else { return nil }
            } else {
                break
            }
        }
        guard sawDigit else { return nil }
        if let byte = peek(), byte.isNameByte, !(inSeriesDescription && byte == UInt8(ascii: "x")) { return nil }
        return index
    }

    /// The end of a duration (`1h30m`) that starts at `start` and is not followed by a letter; nil if there is none.
    static func duration(in input: [UInt8], from start: Int) -> Int? {
        var index = start
        var parts = 0
        while index < input.count, input[index].isDigit {
            while index < input.count, input[index].isDigit { index += 1 }
            guard index < input.count else { return nil }
            switch input[index] {
            case UInt8(ascii: "m"):
                index += 1
                if index < input.count, input[index] == UInt8(ascii: "s") { index += 1 }
            case UInt8(ascii: "s"), UInt8(ascii: "h"), UInt8(ascii: "d"), UInt8(ascii: "w"), UInt8(ascii: "y"):
                index += 1
            default: return nil
            }
            parts += 1
        }
        guard parts > 0 else { return nil }
        if index < input.count, input[index].isNameByte { return nil }
        return index
    }

    /// The value of a number literal; nil when it cannot be read.
    static func value(of text: ArraySlice<UInt8>) -> Double? {
        var digits = text.filter { $0 != UInt8(ascii: "_") }
        guard let first = digits.first else { return nil }
        var sign = 1.0
        if first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            sign = first == UInt8(ascii: "-") ? -1 : 1
            digits.removeFirst()
        }
        switch GoText.lowercased(digits[...]) {
        case "inf", "infinity": return sign * .infinity
        case "nan": return .nan
        default: break
        }
        if digits.count > 1, digits[0] == UInt8(ascii: "0") {
            if digits[1] | 0x20 == UInt8(ascii: "x") {
                var value = 0.0
                for byte in digits.dropFirst(2) {
                    guard let digit = byte.hexDigit else { return nil }
                    value = value * 16 + Double(digit)
                }
                return sign * value
            }
            if digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "7") }) {
                return sign * digits.reduce(0.0) { $0 * 8 + Double($1 - UInt8(ascii: "0")) }
            }
        }
        guard let value = Double(String(decoding: digits, as: UTF8.self)) else { return nil }
        return sign * value
    }

    /// Milliseconds of a duration literal; a message when its units are out of order or it is too long.
    static func milliseconds(of text: ArraySlice<UInt8>) -> Result<Int64, DurationProblem> {
        let shown = String(decoding: text, as: UTF8.self)
        var total: Int64 = 0
        var lastUnit = Int.max
        var index = text.startIndex
        while index < text.endIndex {
            var number: Int64 = 0
            while index < text.endIndex, text[index].isDigit {
                let (product, overflow) = number.multipliedReportingOverflow(by: 10)
                let (sum, overflowed) = product.addingReportingOverflow(Int64(text[index] - UInt8(ascii: "0")))
                if overflow || overflowed { return .failure(.outOfRange) }
                number = sum
                index += 1
            }
            guard index < text.endIndex else { return .failure(.invalid(shown)) }
            var unit = (rank: 0, factor: Int64(1))
            switch text[index] {
            case UInt8(ascii: "y"): unit = (6, 365 * 86_400_000)
            case UInt8(ascii: "w"): unit = (5, 7 * 86_400_000)
            case UInt8(ascii: "d"): unit = (4, 86_400_000)
            case UInt8(ascii: "h"): unit = (3, 3_600_000)
            case UInt8(ascii: "s"): unit = (1, 1_000)
            default:
                if index + 1 < text.endIndex, text[index + 1] == UInt8(ascii: "s") {
                    index += 1
                } else {
                    unit = (2, 60_000)
                }
            }
            index += 1
            if unit.rank >= lastUnit { return .failure(.invalid(shown)) }
            lastUnit = unit.rank
            let (product, overflow) = number.multipliedReportingOverflow(by: unit.factor)
            let (sum, overflowed) = total.addingReportingOverflow(product)
            if overflow || overflowed || sum > Self.largestMilliseconds { return .failure(.outOfRange) }
            total = sum
        }
        return .success(total)
    }

    /// What fits into 64 bits of nanoseconds, the range of a Go duration.
    static let largestMilliseconds: Int64 = Int64.max / 1_000_000
}

/// Why a duration literal was refused.
enum DurationProblem: Error {
    case invalid(String)
    case outOfRange

    var message: String {
        switch self {
        case .invalid(let text): "not a valid duration string: \(GoText.quote(Array(text.utf8)))"
        case .outOfRange: "duration out of range"
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Functions whose results differ in the last digit, or for NaN and zeros, between Go's library and C's.
enum GoMath {
    /// NaN wins, but not against the infinity that nothing is less than; and -0 is less than 0.
    static func min(_ left: Double, _ right: Double) -> Double {
        if left == -.infinity || right == -.infinity { return -.infinity }
        if left.isNaN || right.isNaN { return .nan }
        if left == 0, right == 0 { return left.sign == .minus ? left : right }
        return left < right ? left : right
    }

    static func max(_ left: Double, _ right: Double) -> Double {
        if left == .infinity || right == .infinity { return .infinity }
        if left.isNaN || right.isNaN { return .nan }
        if left == 0, right == 0 { return left.sign == .minus ? right : left }
        return left > right ? left : right
    }

    // Quotients of constants, which Go works out exactly: a division here would be off in the last digit.
    private static let inverseOfLn2 = 1.442695040888963407359924681001892137
    private static let ln2ByLn10 = 0.301029995663981195213738894724493027

    /// Exact for powers of two; otherwise by way of the natural logarithm of the fraction.
    static func log2(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return log(value) }
        let exponent = value.exponent + 1
        let fraction = value.significand / 2
        if fraction == 0.5 { return Double(exponent - 1) }
        return log(fraction) * inverseOfLn2 + Double(exponent)
    }

    static func log10(_ value: Double) -> Double { log2(value) * ln2ByLn10 }
}

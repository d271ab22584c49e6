// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Functions whose results differ in the last digit, or for NaN and zeros, between Go's library and C's.
enum GoMath {
    /// NaN wins, and -0 is less than 0.
    static func min(_ left: Double, _ right: Double) -> Double {
        if left.isNaN || right.isNaN { return .nan }
        if left == 0, right == 0 { return left.sign == .minus ? left : right }
        return left < right ? left : right
    }

    static func max(_ left: Double, _ right: Double) -> Double {
        if left.isNaN || right.isNaN { return .nan }
        if left == 0, right == 0 { return left.sign == .minus ? right : left }
        return left > right ? left : right
    }

    private static let ln2 = 0.693147180559945309417232121458176568
    private static let ln10 = 2.30258509299404568401799145468436421

    /// Exact for powers of two; otherwise by way of the natural logarithm of the fraction.
    static func log2(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return log(value) }
        let exponent = value.exponent + 1
        let fraction = value.significand / 2
        if fraction == 0.5 { return Double(exponent - 1) }
        return log(fraction) * (1 / ln2) + Double(exponent)
    }

    static func log10(_ value: Double) -> Double { log2(value) * (ln2 / ln10) }
}

// SPDX-License-Identifier: Apache-2.0

/// Floats as whole numbers of 10^-scale: what people and programs print is nearly always one, with a small scale, and
/// differences of whole numbers pack well. Only exact representations count: the float comes back bit for bit.
enum Decimal {
    static let maximumScale = 9
    /// Whole numbers below it are exact as floats, and so are quotients by a power of ten, rounded once.
    static let bound: Double = 9_007_199_254_740_992

    static func power(_ scale: Int) -> Double {
        switch scale {
        case 0: 1
        case 1: 1e1
        case 2: 1e2
        case 3: 1e3
        case 4: 1e4
        case 5: 1e5
        case 6: 1e6
        case 7: 1e7
        case 8: 1e8
        default: 1e9
        }
    }

    /// The number that `value` is a `10^-scale` multiple of, if `float(of:scale:)` gives exactly `value` back.
    @inline(__always)
    static func whole(of value: Double, scale: Int) -> Int64? {
        if scale == 0 {
            guard value > -bound, value < bound else { return nil }
            let number = Int64(value)
            return Double(number).bitPattern == value.bitPattern ? number : nil
        }
        return scaled(value, scale: scale)
    }

    private static func scaled(_ value: Double, scale: Int) -> Int64? {
        let product = (value * power(scale)).rounded(.toNearestOrEven)
        guard product > -bound, product < bound else { return nil }
        let number = Int64(product)
        return (Double(number) / power(scale)).bitPattern == value.bitPattern ? number : nil
    }

    @inline(__always)
    static func float(of number: Int64, scale: Int) -> Double {
        scale == 0 ? Double(number) : Double(number) / power(scale)
    }

    /// The smallest scale from `start` on that holds `value`.
    static func scale(holding value: Double, from start: Int) -> (scale: Int, number: Int64)? {
        guard value.isFinite else { return nil }
        for scale in start...maximumScale {
            if let number = whole(of: value, scale: scale) { return (scale, number) }
        }
        return nil
    }
}

// SPDX-License-Identifier: Apache-2.0

/// The shortest decimal that reads back as the same `Double`: `significand × 10^exponent`.
///
/// The method is Giulietti's Schubfach: three products with a 128-bit power of ten, no loop, no big numbers.
struct ShortestDecimal: Equatable {
    var significand: UInt64
    var exponent: Int

    /// - Parameter value: finite and above zero.
    init(_ value: Double) {
        let bits = value.bitPattern
        let fraction = bits & ((1 << 52) - 1)
        let biased = Int(truncatingIfNeeded: bits >> 52) & 0x7ff
        let mantissa = biased != 0 ? fraction | (1 << 52) : fraction
        let power = biased != 0 ? biased - 1075 : -1074
        if power <= 0, power > -53, mantissa & ((1 << UInt64(-power)) - 1) == 0 {
            self.significand = mantissa >> UInt64(-power)
            self.exponent = 0
            return
        }
        let isEven = mantissa & 1 == 0
        let lowerIsCloser = fraction == 0 && biased > 1
        let scale = (power &* 1_262_611 &- (lowerIsCloser ? 524_031 : 0)) >> 22
        let shift = UInt64(truncatingIfNeeded: power &+ ((-scale &* 1_741_647) >> 19) &+ 1)
        let index = 2 &* (-scale &- PowersOfTen.smallest)
        let high = PowersOfTen.words[index]
        let low = PowersOfTen.words[index + 1]
        let left = Self.roundToOdd(high, low, (4 &* mantissa &- (lowerIsCloser ? 1 : 2)) << shift)
        let middle = Self.roundToOdd(high, low, (4 &* mantissa) << shift)
        let right = Self.roundToOdd(high, low, (4 &* mantissa &+ 2) << shift)
        let lower = isEven ? left : left &+ 1
        let upper = isEven ? right : right &- 1
        let candidate = middle / 4
        if candidate >= 10 {
            let shorter = candidate / 10
            let lowFits = lower <= 40 &* shorter
            let highFits = 40 &* shorter &+ 40 <= upper
            if lowFits != highFits {
                self.significand = shorter &+ (highFits ? 1 : 0)
                self.exponent = scale &+ 1
                return
            }
        }
        let lowFits = lower <= 4 &* candidate
        let highFits = 4 &* candidate &+ 4 <= upper
        self.exponent = scale
        if lowFits != highFits {
            self.significand = candidate &+ (highFits ? 1 : 0)
        } else {
            let half = 4 &* candidate &+ 2
            let roundUp = middle > half || (middle == half && candidate & 1 != 0)
            self.significand = candidate &+ (roundUp ? 1 : 0)
        }
    }

    /// The upper half of a 192-bit product; a lost bit survives as an odd result.
    private static func roundToOdd(_ high: UInt64, _ low: UInt64, _ factor: UInt64) -> UInt64 {
        let lowerProduct = low.multipliedFullWidth(by: factor)
        let upperProduct = high.multipliedFullWidth(by: factor)
        let (middle, carried) = upperProduct.low.addingReportingOverflow(lowerProduct.high)
        let top = upperProduct.high &+ (carried ? 1 : 0)
        return top | (middle > 1 ? 1 : 0)
    }
}

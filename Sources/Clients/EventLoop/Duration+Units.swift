// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// The duration in nanoseconds, saturating.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in milliseconds, rounded up, saturating; what C interfaces with millisecond timeouts want.
    package var millisecondsRoundedUp: Int64 {
        let nanoseconds = wholeNanoseconds
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return rest > 0 ? whole + 1 : whole
    }
}

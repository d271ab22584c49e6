// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// Whole milliseconds, saturating.
    var inMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carries) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return carries ? product : sum
    }

    /// Seconds as a number.
    var inSeconds: Double { Double(inMilliseconds) / 1000 }
}

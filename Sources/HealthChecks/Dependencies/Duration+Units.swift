// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// The duration in milliseconds, at least 1, for settings that take whole milliseconds.
    var atLeastOneMillisecond: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        return overflow ? .max : max(1, scaled &+ attoseconds / 1_000_000_000_000_000)
    }

    /// The duration in seconds, as series want it.
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}

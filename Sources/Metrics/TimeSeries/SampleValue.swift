// SPDX-License-Identifier: Apache-2.0

/// What a series holds at one moment.
package enum SampleValue: Hashable, Sendable {
    case float(Double)
    case histogram(FloatHistogram)
}

/// The NaN that says "this series ended here"; told apart from other NaNs by its bits alone.
package enum StaleMarker {
    package static let bits: UInt64 = 0x7ff0_0000_0000_0002
    package static var value: Double { Double(bitPattern: bits) }

    package static func isStale(_ value: Double) -> Bool { value.bitPattern == bits }
}

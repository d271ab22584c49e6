// SPDX-License-Identifier: Apache-2.0

/// A base unit, as it stands at the end of a metric's name.
public struct MetricUnit: Sendable, Hashable, RawRepresentable, ExpressibleByStringLiteral {
    /// The suffix without underscore.
    public let rawValue: String

    /// Creates a unit.
    /// - Parameter rawValue: the suffix without underscore.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Creates a unit.
    /// - Parameter value: the suffix without underscore.
    public init(stringLiteral value: String) { self.rawValue = value }

    /// Time.
    public static let seconds: MetricUnit = "seconds"
    /// Sizes.
    public static let bytes: MetricUnit = "bytes"
    /// A part of a whole, 0 to 1.
    public static let ratio: MetricUnit = "ratio"
}

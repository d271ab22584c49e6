// SPDX-License-Identifier: Apache-2.0

/// One observation kept as an example, usually with the trace it belongs to.
public struct Exemplar: Sendable, Hashable {
    /// Usually `trace_id`. OpenMetrics allows 128 characters for all names and values together.
    public var labels: SeriesLabels
    /// What was observed.
    public var value: Double
    /// When, in milliseconds of Unix time.
    public var timestampMilliseconds: Int64?

    /// Creates an exemplar.
    /// - Parameters:
    ///   - labels: usually `trace_id`.
    ///   - value: what was observed.
    ///   - timestampMilliseconds: when, in milliseconds of Unix time.
    public init(labels: SeriesLabels, value: Double, timestampMilliseconds: Int64? = nil) {
        self.labels = labels
        self.value = value
        self.timestampMilliseconds = timestampMilliseconds
    }

    /// The limit of OpenMetrics, in characters.
    static let longestLabels = 128
}

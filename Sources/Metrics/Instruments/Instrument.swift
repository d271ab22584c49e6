// SPDX-License-Identifier: Apache-2.0

public import Exposition

/// Something that can be recorded into and written out: one series, without its labels.
///
/// Instruments are thread-safe. `Counter`, `Gauge` and `Histogram` conform; a service may add its own.
public protocol Instrument: AnyObject, Sendable {
    /// What all series of a family share, such as bucket bounds.
    associatedtype Configuration: Sendable, Equatable

    /// What the instrument measures.
    static var kind: MetricKind { get }

    /// Creates an instrument at zero.
    /// - Parameter configuration: what all series of the family share.
    init(configuration: Configuration)

    /// Changes whenever something was recorded; tells idle series from living ones.
    var activity: UInt64 { get }

    /// Writes the series' lines.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - createdMilliseconds: when the series began, nil when that must not be told.
    ///   - writer: has begun the family.
    func write(_ labels: SeriesLabels, createdMilliseconds: Int64?, to writer: inout ExpositionWriter)

    /// The series as a value.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - createdMilliseconds: when the series began.
    func metric(_ labels: SeriesLabels, createdMilliseconds: Int64?) -> Metric
}

/// For instruments that have nothing to configure.
public struct NoConfiguration: Sendable, Equatable {
    /// Creates it.
    public init() {}
}

// SPDX-License-Identifier: Apache-2.0

public import Exposition
import Synchronization

/// A number that goes up and down: queue length, connections in use, a temperature.
public final class Gauge: Instrument {
    private let bits = Atomic<UInt64>(0)

    /// A gauge.
    public static let kind = MetricKind.gauge

    /// Creates a gauge that no registry knows.
    /// - Parameter configuration: none.
    public init(configuration: NoConfiguration = NoConfiguration()) {}

    /// Replaces the value.
    /// - Parameter value: any number.
    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    /// Replaces the value.
    /// - Parameter value: any number.
    public func set(_ value: Int) {
        set(Double(value))
    }

    /// Adds.
    /// - Parameter amount: may be negative.
    public func increment(by amount: Double = 1) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let result = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if result.exchanged { return }
            old = result.original
        }
    }

    /// Subtracts.
    /// - Parameter amount: may be negative.
    public func decrement(by amount: Double = 1) {
        increment(by: -amount)
    }

    /// The value.
    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    /// Changes with the value.
    public var activity: UInt64 { bits.load(ordering: .relaxed) }

    /// Writes one line.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - createdMilliseconds: gauges have none.
    ///   - writer: has begun the family.
    public func write(_ labels: SeriesLabels, createdMilliseconds: Int64?, to writer: inout ExpositionWriter) {
        writer.write(labels, value: value)
    }

    /// The series as a value.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - createdMilliseconds: gauges have none.
    public func metric(_ labels: SeriesLabels, createdMilliseconds: Int64?) -> Metric {
        Metric(labels: labels, value: .number(value))
    }
}

// SPDX-License-Identifier: Apache-2.0

public import Exposition
import Synchronization

/// A number of things that come and go, such as requests being served: a gauge that many threads move at once.
///
/// It counts in memory of the calling thread's own, so that threads do not wait for each other. Use a `Gauge` for what
/// is set to a value.
public final class UpDownCounter: Instrument {
    private let cells = CellRange(1)

    /// A gauge.
    public static let kind = MetricKind.gauge

    /// Creates one that no registry knows.
    /// - Parameter configuration: none.
    public init(configuration: NoConfiguration = NoConfiguration()) {}

    /// Adds.
    /// - Parameter amount: may be negative.
    @inline(__always)
    public func increment(by amount: Int = 1) {
        // Two's complement: the sum over the threads is right, whichever of them counted down.
        let amount = UInt64(bitPattern: Int64(amount))
        if let cells = unsafe cells.owned {
            unsafe cells.addOwned(amount)
        } else {
            addShared(amount)
        }
    }

    /// Subtracts.
    /// - Parameter amount: may be negative.
    @inline(__always)
    public func decrement(by amount: Int = 1) {
        increment(by: 0 &- amount)
    }

    @inline(never)
    private func addShared(_ amount: UInt64) {
        guard let cells = unsafe cells.shared else { return }
        unsafe cells.pointee.wrappingAdd(amount, ordering: .relaxed)
    }

    /// The sum over all threads.
    public var value: Int { Int(Int64(bitPattern: cells.wholeTotal(0))) }

    /// Changes with the value.
    public var activity: UInt64 { cells.wholeTotal(0) }

    /// Writes one line.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - createdMilliseconds: gauges have none.
    ///   - writer: has begun the family.
    public func write(_ labels: SeriesLabels, createdMilliseconds: Int64?, to writer: inout ExpositionWriter) {
        writer.write(labels, value: Double(value))
    }

    /// The series as a value.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - createdMilliseconds: gauges have none.
    public func metric(_ labels: SeriesLabels, createdMilliseconds: Int64?) -> Metric {
        Metric(labels: labels, value: .number(Double(value)))
    }
}

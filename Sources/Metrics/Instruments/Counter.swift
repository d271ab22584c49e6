// SPDX-License-Identifier: Apache-2.0

public import Exposition
import Synchronization

/// A number that only grows: requests, bytes, failures.
///
/// Keep the handle; an increment by a whole number is then a load, an add and a store in memory of the calling thread's
/// own. A negative or non-finite amount is ignored and counted in `metrics_invalid_updates_total`.
public final class Counter: Instrument {
    private let cells = CellRange(2)
    private let exemplars = ExemplarSlots()
    private static let wholeOffset = 0
    private static let doubleOffset = 1

    /// A counter.
    public static let kind = MetricKind.counter

    /// Creates a counter that no registry knows; it works, and nobody sees it.
    /// - Parameter configuration: none.
    public init(configuration: NoConfiguration = NoConfiguration()) {}

    /// Adds one.
    @inline(__always)
    public func increment() {
        add(1)
    }

    /// Adds a whole number.
    /// - Parameter amount: not negative.
    @inline(__always)
    public func increment(by amount: Int) {
        guard amount >= 0 else { return InvalidUpdates.count() }
        add(UInt64(amount))
    }

    /// Adds a number.
    /// - Parameter amount: finite and not negative.
    public func increment(by amount: Double) {
        guard amount >= 0, amount < .infinity else { return InvalidUpdates.count() }
        if let cells = unsafe cells.owned {
            unsafe (cells + Self.doubleOffset).addOwned(amount)
        } else if let cells = unsafe cells.shared {
            unsafe (cells + Self.doubleOffset).addShared(amount)
        }
    }

    /// Adds a whole number and keeps the labels as an example of it.
    /// - Parameters:
    ///   - amount: not negative.
    ///   - exemplar: labels such as `trace_id`; nil keeps what is there.
    public func increment(by amount: Int, exemplar: SeriesLabels?) {
        increment(by: amount)
        if let exemplar { exemplars.keep(exemplar, value: Double(amount), in: 0) }
    }

    @inline(__always)
    private func add(_ amount: UInt64) {
        if let cells = unsafe cells.owned {
            unsafe cells.addOwned(amount)
        } else {
            addShared(amount)
        }
    }

    @inline(never)
    private func addShared(_ amount: UInt64) {
        guard let cells = unsafe cells.shared else { return }
        unsafe cells[Self.wholeOffset].wrappingAdd(amount, ordering: .relaxed)
    }

    /// The sum over all threads.
    public var value: Double {
        Double(cells.wholeTotal(Self.wholeOffset)) + cells.doubleTotal(Self.doubleOffset)
    }

    /// Changes with every increment.
    public var activity: UInt64 {
        cells.wholeTotal(Self.wholeOffset) &+ cells.doubleTotal(Self.doubleOffset).bitPattern
    }

    /// Writes one line.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - createdMilliseconds: when the series began.
    ///   - writer: has begun the family.
    public func write(_ labels: SeriesLabels, createdMilliseconds: Int64?, to writer: inout ExpositionWriter) {
        let whole = cells.wholeTotal(Self.wholeOffset)
        let fraction = cells.doubleTotal(Self.doubleOffset)
        let exemplar = exemplars.isEmpty ? nil : exemplars[0]
        if fraction == 0 {
            writer.write(labels, count: whole, createdMilliseconds: createdMilliseconds, exemplar: exemplar)
        } else {
            let value = Double(whole) + fraction
            writer.write(labels, value: value, createdMilliseconds: createdMilliseconds, exemplar: exemplar)
        }
    }

    /// The series as a value.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - createdMilliseconds: when the series began.
    public func metric(_ labels: SeriesLabels, createdMilliseconds: Int64?) -> Metric {
        Metric(
            labels: labels,
            value: .number(value),
            createdMilliseconds: createdMilliseconds,
            exemplar: exemplars[0]
        )
    }
}

// SPDX-License-Identifier: Apache-2.0

import Exposition

/// The series of one metric, told apart by a typed label set.
///
/// `family[labels]` gives the instrument, to be kept where the labels are known beforehand. Where they are not,
/// `family.increment(labels)` and its like find it without allocating. Series beyond the registry's cap share one
/// overflow series.
public final class Family<Labels: LabelSet, Item: Instrument>: Sendable {
    @usableFromInline let open = LookupTable<Labels, Item>()
    /// The series of a `CaseIterable` label set, complete from the start; empty for others.
    @usableFromInline let closed: LookupTable<Labels, Item>
    @usableFromInline let isClosed: Bool
    let store: FamilyStore<Item>
    let labelNames: [String]

    init(store: FamilyStore<Item>) {
        self.store = store
        self.labelNames = Labels.labelNames
        let cases = (Labels.self as? any CaseIterable.Type).flatMap(Self.cases)
        isClosed = cases != nil
        closed = LookupTable(capacity: Self.capacity(for: cases?.count ?? 0), hashesBytes: true)
        for labels in cases ?? [] {
            let found = store.series(pairs(of: labels), permanent: true)
            if found.isOwn { closed.insert(labels, found.item) }
        }
        store.attach(open)
    }

    /// The series' instrument, created when there is none. Keep it: using it is cheaper than finding it.
    public subscript(labels: Labels) -> Item {
        withItem(labels) { $0 }
    }

    /// Creates series, so that they are exported before anything happened.
    /// - Parameter labels: the series.
    public func create(_ labels: Labels...) {
        for labels in labels { _ = self[labels] }
    }

    /// Creates a series that differs from the others, such as a route with buckets of its own.
    /// - Parameters:
    ///   - labels: the series; one that exists stays as it is.
    ///   - configuration: its configuration.
    /// - Returns: its instrument.
    @discardableResult
    public func create(_ labels: Labels, configuration: Item.Configuration) -> Item {
        let found = store.series(pairs(of: labels), configuration: configuration)
        if found.isOwn { open.insert(labels, found.item) }
        return found.item
    }

    /// Takes a series out of the output. A handle that is still held keeps working; the series comes back when
    /// something is recorded through it. Series of a `CaseIterable` label set stay in look-ups.
    /// - Parameter labels: the series.
    /// - Returns: whether it was there.
    @discardableResult
    public func remove(_ labels: Labels) -> Bool {
        store.remove(SeriesLabels(pairs(of: labels)))
    }

    /// Number of series, the overflow series included.
    public var count: Int { store.count }

    /// Finds or creates the instrument and calls `body` with it. `body` must be short and must not use the family:
    /// a lock may be held.
    @inlinable
    @inline(__always)
    func withItem<Result>(_ labels: Labels, _ body: (Item) -> Result) -> Result {
        if isClosed, let result = closed.withItemOfClosedTable(labels, body) { return result }
        if let result = open.withItem(labels, body) { return result }
        return body(create(labels))
    }

    @usableFromInline
    @inline(never)
    func create(_ labels: Labels) -> Item {
        let found = store.series(pairs(of: labels))
        if found.isOwn { open.insert(labels, found.item) }
        return found.item
    }

    private func pairs(of labels: Labels) -> [(name: String, value: String)] {
        Self.pairs(of: labels, names: labelNames)
    }

    static func pairs(of labels: Labels, names: [String]) -> [(name: String, value: String)] {
        var values = LabelCollector()
        labels.encode(to: &values)
        // A label set that appends too few values or too many is a mistake that must not take the service down.
        return zip(names, values.values).map { ($0, $1) }
    }

    private static func cases(of type: any CaseIterable.Type) -> [Labels]? {
        func open<Cases: CaseIterable>(_ type: Cases.Type) -> [Labels]? { Array(type.allCases) as? [Labels] }
        return open(type)
    }

    private static func capacity(for count: Int) -> Int {
        var capacity = 16
        while capacity < count * 2, capacity < 1 << 20 { capacity *= 2 }
        return capacity
    }
}

extension Family where Item == Counter {
    /// Adds a whole number to a series.
    /// - Parameters:
    ///   - labels: the series.
    ///   - amount: not negative.
    @inlinable
    public func increment(_ labels: Labels, by amount: Int = 1) {
        withItem(labels) { $0.increment(by: amount) }
    }

    /// Adds a number to a series.
    /// - Parameters:
    ///   - labels: the series.
    ///   - amount: finite and not negative.
    @inlinable
    public func increment(_ labels: Labels, by amount: Double) {
        withItem(labels) { $0.increment(by: amount) }
    }
}

extension Family where Item == Gauge {
    /// Replaces a series' value.
    /// - Parameters:
    ///   - value: any number.
    ///   - labels: the series.
    @inlinable
    public func set(_ value: Double, _ labels: Labels) {
        withItem(labels) { $0.set(value) }
    }

    /// Adds to a series.
    /// - Parameters:
    ///   - labels: the series.
    ///   - amount: may be negative.
    @inlinable
    public func increment(_ labels: Labels, by amount: Double = 1) {
        withItem(labels) { $0.increment(by: amount) }
    }
}

extension Family where Item == UpDownCounter {
    /// Adds to a series.
    /// - Parameters:
    ///   - labels: the series.
    ///   - amount: may be negative.
    @inlinable
    public func increment(_ labels: Labels, by amount: Int = 1) {
        withItem(labels) { $0.increment(by: amount) }
    }
}

extension Family where Item == Histogram {
    /// Records a number in a series.
    /// - Parameters:
    ///   - value: infinite is allowed, NaN is not.
    ///   - labels: the series.
    @inlinable
    public func observe(_ value: Double, _ labels: Labels) {
        withItem(labels) { $0.observe(value) }
    }

    /// Records a duration, in seconds, in a series.
    /// - Parameters:
    ///   - duration: at least zero.
    ///   - labels: the series.
    @inlinable
    public func observe(_ duration: Duration, _ labels: Labels) {
        withItem(labels) { $0.observe(duration) }
    }
}

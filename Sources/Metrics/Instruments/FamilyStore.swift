// SPDX-License-Identifier: Apache-2.0

import Exposition
import Synchronization

/// What the registry needs of a family, whatever its instruments are.
protocol MetricCollector: AnyObject, Sendable {
    var header: FamilyHeader { get }
    /// Writes the whole family, nothing when it has no series.
    func write(to writer: inout ExpositionWriter, created: Bool)
    func snapshot() -> MetricFamily?
    /// Forgets series that have not been touched for so long; returns how many.
    func removeIdle(now: Int64, timeoutMilliseconds: Int64) -> Int
}

/// One series in a family.
struct SeriesEntry<Item: Instrument>: Sendable {
    let labels: SeriesLabels
    let sortKey: [String]
    let instrument: Item
    let createdMilliseconds: Int64
    /// Known from the start and never idle.
    let isPermanent: Bool
}

/// The series of one family in their order of output, capped.
final class FamilyStore<Item: Instrument>: MetricCollector {
    let header: FamilyHeader
    let labelNames: [String]
    let configuration: Item.Configuration
    private let limit: Int
    private let report: @Sendable (RegistryEvent) -> Void
    private let clock: @Sendable () -> Int64
    private let state: Guarded<State>

    private struct Activity {
        var value: UInt64
        var since: Int64
    }

    private struct Retired {
        let entry: (labels: SeriesLabels, sortKey: [String], createdMilliseconds: Int64)
        weak let instrument: Item?
    }

    private struct State {
        var entries: [SeriesEntry<Item>] = []
        var index: [SeriesLabels: Item] = [:]
        var overflow: Item?
        var activity: [SeriesLabels: Activity] = [:]
        var retired: [SeriesLabels: Retired] = [:]
        var tables: [any LookupPurging] = []
    }

    init(
        header: FamilyHeader,
        labelNames: [String],
        configuration: Item.Configuration,
        limit: Int,
        clock: @escaping @Sendable () -> Int64,
        report: @escaping @Sendable (RegistryEvent) -> Void
    ) {
        self.header = header
        self.labelNames = labelNames
        self.configuration = configuration
        self.limit = max(1, limit)
        self.clock = clock
        self.report = report
        self.state = Guarded(State())
    }

    /// Finds or creates a series. Beyond the cap all new label sets share the overflow series.
    /// - Returns: the instrument, and whether it is the series' own.
    func series(
        _ pairs: [(name: String, value: String)],
        permanent: Bool = false,
        configuration override: Item.Configuration? = nil
    ) -> (item: Item, isOwn: Bool) {
        // A label with an empty value is the same as no label.
        let pairs = pairs.filter { !$0.value.isEmpty }
        let labels = SeriesLabels(pairs)
        let now = clock()
        let found = state.withLock { state -> (item: Item, isOwn: Bool, isDropped: Bool) in
            if let item = state.index[labels] { return (item, true, false) }
            if state.entries.count >= limit {
                if let item = state.overflow { return (item, false, true) }
                let item = Item(configuration: configuration)
                state.overflow = item
                let overflow = [(name: Self.overflowLabel, value: "true")]
                Self.insert(item, SeriesLabels(overflow), overflow, now, permanent: true, into: &state)
                return (item, false, true)
            }
            let revived = state.retired.removeValue(forKey: labels)?.instrument
            let item = revived ?? Item(configuration: override ?? configuration)
            Self.insert(item, labels, pairs, now, permanent: permanent, into: &state)
            return (item, true, false)
        }
        if found.isDropped { report(.seriesDropped(family: header.name, limit: limit)) }
        return (found.item, found.isOwn)
    }

    private static func insert(
        _ item: Item,
        _ labels: SeriesLabels,
        _ pairs: [(name: String, value: String)],
        _ now: Int64,
        permanent: Bool,
        into state: inout State
    ) {
        let sorted = pairs.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        let entry = SeriesEntry(
            labels: labels,
            sortKey: sorted.flatMap { [$0.name, $0.value] },
            instrument: item,
            createdMilliseconds: now,
            isPermanent: permanent
        )
        insert(entry, into: &state)
    }

    private static func insert(_ entry: SeriesEntry<Item>, into state: inout State) {
        var low = 0
        var high = state.entries.count
        while low < high {
            let middle = (low + high) / 2
            if precedes(state.entries[middle].sortKey, entry.sortKey) { low = middle + 1 } else { high = middle }
        }
        state.entries.insert(entry, at: low)
        state.index[entry.labels] = entry.instrument
    }

    private static func precedes(_ left: [String], _ right: [String]) -> Bool {
        for (first, second) in zip(left, right) where first != second {
            return first.utf8.lexicographicallyPrecedes(second.utf8)
        }
        return left.count < right.count
    }

    /// Forgets a series; a handle that is still held keeps working, and the series comes back when it is used.
    func remove(_ labels: SeriesLabels) -> Bool {
        state.withLock { state in
            guard let position = state.entries.firstIndex(where: { $0.labels == labels }) else { return false }
            let now = clock()
            Self.forget(at: position, now: now, in: &state)
            return true
        }
    }

    private static func forget(at position: Int, now: Int64, in state: inout State) {
        let entry = state.entries.remove(at: position)
        state.index[entry.labels] = nil
        if entry.instrument === state.overflow { state.overflow = nil }
        let kept = (entry.labels, entry.sortKey, entry.createdMilliseconds)
        state.retired[entry.labels] = Retired(entry: kept, instrument: entry.instrument)
        state.activity[entry.labels] = Activity(value: entry.instrument.activity, since: now)
        for table in state.tables { table.purge(entry.instrument) }
    }

    func removeIdle(now: Int64, timeoutMilliseconds: Int64) -> Int {
        state.withLock { state in
            Self.reviveUsed(now, &state)
            var removed = 0
            for position in state.entries.indices.reversed() {
                let entry = state.entries[position]
                guard !entry.isPermanent else { continue }
                let value = entry.instrument.activity
                if let known = state.activity[entry.labels], known.value == value {
                    guard now &- known.since >= timeoutMilliseconds else { continue }
                    Self.forget(at: position, now: now, in: &state)
                    removed += 1
                } else {
                    state.activity[entry.labels] = Activity(value: value, since: now)
                }
            }
            return removed
        }
    }

    /// A removed series whose handle somebody kept, and used again, comes back with its old count.
    private static func reviveUsed(_ now: Int64, _ state: inout State) {
        for (labels, retired) in state.retired {
            guard let item = retired.instrument else {
                state.retired[labels] = nil
                state.activity[labels] = nil
                continue
            }
            guard item.activity != state.activity[labels]?.value else { continue }
            state.retired[labels] = nil
            let entry = SeriesEntry(
                labels: labels,
                sortKey: retired.entry.sortKey,
                instrument: item,
                createdMilliseconds: retired.entry.createdMilliseconds,
                isPermanent: false
            )
            insert(entry, into: &state)
        }
    }

    func attach(_ table: any LookupPurging) {
        state.withLock { $0.tables.append(table) }
    }

    /// The series at this moment, in order.
    var entries: [SeriesEntry<Item>] { state.withLock { $0.entries } }

    func write(to writer: inout ExpositionWriter, created: Bool) {
        let entries = entries
        guard !entries.isEmpty else { return }
        writer.begin(header)
        for entry in entries {
            entry.instrument.write(
                entry.labels,
                createdMilliseconds: created ? entry.createdMilliseconds : nil,
                to: &writer
            )
        }
    }

    func snapshot() -> MetricFamily? {
        let entries = entries
        guard !entries.isEmpty else { return nil }
        return MetricFamily(
            name: header.name,
            kind: header.kind,
            help: header.help,
            unit: header.unit,
            metrics: entries.map { $0.instrument.metric($0.labels, createdMilliseconds: $0.createdMilliseconds) }
        )
    }

    /// OpenTelemetry's `otel.metric.overflow`.
    static var overflowLabel: String { "otel_metric_overflow" }
}

/// A look-up table that must forget a removed instrument.
protocol LookupPurging: AnyObject, Sendable {
    func purge(_ instrument: AnyObject)
}

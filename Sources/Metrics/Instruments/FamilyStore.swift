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

/// The series of one family in their order of output, capped.
///
/// Rendering takes the lock of the list for one piece of it at a time; who adds or removes a series holds that lock while
/// one piece changes. The search for idle series, of which one runs at a time, holds no lock for more than one series,
/// and does not wait for who adds one, as the dictionary may be growing: what it cannot look at it looks at next time.
final class FamilyStore<Item: Instrument>: MetricCollector {
    let header: FamilyHeader
    let labelNames: [String]
    let configuration: Item.Configuration
    private let limit: Int
    private let report: @Sendable (RegistryEvent) -> Void
    private let clock: @Sendable () -> Int64
    /// Set while somebody looks for idle series.
    private let isSweeping = Atomic<Bool>(false)
    private let retired = Guarded<[Retired]>([])
    // Taken in this order.
    private let state = Guarded(State())
    private let list = Guarded(SortedPieces())

    /// A series that left the output while somebody may still hold its handle.
    private final class Retired: Sendable {
        let entry: (labels: SeriesLabels, sortKey: [UInt8], createdMilliseconds: Int64)
        let activity: UInt64
        weak let instrument: Item?

        init(_ entry: SeriesEntry<Item>) {
            self.entry = (entry.labels, entry.sortKey, entry.createdMilliseconds)
            self.activity = entry.instrument.activity
            self.instrument = entry.instrument
        }
    }

    private enum Known {
        case listed(SeriesEntry<Item>), retired(Retired)
    }

    private struct State {
        var known: [SeriesLabels: Known] = [:]
        var listedCount = 0
        var overflow: Item?
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
            var revived: Item?
            switch state.known[labels] {
            case .listed(let entry): return (entry.instrument, true, false)
            case .retired(let retired): revived = retired.instrument
            case nil: break
            }
            if state.listedCount >= limit {
                if let item = state.overflow { return (item, false, true) }
                let item = Item(configuration: configuration)
                state.overflow = item
                let overflow = [(name: Self.overflowLabel, value: "true")]
                enlist(item, SeriesLabels(overflow), Self.sortKey(overflow), now, permanent: true, in: &state)
                return (item, false, true)
            }
            let item = revived ?? Item(configuration: override ?? configuration)
            enlist(item, labels, Self.sortKey(pairs), now, permanent: permanent, in: &state)
            return (item, true, false)
        }
        if found.isDropped { report(.seriesDropped(family: header.name, limit: limit)) }
        return (found.item, found.isOwn)
    }

    /// Names and values in the order of the names; what ends early comes first.
    private static func sortKey(_ pairs: [(name: String, value: String)]) -> [UInt8] {
        pairs.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            .flatMap { Array($0.name.utf8) + [0] + Array($0.value.utf8) + [0] }
    }

    private func enlist(
        _ item: Item,
        _ labels: SeriesLabels,
        _ sortKey: [UInt8],
        _ created: Int64,
        permanent: Bool,
        in state: inout State
    ) {
        let entry = SeriesEntry(
            labels: labels,
            sortKey: sortKey,
            instrument: item,
            createdMilliseconds: created,
            isPermanent: permanent
        )
        state.known[labels] = .listed(entry)
        state.listedCount += 1
        list.withLock { $0.insert(entry) }
    }

    /// Forgets a series; a handle that is still held keeps working, and the series comes back when it is used.
    func remove(_ labels: SeriesLabels) -> Bool {
        // Else what was removed before would be remembered for ever.
        reviveUsed(waits: true)
        let entry = state.withLock { state -> SeriesEntry<Item>? in
            guard case .listed(let entry) = state.known[labels] else { return nil }
            return entry
        }
        return entry.map { forget($0, waits: true) } ?? false
    }

    /// Nil when that would take waiting, and `waits` is false.
    private func withState<Result: Sendable>(waits: Bool, _ body: (inout State) -> Result) -> Result? {
        waits ? state.withLock { body(&$0) } : state.withLockIfAvailable { body(&$0) }
    }

    /// Takes a series out of the list and of the look-up tables; false when somebody else has, or when that would take
    /// waiting.
    private func forget(_ entry: SeriesEntry<Item>, waits: Bool) -> Bool {
        let gone = Retired(entry)
        let tables = withState(waits: waits) { state -> [any LookupPurging]? in
            guard case .listed(let listed) = state.known[entry.labels], listed === entry else { return nil }
            state.known[entry.labels] = .retired(gone)
            state.listedCount -= 1
            if entry.instrument === state.overflow { state.overflow = nil }
            list.withLock { $0.remove(entry) }
            return state.tables
        }
        guard let tables = tables ?? nil else { return false }
        retired.withLock { $0.append(gone) }
        for table in tables { table.purge(entry.instrument) }
        return true
    }

    func removeIdle(now: Int64, timeoutMilliseconds: Int64) -> Int {
        // Whoever renders at the same time need not wait: the search is being done.
        guard !isSweeping.exchange(true, ordering: .acquiring) else { return 0 }
        defer { isSweeping.store(false, ordering: .releasing) }
        reviveUsed(waits: false)
        var removed = 0
        list.forEach { listed in
            let entry = Self.entry(listed)
            guard !entry.isPermanent else { return }
            let activity = entry.instrument.activity
            if entry.activity.exchange(activity, ordering: .relaxed) != activity {
                entry.unchangedSince.store(now, ordering: .relaxed)
            } else if now &- entry.unchangedSince.load(ordering: .relaxed) >= timeoutMilliseconds,
                forget(entry, waits: false)
            {
                removed += 1
            }
        }
        return removed
    }

    /// A removed series whose handle somebody kept, and used again, comes back with its old count.
    private func reviveUsed(waits: Bool) {
        // Nobody waits while these are looked at; two at once look at different ones.
        var looked: [Retired] = []
        retired.withLock { swap(&$0, &looked) }
        looked.removeAll { gone in
            let item = gone.instrument
            let isUnused = item.map { $0.activity == gone.activity } ?? false
            let isDone = withState(waits: waits) { state in
                // It may have come back by a look-up.
                guard case .retired(let known) = state.known[gone.entry.labels], known === gone else { return true }
                if isUnused { return false }
                if let item {
                    let (labels, sortKey, created) = gone.entry
                    enlist(item, labels, sortKey, created, permanent: false, in: &state)
                } else {
                    state.known[gone.entry.labels] = nil
                }
                return true
            }
            return isDone ?? false
        }
        // The few that have come meanwhile are copied, not the many that were there.
        retired.withLock { swap(&$0, &looked) }
        let added = looked
        retired.withLock { $0 += added }
    }

    func attach(_ table: any LookupPurging) {
        state.withLock { $0.tables.append(table) }
    }

    /// Number of series at this moment.
    var count: Int { list.withLock { $0.count } }

    @inline(__always)
    private static func entry(_ listed: SortedEntry) -> SeriesEntry<Item> {
        // The list holds nothing else.
        unsafe unsafeDowncast(listed, to: SeriesEntry<Item>.self)
    }

    func write(to writer: inout ExpositionWriter, created: Bool) {
        guard count > 0 else { return }
        writer.begin(header)
        list.forEach { listed in
            let entry = Self.entry(listed)
            entry.instrument.write(
                entry.labels,
                createdMilliseconds: created ? entry.createdMilliseconds : nil,
                to: &writer
            )
        }
    }

    func snapshot() -> MetricFamily? {
        var metrics: [Metric] = []
        list.forEach { listed in
            let entry = Self.entry(listed)
            metrics.append(entry.instrument.metric(entry.labels, createdMilliseconds: entry.createdMilliseconds))
        }
        guard !metrics.isEmpty else { return nil }
        return MetricFamily(
            name: header.name,
            kind: header.kind,
            help: header.help,
            unit: header.unit,
            metrics: metrics
        )
    }

    /// OpenTelemetry's `otel.metric.overflow`.
    static var overflowLabel: String { "otel_metric_overflow" }
}

/// A look-up table that must forget a removed instrument.
protocol LookupPurging: AnyObject, Sendable {
    func purge(_ instrument: AnyObject)
}

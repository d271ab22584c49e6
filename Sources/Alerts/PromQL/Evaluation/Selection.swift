// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TimeSeries

/// The series that a selector matched, with what was found out about them since.
final class Selection: Sendable {
    let series: SeriesSelection
    private let derived: Mutex<Derived>

    private struct Derived {
        var isUniqueWithoutMetadata: Bool?
        var groups: [GroupKey: Grouping] = [:]
    }

    struct GroupKey: Hashable {
        var labels: [String]
        var isWithout: Bool
        var dropsMetadata: Bool
    }

    var handles: [SeriesHandle] { series.handles }

    /// - Parameter areOneMetric: all have the same name, and no labels that go with it.
    init(_ series: SeriesSelection, areOneMetric: Bool) {
        self.series = series
        derived = Mutex(Derived(isUniqueWithoutMetadata: areOneMetric ? true : nil))
    }

    /// The old selection after a change of the store's series; what was found out about it is carried over.
    init(_ old: Selection, _ change: SelectionChange, areOneMetric: Bool) {
        series = change.selection
        var known = old.derived.withLock { $0 }
        if areOneMetric {
            known.isUniqueWithoutMetadata = true
        } else if change.added > 0 || known.isUniqueWithoutMetadata == false {
            known.isUniqueWithoutMetadata = nil
        }
        let added = change.selection.handles.suffix(change.added)
        for (key, grouping) in known.groups {
            let updated = grouping.updated(key, dropped: change.dropped, added: added)
            // Groups that have lost their series are not carried along for ever.
            known.groups[key] = updated.labels.count > updated.indices.count ? nil : updated
        }
        derived = Mutex(known)
    }

    /// True when no two series become one by losing their name.
    var isUniqueWithoutMetadata: Bool {
        if let known = derived.withLock({ $0.isUniqueWithoutMetadata }) { return known }
        var seen: Set<Labels> = []
        seen.reserveCapacity(handles.count)
        let isUnique = handles.allSatisfy { seen.insert($0.labels.withoutMetadata).inserted }
        derived.withLock { $0.isUniqueWithoutMetadata = isUnique }
        return isUnique
    }

    /// Which group each series falls into, worked out once.
    func grouping(_ key: GroupKey) -> Grouping {
        if let known = derived.withLock({ $0.groups[key] }) { return known }
        var builder = GroupingBuilder(labels: key.labels, isWithout: key.isWithout)
        let indices = handles.map { handle in
            Int32(truncatingIfNeeded: builder.index(of: handle.labels, dropsMetadata: key.dropsMetadata))
        }
        let grouping = Grouping(indices: indices, labels: builder.groups)
        derived.withLock {
            if $0.groups.count >= 16 { $0.groups.removeAll() }
            $0.groups[key] = grouping
        }
        return grouping
    }
}

/// The groups of an aggregation over given series.
final class Grouping: Sendable {
    /// For each series the number of its group.
    let indices: [Int32]
    /// For each group its labels.
    let labels: [Labels]

    init(indices: [Int32], labels: [Labels]) {
        self.indices = indices
        self.labels = labels
    }

    /// The same groups, and new ones behind them, after series went and came; groups may be left without series.
    func updated(
        _ key: Selection.GroupKey,
        dropped: [Int],
        added: ArraySlice<SeriesHandle>
    ) -> Grouping {
        var indices = indices
        if !dropped.isEmpty {
            var rest = dropped[...]
            indices = self.indices.enumerated().compactMap { position, index in
                guard rest.first == position else { return index }
                rest.removeFirst()
                return nil
            }
        }
        guard !added.isEmpty else { return Grouping(indices: indices, labels: labels) }
        var builder = GroupingBuilder(labels: key.labels, isWithout: key.isWithout, groups: labels)
        for handle in added {
            let index = builder.index(of: handle.labels, dropsMetadata: key.dropsMetadata)
            indices.append(Int32(truncatingIfNeeded: index))
        }
        return Grouping(indices: indices, labels: builder.groups)
    }
}

/// Numbers the groups of `by` or `without` in the order of their first series.
struct GroupingBuilder {
    private let names: [String]
    private let isWithout: Bool
    private let droppedNames: [String]
    private var known: [Labels: Int] = [:]
    private(set) var groups: [Labels]

    /// - Parameter groups: those that have their numbers already.
    init(labels: [String], isWithout: Bool, groups: [Labels] = []) {
        names = labels
        self.isWithout = isWithout
        droppedNames = labels + [ReservedLabels.name]
        self.groups = groups
        for (index, group) in groups.enumerated() { known[group] = index }
    }

    mutating func index(of labels: Labels, dropsMetadata: Bool = false) -> Int {
        let group: Labels
        if isWithout {
            group = labels.dropping(dropsMetadata ? droppedNames + ReservedLabels.metadata : droppedNames)
        } else if names.isEmpty {
            group = Labels()
        } else {
            let kept = labels.keeping(names)
            group = dropsMetadata ? kept.withoutMetadata : kept
        }
        if let index = known[group] { return index }
        let index = groups.count
        known[group] = index
        groups.append(group)
        return index
    }
}

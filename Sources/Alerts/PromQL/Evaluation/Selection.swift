// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TimeSeries

/// The series that a selector matched, with what was found out about them since.
final class Selection: Sendable {
    let handles: [SeriesHandle]
    private let derived = Mutex(Derived())

    private struct Derived {
        var isUniqueWithoutMetadata: Bool?
        var groups: [GroupKey: Grouping] = [:]
    }

    struct GroupKey: Hashable {
        var labels: [String]
        var isWithout: Bool
        var dropsMetadata: Bool
    }

    init(handles: [SeriesHandle]) { self.handles = handles }

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
}

/// Numbers the groups of `by` or `without` in the order of their first series.
struct GroupingBuilder {
    private let names: [String]
    private let isWithout: Bool
    private let droppedNames: [String]
    private var known: [Labels: Int] = [:]
    private(set) var groups: [Labels] = []

    init(labels: [String], isWithout: Bool) {
        names = labels
        self.isWithout = isWithout
        droppedNames = labels + [ReservedLabels.name]
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

/// Remembers selections until the store's set of series changes, or another store is asked.
final class SelectionCache: Sendable {
    /// Which set of series a selection is of.
    struct Version: Equatable {
        var store: ObjectIdentifier
        var generation: UInt64
    }

    private struct State {
        var version: Version?
        var selections: [[LabelMatcher]: Selection] = [:]
    }

    private let state = Mutex(State())
    private let capacity = 256

    func selection(_ matchers: [LabelMatcher], _ version: Version) -> Selection? {
        state.withLock { $0.version == version ? $0.selections[matchers] : nil }
    }

    func remember(_ selection: Selection, for matchers: [LabelMatcher], _ version: Version) {
        state.withLock { state in
            if state.version != version || state.selections.count >= capacity {
                state.selections.removeAll(keepingCapacity: true)
                state.version = version
            }
            state.selections[matchers] = selection
        }
    }
}

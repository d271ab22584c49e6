// SPDX-License-Identifier: Apache-2.0

import Exposition
import Synchronization

/// One of several states, exported as one series per state of which exactly one is 1.
public final class StateSet<State: LabelValue & CaseIterable>: Sendable {
    let collector: StateSetCollector
    private let states: [State: Int]

    init(header: FamilyHeader, initial: State, labels: [(name: String, value: String)]) {
        let all = Array(State.allCases)
        var states: [State: Int] = [:]
        for (index, state) in all.enumerated() where states[state] == nil { states[state] = index }
        self.states = states
        self.collector = StateSetCollector(
            header: header,
            series: all.map { SeriesLabels([(header.name, $0.labelValue)] + labels) },
            current: states[initial] ?? 0
        )
    }

    /// Changes the state.
    /// - Parameter state: holds from now on.
    public func set(_ state: State) {
        guard let index = states[state] else { return }
        collector.current.store(index, ordering: .relaxed)
    }
}

final class StateSetCollector: MetricCollector {
    let header: FamilyHeader
    let current: Atomic<Int>
    private let series: [SeriesLabels]

    init(header: FamilyHeader, series: [SeriesLabels], current: Int) {
        self.header = header
        self.series = series
        self.current = Atomic(current)
    }

    func write(to writer: inout ExpositionWriter, created: Bool) {
        guard !series.isEmpty else { return }
        let active = current.load(ordering: .relaxed)
        writer.begin(header)
        for (index, labels) in series.enumerated() { writer.writeState(labels, isActive: index == active) }
    }

    func snapshot() -> MetricFamily? {
        let active = current.load(ordering: .relaxed)
        return MetricFamily(header: header, values: series.enumerated().map { ($1, $0 == active ? 1 : 0) })
    }

    func removeIdle(now: Int64, timeoutMilliseconds: Int64) -> Int { 0 }
}

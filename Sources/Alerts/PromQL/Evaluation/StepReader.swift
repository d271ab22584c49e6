// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Reads series at many steps, some at a time: of each series only the samples that decide, found once for all the
/// series of a target.
struct StepReader {
    enum Purpose {
        /// The newest sample that is not older than the lookback.
        case latest(lookback: Int64)
        case rate(RangeFunction, length: Int64)
    }

    private enum Plan {
        case latest(LatestPlan)
        case rate(RatePlan)
    }

    private struct Target {
        var choice: CommitChoice
        var plan: Plan
        /// The steps that may have a value.
        var extent: Range<Int>
        /// Commits in the whole span.
        var commits: Int
        /// Series to read under one look: a longer span takes longer.
        var batch: Int
        /// Series that were read by the plan, and that were not, since it was made.
        var hits = 0
        var misses = 0
        /// How many plans were made for this writer before.
        var attempts = 0

        /// The series that the plan was made after is the odd one.
        var isUseless: Bool { misses >= 8 && misses > hits && attempts < 8 }
    }

    private let purpose: Purpose
    private let window: EvaluationWindow
    /// The first step's moment, the offset taken off.
    private let first: Int64
    private var targets: [UInt32: Target] = [:]
    private var target: Target?
    private var table = CounterTable()
    /// The series that the table is of.
    private var held = 0..<0

    init(_ purpose: Purpose, first: Int64, _ window: EvaluationWindow) {
        self.purpose = purpose
        self.first = first
        self.window = window
    }

    private static let targetLimit = 16
    /// Samples passed over under one look at the store, about.
    private static let rowsPerBatch = 16_384

    /// The steps that the row last filled may have values at.
    var extent: Range<Int> { target?.extent ?? 0..<window.count }

    /// Fills a row that is clear and returns how many samples stand behind it; nil when the series has to be read
    /// sample by sample.
    mutating func read(_ index: Int, of handles: [SeriesHandle], _ reader: StoreReader, into row: inout Row) -> Int? {
        if !held.contains(index), !load(index, handles, reader) { return nil }
        guard let target, case .values = table.outcomes[index - held.lowerBound] else {
            miss(handles[index], reader)
            return nil
        }
        self.target?.hits += 1
        let start = (index - held.lowerBound) * target.choice.count
        let values = table.values[start..<(start + target.choice.count)]
        switch target.plan {
        case .latest(let plan): plan.fill(&row, target.extent, values)
        case .rate(let plan):
            plan.fill(&row, target.extent, values, table.corrections[start..<(start + target.choice.count)])
        }
        return target.commits
    }

    private mutating func load(_ index: Int, _ handles: [SeriesHandle], _ reader: StoreReader) -> Bool {
        for attempt in 0..<2 {
            if let target {
                let count = reader.counters(handles, from: index, limit: target.batch, at: target.choice, into: &table)
                held = index..<(index + count)
                if count > 0 { return true }
            }
            guard attempt == 0, selectTarget(handles[index], reader) else { break }
        }
        held = 0..<0
        return false
    }

    /// The plan does not fit a series: when that happens often, the series that follow get one made after it.
    private mutating func miss(_ handle: SeriesHandle, _ reader: StoreReader) {
        target?.misses += 1
        guard let old = target, old.isUseless, var made = makeTarget(handle, reader) else { return }
        made.attempts = old.attempts + 1
        target = made
        held = 0..<0
    }

    /// Takes up the plan for the writer of a series, made now or before.
    private mutating func selectTarget(_ handle: SeriesHandle, _ reader: StoreReader) -> Bool {
        if let target { targets[target.choice.source] = target }
        target = nil
        guard let source = reader.source(handle) else { return false }
        if targets.count >= Self.targetLimit, targets[source] == nil { targets.removeAll() }
        target = targets[source] ?? makeTarget(handle, reader)
        return target != nil
    }

    private func makeTarget(_ handle: SeriesHandle, _ reader: StoreReader) -> Target? {
        let last = first &+ window.step &* Int64(max(0, window.count - 1))
        guard
            let times = reader.commits(
                handle,
                after: Timestamp(milliseconds: first.clampedDifference(reach)),
                through: Timestamp(milliseconds: last)
            )
        else { return nil }
        let present = times.present
        let chosen: [Int]
        let plan: Plan
        let extent: Range<Int>
        switch purpose {
        case .latest(let lookback):
            let latest = LatestPlan(for: times, first: first, lookback: lookback, window)
            (plan, extent, chosen) = (.latest(latest), latest.extent, latest.chosen)
        case .rate(let function, let length):
            var rate = RatePlan()
            let timestamps = times.gaps.isEmpty ? times.timestamps : present.map { times.timestamps[$0] }
            rate.prepare(for: timestamps, function, first: first, length: length, window)
            extent = rate.extent
            chosen = rate.reduce().map { present[$0] }
            plan = .rate(rate)
        }
        return Target(
            choice: CommitChoice(times, positions: chosen),
            plan: plan,
            extent: extent,
            commits: present.count,
            batch: Swift.max(1, Swift.min(64, Self.rowsPerBatch / Swift.max(1, present.count)))
        )
    }

    /// How far before the first step's moment samples count.
    private var reach: Int64 {
        switch purpose {
        case .latest(let lookback): lookback
        case .rate(_, let length): length
        }
    }
}

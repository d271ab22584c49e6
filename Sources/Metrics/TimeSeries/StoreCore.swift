// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What the store, its appenders and its readers share.
///
/// Two locks: the index's, for labels, and the samples'. Where both are needed the index's comes first. Writing samples
/// of known series takes the samples' lock alone, a slice at a time.
final class StoreCore: Sendable {
    let configuration: StoreConfiguration
    let index: Guarded<SeriesIndex>
    let samples: Guarded<SampleState>
    /// The log of commits; nil while there is none.
    let log: Guarded<SampleLog?> = Guarded(nil)
    /// Who hears of commits.
    let observer: Guarded<(any CommitObserver)?> = Guarded(nil)
    /// What the index takes, to be read without its lock.
    private let indexBytes = Atomic(0)

    init(_ configuration: StoreConfiguration) {
        self.configuration = configuration
        let index = SeriesIndex()
        samples = Guarded(SampleState(directory: index.directory))
        self.index = Guarded(index)
    }

    deinit {
        samples.withLock { state in
            var slot: UInt32 = 0
            while let found = state.directory.first(from: slot), let column = unsafe state.directory[found] {
                unsafe state.free(column)
                slot = found + 1
            }
        }
    }

    // MARK: Series

    /// Where a source writes a series: the number of the series and the position among the source's own.
    func lane(
        for labels: Labels,
        of source: Source
    ) throws(StoreError) -> (slot: UInt32, lane: UInt32, isForeign: Bool) {
        try index.withLock { index throws(StoreError) in
            let (known, isComplete) = index.lookUp(labels)
            if isComplete, let slot = index.find(known) {
                let lane = samples.withLock { $0.lane(forExisting: slot, of: source, known) }
                return (slot, lane.number, lane.isForeign)
            }
            let refusal: StoreError? = samples.withLock { state in
                let bytes = state.context.bytes + index.bytes
                guard index.count < configuration.maximumSeries, !index.directory.isFull else {
                    state.statistics.seriesRefused += 1
                    return .seriesLimit(configuration.maximumSeries)
                }
                guard bytes <= configuration.memoryLimit else {
                    state.statistics.seriesRefused += 1
                    return .memoryLimit(configuration.memoryLimit)
                }
                return nil
            }
            if let refusal { throw refusal }
            guard labels.count <= Int(UInt16.max) else { throw .tooManyLabels(labels.count) }
            let numbers = isComplete ? known : index.makePairs(of: labels, lookedUp: known)
            let (slot, lane) = samples.withLock { state in
                state.statistics.seriesCreated += 1
                return state.makeSeries(for: source, numbers)
            }
            index.insert(slot, numbers)
            indexBytes.store(index.bytes, ordering: .relaxed)
            return (slot, lane, false)
        }
    }

    /// Drops series that hold nothing and are not written; returns those of `lanes` that are free now, or nil when the
    /// index is in use.
    func release(_ lanes: [UInt32], of source: Source) -> [UInt32]? {
        index.withLockIfFree { index in
            var freed: [UInt32] = []
            for lane in lanes {
                let slot: UInt32? = samples.withLock { state in
                    switch source.lanes[Int(lane)] {
                    case .free:
                        // The series was taken over by another source, or is gone.
                        freed.append(lane)
                        return nil
                    case .foreign: return nil
                    case .own(let column):
                        unsafe column.pointee.flags.remove(.condemned)
                        let slot = unsafe column.pointee.slot
                        return unsafe state.isDroppable(column, slot) ? slot : nil
                    }
                }
                guard let slot else { continue }
                drop(slot, from: &index)
                samples.withLock { _ in source.lanes[Int(lane)] = .free }
                freed.append(lane)
            }
            index.purgeIfDue()
            indexBytes.store(index.bytes, ordering: .relaxed)
            return freed
        }
    }

    private func drop(_ slot: UInt32, from index: inout SeriesIndex) {
        index.remove(slot)
        samples.withLock { state in
            guard let column = unsafe state.directory[slot] else { return }
            state.directory.remove(slot, account: &state.context.bytes)
            unsafe state.free(column)
            state.statistics.seriesDropped += 1
        }
    }

    // MARK: Retention

    /// Bytes in use: samples, labels and index.
    var bytes: Int { samples.withLock { $0.context.bytes } + indexBytes.load(ordering: .relaxed) }

    /// Goes on looking for what is too old, in proportion to what was written; when memory is used up, all the way.
    func maintain(written: Int, created: Int, log: SampleLog?) {
        // New series without a sample stay for a while as long as there is room for them: a target that is too large for the
        // time that a scrape may take gets on, scrape after scrape.
        let sparesNew = bytes < configuration.memoryLimit / 2
        // Series made faster than this looks at them would pile up.
        var left = written / 32 + created * 4 + min(64, 8 + samples.withLock { $0.directory.count } / 16)
        while left > 0 {
            let slice = min(left, Self.trimSlice)
            left -= slice
            if samples.withLock({ $0.trim(budget: slice, sparesNew: sparesNew) }) {
                finishRound(pass: 0, log)
                break
            }
        }
        guard bytes > configuration.memoryLimit / 100 * 97 else { return }
        let isHopeless = samples.withLock { $0.statistics.commits < $0.patienceUntil }
        if !isHopeless { makeRoom(log) }
    }

    private static let trimSlice = 256
    /// Passes until all but the open tails have gone.
    private static let passes = 6
    /// When even that is not enough, commits until it is tried again.
    private static let patience = 64

    private func makeRoom(_ log: SampleLog?) {
        for pass in 0..<Self.passes {
            finishRound(pass: pass, log)
            samples.withLock { $0.hand = 0 }
            while !samples.withLock({ $0.trim(budget: Self.trimSlice, sparesNew: false) }) {}
            dropAbandoned()
            if bytes <= configuration.memoryLimit / 100 * 97 { return }
        }
        samples.withLock { $0.patienceUntil = $0.statistics.commits + Self.patience }
    }

    /// All series have been looked at: from now on a newer moment divides old from young.
    private func finishRound(pass: Int, _ log: SampleLog?) {
        // While memory is nearly full, the oldest samples go faster than by age.
        let isShort = bytes > configuration.memoryLimit / 100 * 92
        let cutoff = samples.withLock { state in
            state.adjustCutoff(configuration, isShort: isShort, pass: pass)
            return state.cutoff
        }
        log?.removeSegments(before: cutoff)
        dropAbandoned()
    }

    private func dropAbandoned() {
        let hasAny = samples.withLock { !$0.abandoned.isEmpty }
        guard hasAny else { return }
        _ = index.withLockIfFree { index in
            let slots = samples.withLock { state in
                let slots = state.abandoned
                state.abandoned = []
                return slots
            }
            for slot in slots {
                let isDroppable = samples.withLock { state in
                    guard let column = unsafe state.directory[slot] else { return false }
                    unsafe column.pointee.flags.remove(.condemned)
                    return unsafe state.isDroppable(column, slot)
                }
                if isDroppable { drop(slot, from: &index) }
            }
            index.purgeIfDue()
            indexBytes.store(index.bytes, ordering: .relaxed)
        }
    }
}

extension SampleState {
    func isDroppable(_ column: UnsafeMutablePointer<Column>, _ slot: UInt32) -> Bool {
        unsafe column.pointee.isEmpty && column.pointee.older == nil && !column.pointee.flags.contains(.active)
            && sides[slot] == nil
    }

    mutating func takeLane(_ source: Source, _ lane: Source.Lane) -> UInt32 {
        if let free = source.freeLanes.popLast() {
            source.lanes[Int(free)] = lane
            return free
        }
        source.lanes.append(lane)
        context.bytes += Source.bytesPerLane
        return UInt32(source.lanes.count - 1)
    }

    mutating func makeSeries(for source: Source, _ numbers: [UInt32]) -> (slot: UInt32, lane: UInt32) {
        let slot = directory.nextSlot
        let lane = takeLane(source, .free)
        let column = unsafe makeColumn(slot: slot, source: source, lane: lane, numbers)
        unsafe directory.insert(column, account: &context.bytes)
        return (slot, lane)
    }

    private mutating func makeColumn(
        slot: UInt32,
        source: Source,
        lane: UInt32,
        _ numbers: [UInt32]
    ) -> UnsafeMutablePointer<Column> {
        let labelCount = UInt16(clamping: numbers.count)
        let column = unsafe UnsafeMutablePointer<Column>.make(
            Column(slot: slot, source: source.number, lane: lane, labelCount: labelCount, row: source.time.nextRow),
            pairs: numbers,
            account: &context.bytes
        )
        unsafe source.lanes[Int(lane)] = .own(column)
        source.columns += 1
        return unsafe column
    }

    /// A lane for a series that is there: the source's own one, or taken over from a source that no longer writes it,
    /// or on the side road beside the one that does.
    mutating func lane(
        forExisting slot: UInt32,
        of source: Source,
        _ numbers: [UInt32]
    ) -> (number: UInt32, isForeign: Bool) {
        guard let column = unsafe directory[slot] else { preconditionFailure("an indexed series without a column") }
        if unsafe column.pointee.source == source.number { return unsafe (column.pointee.lane, false) }
        var depth = 0
        var next = unsafe column.pointee.older
        while let older = unsafe next {
            depth += 1
            unsafe next = unsafe older.pointee.older
        }
        if unsafe column.pointee.flags.contains(.active) || depth >= 4 {
            if let known = source.foreignLanes[slot] { return (known, true) }
            let lane = takeLane(source, .foreign(slot: slot))
            source.foreignLanes[slot] = lane
            return (lane, true)
        }
        if let owner = unsafe sources[Int(column.pointee.source)], !owner.isRetired {
            let lane = unsafe column.pointee.lane
            owner.lanes[Int(lane)] = .free
            owner.condemned.append(lane)
        }
        let lane = takeLane(source, .free)
        let fresh = unsafe makeColumn(slot: slot, source: source, lane: lane, numbers)
        unsafe fresh.pointee.older = unsafe column
        unsafe directory.replace(slot, with: fresh)
        return (lane, false)
    }

    /// Frees a lane whose series is gone.
    mutating func letGo(of lane: UInt32, _ source: Source) {
        if case .foreign(let slot) = source.lanes[Int(lane)] { source.foreignLanes[slot] = nil }
        source.lanes[Int(lane)] = .free
        source.condemned.append(lane)
    }

    /// Gives up lanes at the end that nobody uses, once they are many.
    mutating func shrinkLanes(_ source: Source) {
        guard source.freeLanes.count > 1024, source.freeLanes.count > source.lanes.count / 2 else { return }
        var count = source.lanes.count
        while count > 0, case .free = source.lanes[count - 1] { count -= 1 }
        let before = source.lanes.count
        source.lanes.removeLast(before - count)
        source.freeLanes.removeAll { Int($0) >= count }
        source.condemned.removeAll { Int($0) >= count }
        context.bytes -= (before - count) * Source.bytesPerLane
    }

    /// The writer of a source is gone; its series stay until their samples are too old.
    mutating func abandon(_ source: Source) {
        for lane in source.lanes {
            guard case .own(let column) = lane else { continue }
            unsafe column.pointee.flags.remove([.active, .condemned])
        }
        context.bytes -= source.lanes.count * Source.bytesPerLane
        source.lanes = []
        source.freeLanes = []
        source.foreignLanes = [:]
        source.condemned = []
        removeIfUnused(source)
    }
}

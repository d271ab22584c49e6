// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Writes the series of one source, one commit at a time.
///
/// What is appended shows to readers only after `commit`, all of it at once. One thread at a time; different appenders
/// may be used on different threads at once.
@safe
package final class SeriesAppender: @unchecked Sendable {
    // Invariant of @unchecked: the owner calls from one thread at a time; what others see is behind the core's locks.
    package let source: String
    let core: StoreCore
    let state: Source
    private weak var registry: AppenderRegistry?

    typealias Mark = LaneTable.Mark
    typealias SideSample = LaneTable.SideSample

    let table = unsafe LaneTable.make()
    /// All marks that the commit under way has seen.
    var marks: Mark = []
    private var isRetired = false
    var segment: LogSegment?
    var record = CommitRecordWriter()
    var payload = BitWriter()
    /// What naming series takes of the payload.
    var definitionBytes = 0
    /// What is told to the observer of commits, while there is one.
    var observed: ObservedCommit?
    var observer: (any CommitObserver)?
    /// True while the log is read back: nothing is written to it.
    var isReplay = false
    /// The timestamp of the newest commit.
    package private(set) var newestCommit: Timestamp?

    private static let slice = 512

    init(core: StoreCore, state: Source, registry: AppenderRegistry) {
        self.core = core
        self.state = state
        self.registry = registry
        source = state.name
    }

    deinit { unsafe LaneTable.free(table) }

    // MARK: Series

    /// Finds the series or makes it. The reference is good until the store drops the series, which it does only when
    /// its last sample has gone out of retention; `append` then returns false.
    package func series(_ labels: Labels) throws(StoreError) -> SeriesReference {
        if isRetired { throw .retired }
        if labels.isEmpty { throw .emptyLabels }
        let (slot, lane, isForeign) = try core.lane(for: labels, of: state)
        let index = Int(lane)
        unsafe table.pointee.include(index)
        if unsafe table.pointee[index].slot != slot {
            unsafe table.pointee[index].slot = slot
            unsafe table.pointee[index].mark = isForeign ? .foreign : []
        }
        return SeriesReference(slot: slot, generation: 0, lane: lane)
    }

    /// True while the reference can be written with.
    package func knows(_ reference: SeriesReference) -> Bool { unsafe table.pointee.holds(reference) }

    // MARK: Appending

    /// Adds a sample that takes the timestamp of the commit. False when the series was dropped: ask for it again.
    @discardableResult
    package func append(_ reference: SeriesReference, _ value: Double) -> Bool {
        let isKnown = unsafe table.pointee.stage(value, reference)
        if !isKnown { unsafe table.pointee.unknown += 1 }
        return isKnown
    }

    /// Adds samples that take the timestamp of the commit, as many as there are references; those without one go nowhere.
    ///
    /// - Returns: how many have a reference.
    package func append(_ references: ArraySlice<SeriesReference?>, _ values: Span<Double>) -> Int {
        unsafe references.withUnsafeBufferPointer { references in
            unsafe values.withUnsafeBufferPointer { unsafe table.pointee.stage($0, references) }
        }
    }

    /// Adds a sample with a timestamp of its own; its series gets no stale marker from commits.
    @discardableResult
    package func append(_ reference: SeriesReference, _ value: Double, at timestamp: Timestamp) -> Bool {
        appendAside(reference, .float(value), at: timestamp)
    }

    @discardableResult
    package func append(_ reference: SeriesReference, _ histogram: FloatHistogram) -> Bool {
        appendAside(reference, .histogram(histogram), at: nil)
    }

    @discardableResult
    package func append(_ reference: SeriesReference, _ histogram: FloatHistogram, at timestamp: Timestamp) -> Bool {
        appendAside(reference, .histogram(histogram), at: timestamp)
    }

    /// Forgets what was appended since the last commit.
    package func rollback() {
        unsafe table.pointee.forEach { _, entry in entry.mark.subtract(Mark.anyStaged) }
        clear()
    }

    private func clear() {
        unsafe table.pointee.side.removeAll(keepingCapacity: true)
        unsafe table.pointee.unknown = 0
        unsafe table.pointee.duplicates = 0
    }

    // MARK: Committing

    /// Stores everything appended since the last commit, or nothing. Series of the commit before that are missing now
    /// end with a stale marker.
    @discardableResult
    package func commit(at timestamp: Timestamp) throws(StoreError) -> CommitSummary {
        if isRetired { throw .retired }
        letGo()
        let begun = core.samples.withLock { $0.beginRow(state, at: timestamp.milliseconds, isReplay: isReplay) }
        guard case .row(let row, let isSetBack) = begun else {
            rollback()
            guard case .refused(let newest) = begun else { throw .retired }
            throw .outOfOrder(commit: timestamp, newest: Timestamp(milliseconds: newest))
        }
        let log = isReplay ? nil : core.log.withLock { $0 }
        beginRecord(log, isSetBack: isSetBack)
        beginObservation(at: timestamp)
        var summary = CommitSummary()
        summary.unknownSeries = unsafe table.pointee.unknown
        summary.duplicates = unsafe table.pointee.duplicates
        let laneCount = unsafe table.pointee.count
        marks = []
        for start in stride(from: 0, to: laneCount, by: Self.slice) {
            let end = min(laneCount, start + Self.slice)
            core.samples.withLock { state in
                // What a clock's way back has cut must not live again: everything that is not here ends anew.
                if isSetBack { endMissing(start..<end, at: timestamp, &state, &summary) }
                writeLanes(start..<end, row: row, &state, &summary)
            }
        }
        let aside = prepareSide(timestamp, &summary)
        let accepted = core.samples.withLock { state in finish(&state, row: row, timestamp, aside, &summary) }
        clear()
        newestCommit = timestamp
        endObservation(accepted)
        if let log { write(to: log, at: timestamp, accepted.filter { !$0.isMarker }.map(\.sample)) }
        core.maintain(written: summary.stored + summary.staleMarkers, created: summary.seriesAdded, log: log)
        return summary
    }

    private func writeLanes(
        _ lanes: Range<Int>,
        row: UInt32,
        _ samples: inout SampleState,
        _ summary: inout CommitSummary
    ) {
        let isLogged = segment != nil, isObserved = observed != nil
        var record = CommitRecordWriter()
        if isLogged { swap(&record, &self.record) }
        defer { if isLogged { swap(&record, &self.record) } }
        let after: Mark = isLogged ? [.active, .logged, .loggedValue] : .active
        let entries = unsafe table.pointee.entries
        var allMarks = marks
        var stored = 0
        defer {
            marks = allMarks
            summary.stored += stored
        }
        unsafe state.lanes.withUnsafeBufferPointer { owners in
            for lane in lanes {
                unsafe fetch(owners, after: lane)
                let entry = unsafe entries + lane
                let mark = unsafe entry.pointee.mark
                allMarks.formUnion(mark)
                guard mark.contains(.staged), !mark.contains(.foreign) else {
                    if isLogged { record.absent() }
                    if mark.contains(.active), mark.isDisjoint(with: [.aside, .foreign]) {
                        unsafe endLane(lane, entry, owners[lane], row: row, &samples, &summary)
                    }
                    continue
                }
                guard case .own(let column) = unsafe owners[lane] else {
                    summary.unknownSeries += 1
                    unsafe entry.pointee.mark = []
                    unsafe entry.pointee.slot = LaneTable.noSlot
                    if isLogged { record.absent() }
                    continue
                }
                let value = unsafe entry.pointee.value
                let number = unsafe column.pointee.number(of: value)
                if isLogged {
                    let previous = mark.contains(.loggedValue) ? unsafe column.pointee.last : nil
                    var step: Int64?
                    if let number, unsafe column.pointee.tailScale == entry.pointee.scale {
                        step = unsafe number &- column.pointee.lastNumber
                    }
                    unsafe record.value(value, after: previous, step: step, scale: &entry.pointee.scale)
                }
                unsafe column.pointee.append(value, number, row: row, &samples.context)
                unsafe column.pointee.flags.insert(.active)
                if !mark.contains(.active) { summary.seriesAdded += 1 }
                unsafe entry.pointee.mark = mark.intersection(.observed).union(after)
                stored &+= 1
                if isObserved { observed?.floats.append(.init(lane: UInt32(truncatingIfNeeded: lane), value: value)) }
            }
        }
    }

    /// Asks for the memory of lanes that come later, first for the columns, then for the ends of their tails: the series of
    /// a large target are seldom in a cache, and waiting for them would be most of the work.
    @inline(__always)
    private func fetch(_ owners: UnsafeBufferPointer<Source.Lane>, after lane: Int) {
        let far = lane &+ 32, near = lane &+ 16
        if far < owners.count, case .own(let column) = unsafe owners[far] {
            unsafe clinux_fetch(column)
            unsafe clinux_fetch(UnsafeRawPointer(column) + Column.hotBytes)
        }
        if near < owners.count, case .own(let column) = unsafe owners[near] {
            unsafe clinux_fetch(column.pointee.nextTailByte)
        }
    }

    /// Ends the series without a sample in this commit, the clock having been set back: their columns have no row behind the
    /// newest value that is left, where a marker would stand, so it goes aside.
    private func endMissing(
        _ lanes: Range<Int>,
        at timestamp: Timestamp,
        _ samples: inout SampleState,
        _ summary: inout CommitSummary
    ) {
        for lane in lanes {
            let mark = unsafe table.pointee[lane].mark
            guard mark.isDisjoint(with: Mark.anyStaged.union([.aside, .foreign])),
                case .own(let column) = state.lanes[lane], unsafe column.pointee.isOpen
            else { continue }
            samples.appendAside(
                .float(StaleMarker.value),
                at: timestamp.milliseconds,
                slot: unsafe column.pointee.slot,
                isMarker: true,
                &summary
            )
        }
    }

    /// A series of the commit before is missing.
    private func endLane(
        _ lane: Int,
        _ entry: UnsafeMutablePointer<LaneTable.Entry>,
        _ owner: Source.Lane,
        row: UInt32,
        _ samples: inout SampleState,
        _ summary: inout CommitSummary
    ) {
        guard case .own(let column) = owner else { return }
        if unsafe entry.pointee.mark.contains(.stagedAside) {
            // From floats to histograms: the series goes on beside its column.
            unsafe column.pointee.flags.remove(.active)
            return
        }
        unsafe column.pointee.end(row: row, &samples.context)
        unsafe entry.pointee.mark.remove(.active)
        summary.staleMarkers += 1
        observed?.floats.append(.init(lane: UInt32(truncatingIfNeeded: lane), value: StaleMarker.value))
    }

    /// Forgets series that the store wants back, unless they are written again.
    private func letGo() {
        let lanes: [UInt32] = core.samples.withLock { _ in
            if state.condemned.isEmpty { return [] }
            var idle: [UInt32] = []
            for lane in state.condemned {
                let isStaged =
                    unsafe Int(lane) < table.pointee.count
                    && !table.pointee[Int(lane)].mark.isDisjoint(with: Mark.anyStaged)
                if isStaged, case .own(let column) = state.lanes[Int(lane)] {
                    unsafe column.pointee.flags.remove(.condemned)
                } else {
                    idle.append(lane)
                }
            }
            state.condemned = []
            return idle
        }
        guard !lanes.isEmpty else { return }
        guard let freed = core.release(lanes, of: state) else {
            // A query is looking at the index; later is early enough.
            return core.samples.withLock { _ in state.condemned += lanes }
        }
        for lane in freed where unsafe Int(lane) < table.pointee.count {
            if unsafe table.pointee[Int(lane)].mark.contains(.staged) { unsafe table.pointee.unknown += 1 }
            unsafe table.pointee.forget(Int(lane))
        }
        core.samples.withLock { samples in
            state.freeLanes += freed
            samples.shrinkLanes(state)
        }
        let count = core.samples.withLock { _ in state.lanes.count }
        unsafe table.pointee.keepFirst(count)
    }

    /// The source is gone: ends all its series with stale markers and refuses everything after.
    package func retire(at timestamp: Timestamp) {
        if isRetired { return }
        rollback()
        let newest = newestCommit ?? .distantPast
        // Even if the clock says otherwise the end comes after the last sample.
        _ = try? commit(at: max(timestamp, Timestamp(milliseconds: newest.milliseconds.saturatingAdd(1))))
        logRetirement()
        observer?.ended(source: state.number)
        isRetired = true
        core.samples.withLock { samples in
            state.isRetired = true
            if samples.sourceNumbers[source] == state.number { samples.sourceNumbers[source] = nil }
            samples.abandon(state)
        }
        registry?.forget(self)
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Writes the series of one source, one commit at a time.
///
/// What is appended shows to readers only after `commit`, all of it at once. One thread at a time; different appenders
/// may be used on different threads at once.
@safe
package final class SeriesAppender: @unchecked Sendable {
    // Invariant of @unchecked: the owner calls from one thread at a time; what others see is behind the core's locks.
    package let source: String
    let core: StoreCore
    private let state: Source
    private weak var registry: AppenderRegistry?

    private typealias Mark = LaneTable.Mark
    private typealias SideSample = LaneTable.SideSample

    private let table = unsafe LaneTable.make()
    private var isRetired = false
    /// Keeps the loads of `touch` alive.
    private var touched: UInt8 = 0
    private var segment: LogSegment?
    private var record = CommitRecordWriter()
    private var payload = BitWriter()
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
    @inline(__always)
    package func append(_ reference: SeriesReference, _ value: Double) -> Bool {
        let lane = Int(reference.lane)
        guard unsafe lane < table.pointee.count, unsafe table.pointee.entries[lane].slot == reference.slot else {
            unsafe table.pointee.unknown += 1
            return false
        }
        let entry = unsafe table.pointee.entries + lane
        if unsafe !entry.pointee.mark.isDisjoint(with: Mark.anyStaged) {
            unsafe table.pointee.duplicates += 1
            return true
        }
        // A stale marker from outside says what absence says.
        if StaleMarker.isStale(value) { return true }
        unsafe entry.pointee.mark.insert(.staged)
        unsafe entry.pointee.value = value
        return true
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

    private func appendAside(_ reference: SeriesReference, _ value: SampleValue, at timestamp: Timestamp?) -> Bool {
        guard knows(reference) else {
            unsafe table.pointee.unknown += 1
            return false
        }
        if timestamp == nil {
            let lane = Int(reference.lane)
            if unsafe !table.pointee[lane].mark.isDisjoint(with: Mark.anyStaged) {
                unsafe table.pointee.duplicates += 1
                return true
            }
            unsafe table.pointee[lane].mark.insert(.stagedAside)
        }
        unsafe table.pointee.side.append(SideSample(lane: reference.lane, timestamp: timestamp, value: value))
        return true
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
        var summary = CommitSummary()
        summary.unknownSeries = unsafe table.pointee.unknown
        summary.duplicates = unsafe table.pointee.duplicates
        let laneCount = unsafe table.pointee.count
        for start in stride(from: 0, to: laneCount, by: Self.slice) {
            let end = min(laneCount, start + Self.slice)
            core.samples.withLock { writeLanes(start..<end, row: row, &$0, &summary) }
        }
        let aside = prepareSide(timestamp, &summary)
        let accepted = core.samples.withLock { state in finish(&state, row: row, timestamp, aside, &summary) }
        clear()
        newestCommit = timestamp
        if let log { write(to: log, at: timestamp, accepted) }
        core.maintain(written: summary.stored + summary.staleMarkers, created: summary.seriesAdded, log: log)
        return summary
    }

    private func writeLanes(
        _ lanes: Range<Int>,
        row: UInt32,
        _ samples: inout SampleState,
        _ summary: inout CommitSummary
    ) {
        let isLogged = segment != nil
        var record = CommitRecordWriter()
        if isLogged { swap(&record, &self.record) }
        defer { if isLogged { swap(&record, &self.record) } }
        let entries = unsafe table.pointee.entries
        unsafe state.lanes.withUnsafeBufferPointer { owners in
            for lane in lanes {
                if lane % Self.touchAhead == 0 {
                    unsafe touch(owners, lane..<min(lanes.upperBound, lane + Self.touchAhead))
                }
                let entry = unsafe entries + lane
                let mark = unsafe entry.pointee.mark
                guard mark.contains(.staged), !mark.contains(.foreign) else {
                    if isLogged { record.absent() }
                    if mark.contains(.active), mark.isDisjoint(with: [.aside, .foreign]) {
                        unsafe endLane(entry, owners[lane], row: row, &samples, &summary)
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
                if isLogged {
                    let previous = mark.contains(.loggedValue) ? unsafe column.pointee.last : nil
                    unsafe record.value(value, after: previous, scale: &entry.pointee.scale)
                }
                unsafe column.pointee.append(value, row: row, &samples.context)
                unsafe column.pointee.flags.insert(.active)
                if !mark.contains(.active) { summary.seriesAdded += 1 }
                unsafe entry.pointee.mark = isLogged ? [.active, .logged, .loggedValue] : .active
                summary.stored += 1
            }
        }
    }

    /// Columns whose memory is asked for at once.
    private static let touchAhead = 16

    @inline(__always)
    private func touch(_ owners: UnsafeBufferPointer<Source.Lane>, _ lanes: Range<Int>) {
        var sum: UInt8 = 0
        for lane in lanes {
            if case .own(let column) = unsafe owners[lane] { sum ^= unsafe column.pointee.touched }
        }
        touched = sum
    }

    /// A series of the commit before is missing.
    private func endLane(
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
    }

    /// What takes the side road in this commit: explicit timestamps, histograms, samples of foreign lanes, and the stale
    /// markers of those that are missing.
    private func prepareSide(
        _ timestamp: Timestamp,
        _ summary: inout CommitSummary
    ) -> [(sample: SideSample, isMarker: Bool)] {
        var result: [(sample: SideSample, isMarker: Bool)] = []
        let oldest = timestamp - core.configuration.oldestExplicitAge
        let newest = timestamp + core.configuration.newestExplicitLead
        var present: Set<UInt32> = []
        for sample in unsafe table.pointee.side {
            if let own = sample.timestamp {
                if own < oldest {
                    summary.tooOld += 1
                } else if own > newest {
                    summary.tooNew += 1
                } else {
                    result.append((sample, false))
                }
            } else {
                present.insert(sample.lane)
                result.append((sample, false))
            }
        }
        unsafe table.pointee.forEach { lane, entry in
            guard !entry.mark.isDisjoint(with: [.foreign, .aside]) else { return }
            let number = UInt32(lane)
            if entry.mark.contains([.foreign, .staged]) {
                result.append((SideSample(lane: number, timestamp: nil, value: .float(entry.value)), false))
                present.insert(number)
                if !entry.mark.contains(.active) { summary.seriesAdded += 1 }
                entry.mark.insert(.active)
            }
            entry.mark.remove(.staged)
            if entry.mark.contains(.active), !present.contains(number) {
                entry.mark.remove(.active)
                let marker = SampleValue.float(StaleMarker.value)
                result.append((SideSample(lane: number, timestamp: nil, value: marker), true))
            }
        }
        for lane in present.sorted() {
            unsafe table.pointee[Int(lane)].mark.remove(.stagedAside)
            if unsafe !table.pointee[Int(lane)].mark.contains(.active) { summary.seriesAdded += 1 }
            unsafe table.pointee[Int(lane)].mark.insert(.active)
            if unsafe !table.pointee[Int(lane)].mark.contains(.foreign) {
                unsafe table.pointee[Int(lane)].mark.insert(.aside)
            }
        }
        return result
    }

    private func finish(
        _ samples: inout SampleState,
        row: UInt32,
        _ timestamp: Timestamp,
        _ aside: [(sample: SideSample, isMarker: Bool)],
        _ summary: inout CommitSummary
    ) -> [SideSample] {
        var accepted: [SideSample] = []
        for (sample, isMarker) in aside {
            let before = summary.stored
            samples.appendAside(
                sample.value,
                at: (sample.timestamp ?? timestamp).milliseconds,
                slot: unsafe table.pointee[Int(sample.lane)].slot,
                isMarker: isMarker,
                &summary
            )
            if summary.stored > before { accepted.append(sample) }
            if unsafe samples.directory[table.pointee[Int(sample.lane)].slot] == nil {
                samples.letGo(of: sample.lane, state)
            }
        }
        samples.committed[Int(state.number)] = row + 1
        samples.statistics.add(summary)
        return accepted
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
        isRetired = true
        core.samples.withLock { samples in
            state.isRetired = true
            if samples.sourceNumbers[source] == state.number { samples.sourceNumbers[source] = nil }
            samples.abandon(state)
        }
        registry?.forget(self)
    }

    // MARK: The log

    private func beginRecord(_ log: SampleLog?, isSetBack: Bool) {
        guard let log, let current = log.current else {
            if segment != nil { clearLogMarks() }
            segment = nil
            log?.countLost()
            return
        }
        if segment !== current || isSetBack {
            clearLogMarks()
            segment = current
        }
        payload.removeAll()
        payload.write(byte: CommitRecordWriter.commitKind)
        payload.write(varint: UInt64(state.number))
        payload.write(varint: UInt64(source.utf8.count))
        for byte in source.utf8 { payload.write(byte: byte) }
        defineLanes()
        record.begin()
    }

    private func clearLogMarks() {
        unsafe table.pointee.forEach { _, entry in entry.mark.subtract([.logged, .loggedValue]) }
    }

    /// Writes the labels of lanes that the segment does not know and that this commit needs.
    private func defineLanes() {
        var lanes: [Int] = []
        unsafe table.pointee.forEach { lane, entry in
            guard !entry.mark.contains(.logged) else { return }
            if entry.mark.contains(.staged) { lanes.append(lane) }
        }
        for sample in unsafe table.pointee.side
        where unsafe table.pointee[Int(sample.lane)].mark.isDisjoint(with: [.logged, .staged]) {
            unsafe table.pointee[Int(sample.lane)].mark.insert(.logged)
            lanes.append(Int(sample.lane))
        }
        guard !lanes.isEmpty else {
            payload.write(varint: 0)
            payload.write(varint: 0)
            return
        }
        lanes.sort()
        core.index.withLock { index in
            var numbers: [UInt32: UInt64] = [:]
            var pairs: [SeriesIndex.Pair] = []
            var series: [(lane: Int, pairs: [UInt64])] = []
            for lane in lanes {
                guard let own = unsafe index.pairNumbers(of: table.pointee[lane].slot) else { continue }
                var list: [UInt64] = []
                for position in 0..<own.count {
                    let number = unsafe own[position]
                    if let known = numbers[number] {
                        list.append(known)
                    } else if let pair = index.pair(number) {
                        numbers[number] = UInt64(pairs.count)
                        list.append(UInt64(pairs.count))
                        pairs.append(pair)
                    }
                }
                series.append((lane, list))
            }
            payload.write(varint: UInt64(pairs.count))
            for pair in pairs {
                payload.write(text: index.names[Int(pair.name)].text)
                payload.write(text: Array(pair.value))
            }
            payload.write(varint: UInt64(series.count))
            for (lane, list) in series {
                payload.write(varint: UInt64(lane))
                payload.write(varint: UInt64(list.count))
                for number in list { payload.write(varint: number) }
            }
        }
        for lane in lanes { unsafe table.pointee[lane].mark.insert(.logged) }
    }

    private func write(to log: SampleLog, at timestamp: Timestamp, _ aside: [SideSample]) {
        guard let segment else { return }
        record.end()
        payload.write(signed: timestamp.milliseconds)
        payload.write(varint: UInt64(unsafe table.pointee.count))
        payload.write(varint: UInt64(record.nibbles.count))
        payload.write(bytes: record.nibbles)
        payload.write(varint: UInt64(aside.count))
        for sample in aside {
            payload.write(varint: UInt64(sample.lane))
            payload.write(byte: (sample.timestamp == nil ? 0 : 1) | (sample.value.isHistogram ? 2 : 0))
            if let own = sample.timestamp {
                payload.write(signed: own.milliseconds.saturatingSubtract(timestamp.milliseconds))
            }
            switch sample.value {
            case .float(let value): payload.write(fixed: value.bitPattern)
            case .histogram(let histogram): HistogramCodec.encode(histogram, after: nil, into: &payload)
            }
        }
        log.append(payload.bytes, to: segment, at: timestamp.milliseconds)
    }

    private func logRetirement() {
        guard !isReplay, let log = core.log.withLock({ $0 }), let current = log.current else { return }
        payload.removeAll()
        payload.write(byte: CommitRecordWriter.retireKind)
        payload.write(varint: UInt64(state.number))
        payload.write(text: Array(source.utf8))
        payload.write(signed: (newestCommit ?? .distantPast).milliseconds)
        log.append(payload.bytes, to: current, at: newestCommit?.milliseconds ?? .min)
    }
}

extension SampleValue {
    var isHistogram: Bool {
        if case .histogram = self { return true }
        return false
    }
}

extension BitWriter {
    mutating func write(text: [UInt8]) {
        write(varint: UInt64(text.count))
        write(bytes: text)
    }
}

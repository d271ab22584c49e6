// SPDX-License-Identifier: Apache-2.0

/// What was found in the log when it was read back.
package struct RecoveryReport: Hashable, Sendable {
    package var segments = 0
    package var commits = 0
    package var samples = 0
    /// Ends of files that held half a record and were cut off.
    package var tornTails = 0
    /// Files that were damaged and set aside; what stood before the damage is used.
    package var corruptSegments = 0
    /// Files of a newer version of this program, left alone.
    package var incompatibleSegments = 0
    /// One line for each thing that was not as it should be: `FILE: offset N: what, what was done`.
    package var problems: [String] = []

    package init() {}
}

/// Reads the segments of a log into a store.
struct LogRecovery {
    private let store: TimeSeriesStore
    private let directory: any StorageDirectory
    private(set) var report = RecoveryReport()
    private(set) var kept: [SampleLog.OldSegment] = []
    private(set) var nextSequence: UInt64 = 1

    /// What a segment has said so far about a source.
    private struct SourceState {
        var appender: SeriesAppender
        var lanes: [Lane] = []
    }

    private struct Lane {
        var reference: SeriesReference?
        var labels = Labels()
        var value = 0.0
        var hasValue = false
        var scale: UInt8 = 0
    }

    private static let segmentLimit = 1 << 30

    init(store: TimeSeriesStore, directory: any StorageDirectory) {
        self.store = store
        self.directory = directory
    }

    mutating func run() {
        let names: [String]
        do {
            names = try directory.list()
        } catch {
            return report.problems.append("\(error.description); keeping samples in memory only")
        }
        for name in names {
            if let sequence = UInt64(setAsideName: name) { nextSequence = max(nextSequence, sequence + 1) }
        }
        let segments = names.compactMap { name in LogFormat.sequence(ofName: name).map { (sequence: $0, name: name) } }
        for segment in segments.sorted(by: { $0.sequence < $1.sequence }) {
            nextSequence = max(nextSequence, segment.sequence + 1)
            read(segment.name)
        }
        for appender in store.registry.all { appender.isReplay = false }
    }

    private mutating func read(_ name: String) {
        let bytes: [UInt8]
        do {
            bytes = try directory.read(name, limit: Self.segmentLimit)
        } catch {
            report.problems.append("\(error.description); skipped")
            return
        }
        report.segments += 1
        switch LogFormat.readHead(bytes) {
        case .newer(let version):
            report.incompatibleSegments += 1
            report.problems.append(
                "\(name): offset 8: format version \(version) is newer than \(LogFormat.version), left alone"
            )
            return
        case .unfinished:
            // The program died while it made the file.
            report.tornTails += 1
            remove(name)
            return
        case .broken:
            return setAside(name, bytes, keeping: 0, offset: 0, records: 0, "no head of a sample log")
        case .current: break
        }
        var offset = LogFormat.headSize
        var sources: [UInt64: SourceState] = [:]
        var newest = Int64.min
        var records = 0
        while offset < bytes.count {
            guard let record = RecordFrame.payload(bytes, at: offset) else {
                // Half a record at the very end is what a crash leaves; anything else is damage.
                if RecordFrame.isTorn(bytes, at: offset) {
                    report.tornTails += 1
                    cut(name, to: offset)
                } else {
                    setAside(name, bytes, keeping: offset, offset: offset, records: records, "bad checksum")
                }
                break
            }
            guard let timestamp = apply(bytes[record], &sources) else {
                setAside(name, bytes, keeping: offset, offset: offset, records: records, "unreadable record")
                break
            }
            newest = max(newest, timestamp)
            records += 1
            offset = record.upperBound
        }
        if records > 0 {
            kept.append(.init(name: name, size: offset, newest: newest))
        } else if offset == bytes.count {
            remove(name)
        }
    }

    private mutating func cut(_ name: String, to size: Int) {
        report.problems.append("\(name): offset \(size): half a record at the end, cut off")
        do {
            try directory.truncate(name, to: size)
        } catch {
            report.problems.append(error.description)
        }
    }

    private mutating func remove(_ name: String) {
        do {
            try directory.remove(name)
        } catch {
            report.problems.append(error.description)
        }
    }

    /// Moves a damaged file out of the way and writes its good part anew, so that the next start finds it whole.
    private mutating func setAside(
        _ name: String,
        _ bytes: [UInt8],
        keeping size: Int,
        offset: Int,
        records: Int,
        _ what: String
    ) {
        report.corruptSegments += 1
        let newName = name + ".corrupt"
        report.problems.append("\(name): offset \(offset): \(what), kept \(records) records, moved to \(newName)")
        do {
            try directory.rename(name, to: newName)
            if size > LogFormat.headSize {
                let file = try directory.create(name)
                try file.append(Array(bytes[..<size]))
                try file.sync()
            }
        } catch {
            report.problems.append(error.description)
        }
    }

    // MARK: Records

    /// Takes one record into the store; returns its timestamp, nil when it makes no sense.
    private mutating func apply(_ payload: ArraySlice<UInt8>, _ sources: inout [UInt64: SourceState]) -> Int64? {
        unsafe payload.withUnsafeBufferPointer { buffer -> Int64? in
            guard let start = buffer.baseAddress else { return nil }
            var reader = unsafe BitReader(start, byteCount: buffer.count)
            let kind = reader.readByte()
            let number = reader.readVarint()
            guard let name = text(&reader, payload) else { return nil }
            let source = String(decoding: name, as: UTF8.self)
            if sources[number]?.appender.source != source {
                let appender = store.registry.appender(source: source, claims: false)
                appender.isReplay = true
                sources[number] = SourceState(appender: appender)
            }
            if kind == CommitRecordWriter.retireKind {
                let timestamp = reader.readSigned()
                sources[number]?.appender.retire(at: Timestamp(milliseconds: timestamp))
                sources[number] = nil
                return reader.isPastEnd ? nil : timestamp
            }
            guard kind == CommitRecordWriter.commitKind, var state = sources[number] else { return nil }
            sources[number] = nil
            defer { sources[number] = state }
            guard define(&reader, payload, &state) else { return nil }
            return commit(&reader, payload, &state)
        }
    }

    private func text(_ reader: inout BitReader, _ payload: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let length = reader.readVarint()
        let start = payload.startIndex + reader.bit / 8
        guard length <= UInt64(max(0, payload.endIndex - start)) else { return nil }
        reader.skip(Int(length) * 8)
        return payload[start..<(start + Int(length))]
    }

    private func define(_ reader: inout BitReader, _ payload: ArraySlice<UInt8>, _ state: inout SourceState) -> Bool {
        var pairs: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []
        for _ in 0..<reader.readVarint() {
            guard let name = text(&reader, payload), let value = text(&reader, payload) else { return false }
            pairs.append((name, value))
        }
        for _ in 0..<reader.readVarint() {
            let lane = reader.readVarint()
            let count = reader.readVarint()
            guard lane < 1 << 24, count <= UInt64(UInt16.max), !reader.isPastEnd else { return false }
            var builder = LabelsBuilder()
            for _ in 0..<count {
                let number = reader.readVarint()
                guard number < UInt64(pairs.count) else { return false }
                builder.set(pairs[Int(number)].name, pairs[Int(number)].value)
            }
            while state.lanes.count <= Int(lane) { state.lanes.append(Lane()) }
            let labels = builder.build()
            // When the store is full of series the rest of the log goes without this one.
            state.lanes[Int(lane)] = Lane(reference: try? state.appender.series(labels), labels: labels)
        }
        return true
    }

    private mutating func commit(
        _ reader: inout BitReader,
        _ payload: ArraySlice<UInt8>,
        _ state: inout SourceState
    ) -> Int64? {
        let timestamp = reader.readSigned()
        let laneCount = reader.readVarint()
        guard let codes = text(&reader, payload), laneCount < 1 << 24 else { return nil }
        let appender = state.appender
        var decoder = CommitRecordReader(codes)
        var lane = 0
        var step: Int64 = 0
        while lane < Int(laneCount) {
            let outcome = decoder.next()
            if decoder.isBroken { return fail(appender) }
            switch outcome {
            case .absent(let count): lane += count
            case .repeated(let count):
                for _ in 0..<count {
                    guard advance(&state, lane, by: step) else { return fail(appender) }
                    lane += 1
                }
            case .step(let next):
                step = next
                guard advance(&state, lane, by: step) else { return fail(appender) }
                lane += 1
            case .number(let number, let scale):
                guard lane < state.lanes.count else { return fail(appender) }
                state.lanes[lane].value = Decimal.float(of: number, scale: Int(scale))
                state.lanes[lane].scale = scale
                write(&state.lanes[lane], appender)
                lane += 1
            case .float(let value):
                guard lane < state.lanes.count else { return fail(appender) }
                state.lanes[lane].value = value
                write(&state.lanes[lane], appender)
                lane += 1
            }
        }
        guard lane == Int(laneCount), side(&reader, state, timestamp) else { return fail(appender) }
        if let summary = try? appender.commit(at: Timestamp(milliseconds: timestamp)) {
            report.commits += 1
            report.samples += summary.stored
        }
        return timestamp
    }

    /// False when the record makes no sense.
    @inline(__always)
    private func advance(_ state: inout SourceState, _ lane: Int, by step: Int64) -> Bool {
        guard lane < state.lanes.count, state.lanes[lane].hasValue else { return false }
        if step != 0 {
            let scale = Int(state.lanes[lane].scale)
            guard let before = Decimal.whole(of: state.lanes[lane].value, scale: scale) else { return false }
            state.lanes[lane].value = Decimal.float(of: before &+ step, scale: scale)
        }
        write(&state.lanes[lane], state.appender)
        return true
    }

    private func fail(_ appender: SeriesAppender) -> Int64? {
        appender.rollback()
        return nil
    }

    @inline(__always)
    private func write(_ lane: inout Lane, _ appender: SeriesAppender) {
        lane.hasValue = true
        guard let reference = lane.reference else { return }
        if !appender.append(reference, lane.value) {
            // The series went out of retention between two parts of the log.
            lane.reference = try? appender.series(lane.labels)
            if let again = lane.reference { appender.append(again, lane.value) }
        }
    }

    private func side(_ reader: inout BitReader, _ state: SourceState, _ timestamp: Int64) -> Bool {
        for _ in 0..<reader.readVarint() {
            let lane = reader.readVarint()
            let flags = reader.readByte()
            guard lane < UInt64(state.lanes.count), !reader.isPastEnd else { return false }
            let own = flags & 1 == 0 ? nil : Timestamp(milliseconds: timestamp.saturatingAdd(reader.readSigned()))
            let reference = state.lanes[Int(lane)].reference
            if flags & 2 == 0 {
                let value = Double(bitPattern: reader.readFixed())
                guard let reference else { continue }
                if let own {
                    state.appender.append(reference, value, at: own)
                } else {
                    state.appender.append(reference, value)
                }
            } else {
                guard let histogram = HistogramCodec.decode(after: nil, from: &reader) else { return false }
                guard let reference else { continue }
                if let own {
                    state.appender.append(reference, histogram, at: own)
                } else {
                    state.appender.append(reference, histogram)
                }
            }
        }
        return !reader.isPastEnd
    }
}

extension UInt64 {
    /// The number in the name of a segment that was set aside.
    fileprivate init?(setAsideName name: String) {
        guard name.hasSuffix(".corrupt"), let sequence = LogFormat.sequence(ofName: String(name.dropLast(8))) else {
            return nil
        }
        self = sequence
    }
}

extension TimeSeriesStore {
    /// Reads what a log holds into the store and writes every commit to it from then on. Never fails: what cannot be
    /// read or written is in the report and in `logStatistics`. To be called once, before anything is appended.
    package func attachLog(in directory: any StorageDirectory) -> RecoveryReport {
        var recovery = LogRecovery(store: self, directory: directory)
        recovery.run()
        let log = SampleLog(
            directory: directory,
            memoryLimit: core.configuration.memoryLimit,
            nextSequence: recovery.nextSequence,
            old: recovery.kept
        )
        log.open()
        core.log.withLock { $0 = log }
        return recovery.report
    }

    /// The same in a folder of the file system, which is made if it is missing. Where that is impossible the store keeps
    /// to memory: the report says why, and `logStatistics` stays nil.
    package func openLog(path: String) -> RecoveryReport {
        do {
            return attachLog(in: try DiskDirectory(path: path))
        } catch {
            var report = RecoveryReport()
            report.problems = ["\(error.description); keeping samples in memory only"]
            return report
        }
    }
}

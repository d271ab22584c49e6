// SPDX-License-Identifier: Apache-2.0

/// Figures of the log, since it was attached.
package struct LogStatistics: Hashable, Sendable {
    /// False while the disk refuses; samples are kept in memory only.
    package var isWritable = true
    package var segments = 0
    package var bytes = 0
    package var bytesWritten = 0
    package var writeFailures = 0
    package var syncFailures = 0
    /// Commits that did not reach the log.
    package var commitsLost = 0
    package var segmentsRemoved = 0
    package var lastError: StorageError?

    package init() {}
}

/// One file of the log, which appenders write to. Says nothing that needs another segment.
final class LogSegment: Sendable {
    struct State {
        var size: Int
        /// Bytes of `size` that name series.
        var definitions = 0
        var newest = Int64.min
        var isBroken = false
    }

    let name: String
    let sequence: UInt64
    let file: any StorageFile
    let state: Guarded<State>

    init(name: String, sequence: UInt64, file: any StorageFile, size: Int) {
        self.name = name
        self.sequence = sequence
        self.file = file
        state = Guarded(State(size: size))
    }

    /// Appends a framed record. After a failure the file is cut back, and nothing more goes into the segment.
    func append(_ payload: [UInt8], definitions: Int, at timestamp: Int64) throws(StorageError) -> Int {
        try state.withLock { state throws(StorageError) in
            if state.isBroken { throw StorageError(operation: "write", name: name, code: 5) }
            let record = RecordFrame.frame(payload)
            do throws(StorageError) {
                try file.append(record)
            } catch {
                state.isBroken = true
                // A torn record at the end is cut at the next start too, should this fail.
                try? file.truncate(to: state.size)
                throw error
            }
            state.size += record.count
            state.definitions += definitions
            state.newest = max(state.newest, timestamp)
            return record.count
        }
    }
}

/// How segments are laid out: a head of 16 bytes, then records.
enum LogFormat {
    static let version: UInt32 = 1
    static let headSize = 16
    private static let magic = Array("SCSAMPLE".utf8)
    static let suffix = ".samples"

    static func name(_ sequence: UInt64) -> String {
        let digits = String(sequence, radix: 16)
        return String(repeating: "0", count: max(0, 16 - digits.utf8.count)) + digits + suffix
    }

    static func sequence(ofName name: String) -> UInt64? {
        guard name.hasSuffix(suffix), name.utf8.count == 16 + suffix.utf8.count else { return nil }
        // Numbers that we never reach are not ours.
        return UInt64(name.dropLast(suffix.utf8.count), radix: 16).flatMap { $0 < 1 << 62 ? $0 : nil }
    }

    static var head: [UInt8] { magic + RecordFrame.bytes(version) + RecordFrame.bytes(UInt32(headSize)) }

    enum Head { case current, newer(UInt32), unfinished, broken }

    static func readHead(_ bytes: [UInt8]) -> Head {
        if bytes.count < headSize { return head.starts(with: bytes) ? .unfinished : .broken }
        guard bytes[0..<8].elementsEqual(magic) else { return .broken }
        let found = RecordFrame.number(bytes, at: 8)
        if found > version { return .newer(found) }
        return found == version && RecordFrame.number(bytes, at: 12) == headSize ? .current : .broken
    }
}

/// The write-ahead log: every commit as one record, in segments that are dropped when retention has passed them.
final class SampleLog: Sendable {
    struct OldSegment {
        var name: String
        var size: Int
        var newest: Int64
    }

    struct State {
        var current: LogSegment?
        var nextSequence: UInt64
        var old: [OldSegment]
        var openedAt = Int64.min
        var statistics = LogStatistics()
        var writtenSinceSync = false
    }

    /// A segment ends at this size, or after this time, so that retention can drop it.
    static let segmentBytes = 16 << 20
    static let segmentMilliseconds: Int64 = 10 * 60 * 1000
    /// Each segment names its series anew: with so many that this alone would fill it, the segment goes on until naming is
    /// no more than a third of it.
    private static let definitionShare = 3

    private let directory: any StorageDirectory
    /// No segment grows beyond it, as the next start reads segments whole.
    private let largestSegment: Int
    private let state: Guarded<State>

    /// - Parameter memoryLimit: the store's.
    init(directory: any StorageDirectory, memoryLimit: Int, nextSequence: UInt64, old: [OldSegment]) {
        self.directory = directory
        largestSegment = min(max(Self.segmentBytes, memoryLimit / 8), 256 << 20)
        state = Guarded(State(nextSequence: nextSequence, old: old))
    }

    /// The segment to write to; nil while the disk refuses.
    var current: LogSegment? { state.withLock { $0.current } }

    var statistics: LogStatistics {
        state.withLock { state in
            var statistics = state.statistics
            statistics.isWritable = state.current != nil
            statistics.segments = state.old.count + (state.current == nil ? 0 : 1)
            statistics.bytes = state.old.reduce(0) { $0 + $1.size }
            statistics.bytes += state.current?.state.withLock { $0.size } ?? 0
            return statistics
        }
    }

    /// - Parameter definitions: bytes of the payload that name series.
    func append(_ payload: [UInt8], definitions: Int, to segment: LogSegment, at timestamp: Int64) {
        do throws(StorageError) {
            let written = try segment.append(payload, definitions: definitions, at: timestamp)
            let isFull = segment.state.withLock { segment in
                let wanted = max(Self.segmentBytes, segment.definitions * Self.definitionShare)
                return segment.size >= min(wanted, largestSegment)
            }
            state.withLock { state in
                state.statistics.bytesWritten += written
                state.writtenSinceSync = true
                if state.openedAt == .min { state.openedAt = timestamp }
                let age = timestamp.saturatingSubtract(state.openedAt)
                guard state.current === segment, isFull || age >= Self.segmentMilliseconds || age < 0 else { return }
                rotate(&state)
            }
        } catch {
            state.withLock { state in
                state.statistics.writeFailures += 1
                state.statistics.commitsLost += 1
                fail(&state, error, segment)
            }
        }
    }

    func countLost() { state.withLock { $0.statistics.commitsLost += 1 } }

    /// Opens a segment when there is none.
    func open() { state.withLock { if $0.current == nil { rotate(&$0) } } }

    private func rotate(_ state: inout State) {
        retire(&state)
        let sequence = state.nextSequence
        let name = LogFormat.name(sequence)
        state.nextSequence += 1
        do throws(StorageError) {
            let file = try directory.create(name)
            do throws(StorageError) {
                try file.append(LogFormat.head)
                try directory.sync()
            } catch {
                try? directory.remove(name)
                throw error
            }
            state.current = LogSegment(name: name, sequence: sequence, file: file, size: LogFormat.headSize)
            state.openedAt = .min
        } catch {
            state.statistics.lastError = error
        }
    }

    private func retire(_ state: inout State) {
        guard let segment = state.current else { return }
        let (size, newest) = segment.state.withLock { ($0.size, $0.newest) }
        state.old.append(OldSegment(name: segment.name, size: size, newest: newest))
        state.current = nil
    }

    private func fail(_ state: inout State, _ error: StorageError, _ segment: LogSegment) {
        state.statistics.lastError = error
        if state.current === segment { retire(&state) }
    }

    /// Makes what was written last; opens a new segment when the disk refused before. Blocks as long as the disk does,
    /// without holding up commits.
    func sync() {
        let (segment, isDirty) = state.withLock { state in
            defer { state.writtenSinceSync = false }
            return (state.current, state.writtenSinceSync)
        }
        guard let segment else { return open() }
        guard isDirty else { return }
        do throws(StorageError) {
            try segment.file.sync()
        } catch {
            // What the kernel could not write is gone for good and a second try would lie: go on in a new segment.
            segment.state.withLock { $0.isBroken = true }
            state.withLock { state in
                state.statistics.syncFailures += 1
                fail(&state, error, segment)
                rotate(&state)
            }
        }
    }

    /// Removes segments whose newest commit is before a moment.
    func removeSegments(before moment: Int64) {
        let names = state.withLock { state in
            let gone = state.old.filter { $0.newest < moment }
            state.old.removeAll { $0.newest < moment }
            return gone.map(\.name)
        }
        for name in names {
            do throws(StorageError) {
                try directory.remove(name)
                state.withLock { $0.statistics.segmentsRemoved += 1 }
            } catch {
                state.withLock { $0.statistics.lastError = error }
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Fragments that wait to be sent, oldest first: in files, as long as the disk allows, and bounded there and in memory.
///
/// Files are segments of fragments, named by a number and `.queue`; how far they have been sent stands in a file of its
/// own (`SendProgress`). What is in a file survives `kill -9`, and what has been synced a power cut. Belongs to one thread
/// at a time.
struct FragmentQueue {
    struct Limits {
        var diskBytes = 256 << 20
        /// Of what no file holds.
        var memoryBytes = 8 << 20
        var segmentBytes = 1 << 20
    }

    /// The place of a fragment: of a segment, and its number in it.
    struct Position: Hashable, Comparable {
        var segment: UInt64
        var index: Int

        static func < (left: Position, right: Position) -> Bool {
            (left.segment, left.index) < (right.segment, right.index)
        }
    }

    /// Fragments that are sent together, and how they are split among shards: the same again after a restart, so that a
    /// receiver that has seen a request sees none that is half like it.
    struct Round {
        var fragments: [Fragment]
        var plan: Plan
    }

    struct Plan: Hashable {
        var start: Position
        var end: Position
        var shards: Int
        var samplesPerSend: Int
    }

    private struct Segment {
        let sequence: UInt64
        var file: (any StorageFile)?
        /// False when no file holds it.
        var isOnDisk: Bool
        var bytes = 0
        /// The number of samples of each fragment.
        var counts: [Int] = []
        /// Nil when it has to be read from its file.
        var fragments: [Fragment]?
    }

    private let directory: (any StorageDirectory)?
    private let limits: Limits
    private var segments: [Segment] = []
    private var position = Position(segment: 0, index: 0)
    private var nextSequence: UInt64 = 1
    private var progress: SendProgress?
    /// What is under way, or was when the program ended.
    private var interrupted: Plan?
    private(set) var pendingSamples = 0
    /// Dropped since last asked, by reason.
    private(set) var dropped: [RemoteWriteStatistics.DropReason: Int] = [:]
    private(set) var problems: [String] = []
    private var unsynced = UnsyncedFiles()

    init(directory: (any StorageDirectory)?, limits: Limits) {
        self.directory = directory
        self.limits = limits
        if let directory { open(directory) }
    }

    var isEmpty: Bool { pendingSamples == 0 }
    var bytes: Int { segments.reduce(0) { $0 + $1.bytes } }
    var isOnDisk: Bool { segments.last?.isOnDisk ?? (directory != nil) }
    var newestTimestamp: Int64? { segments.last?.fragments?.last?.newest }

    /// What was dropped since the last call.
    mutating func takeDropped() -> [RemoteWriteStatistics.DropReason: Int] {
        defer { dropped = [:] }
        return dropped
    }

    // MARK: Adding

    mutating func append(_ fragment: Fragment) {
        pendingSamples += fragment.samples
        if !write(fragment) {
            // The disk refused, or the segment is full: another one, and memory if that fails as well.
            startSegment()
            if !write(fragment) { keepInMemory(fragment) }
        }
        keepLimits()
    }

    private mutating func write(_ fragment: Fragment) -> Bool {
        guard let last = segments.indices.last, let file = segments[last].file, segments[last].fragments != nil,
            segments[last].bytes < limits.segmentBytes
        else { return false }
        let frame = RecordFrame.frame(fragment.encoded)
        do throws(StorageError) {
            try file.append(frame)
        } catch {
            try? file.truncate(to: segments[last].bytes)
            segments[last].file = nil
            note(error.description)
            if segments[last].counts.isEmpty { removeFile(segments.removeLast().sequence) }
            return false
        }
        unsynced.insert(segments[last].sequence, file)
        add(fragment, bytes: frame.count, to: last)
        return true
    }

    private mutating func keepInMemory(_ fragment: Fragment) {
        // Small ones, so that the disk is soon tried again.
        let isFull = segments.last.map { $0.isOnDisk || $0.bytes >= limits.segmentBytes / 16 } ?? true
        if isFull {
            segments.append(Segment(sequence: nextSequence, isOnDisk: false, fragments: []))
            nextSequence += 1
        }
        add(fragment, bytes: fragment.payload.count + RecordFrame.headSize, to: segments.count - 1)
    }

    private mutating func add(_ fragment: Fragment, bytes: Int, to index: Int) {
        segments[index].fragments?.append(fragment)
        segments[index].bytes += bytes
        segments[index].counts.append(fragment.samples)
    }

    private mutating func startSegment() {
        guard let directory else { return }
        if let last = segments.last, !last.isOnDisk, last.bytes < limits.segmentBytes / 16 { return }
        let sequence = nextSequence
        do throws(StorageError) {
            let file = try directory.create(QueueFile.name(sequence))
            unsynced.directory = directory
            closeLast()
            segments.append(Segment(sequence: sequence, file: file, isOnDisk: true, fragments: []))
            nextSequence += 1
        } catch {
            note(error.description)
        }
    }

    /// The newest segment gets no more fragments; those that come later are read from its file when it is their turn.
    private mutating func closeLast() {
        guard let last = segments.indices.last else { return }
        segments[last].file = nil
        if segments[last].isOnDisk, segments[last].sequence != position.segment { segments[last].fragments = nil }
    }

    private mutating func keepLimits() {
        while segments.count > 1, bytes > limits.diskBytes { drop(0, .queueFull) }
        while segments.reduce(0, { $0 + ($1.isOnDisk ? 0 : $1.bytes) }) > limits.memoryBytes,
            let oldest = segments.firstIndex(where: { !$0.isOnDisk }), oldest < segments.count - 1
        {
            drop(oldest, .queueFull)
        }
    }

    private mutating func drop(_ index: Int, _ reason: RemoteWriteStatistics.DropReason) {
        let segment = segments.remove(at: index)
        let lost = unsent(segment)
        pendingSamples -= lost
        dropped[reason, default: 0] += lost
        if segment.isOnDisk { removeFile(segment.sequence) }
        if position.segment <= segment.sequence, index == 0 {
            position = Position(segment: segment.sequence + 1, index: 0)
        }
    }

    private func unsent(_ segment: Segment) -> Int {
        if segment.sequence < position.segment { return 0 }
        return segment.counts.dropFirst(segment.sequence == position.segment ? position.index : 0).reduce(0, +)
    }

    // MARK: Taking

    /// What is to be sent next: what was under way at the last end, else fragments with as many samples as the shards
    /// take, at least one. Stays at the head until `finish`.
    mutating func next(shards: Int, samplesPerSend: Int) -> Round? {
        let resumed = interrupted?.start == position ? interrupted : nil
        var plan = Plan(start: position, end: position, shards: shards, samplesPerSend: samplesPerSend)
        if let resumed {
            plan.shards = resumed.shards
            plan.samplesPerSend = resumed.samplesPerSend
        }
        let wanted = plan.shards.multipliedReportingOverflow(by: plan.samplesPerSend).partialValue
        var fragments: [Fragment] = []
        var samples = 0, bytes = 0
        var cursor = position
        var index = segments.firstIndex { $0.sequence >= cursor.segment } ?? segments.count
        while index < segments.count {
            guard load(index) else {
                drop(index, .queueDamaged)
                continue
            }
            if segments[index].sequence != cursor.segment {
                cursor = Position(segment: segments[index].sequence, index: 0)
            }
            for fragment in (segments[index].fragments ?? []).dropFirst(cursor.index) {
                let isEnough =
                    resumed.map { cursor >= $0.end } ?? (samples >= wanted || bytes >= Self.roundBytes)
                if isEnough, !fragments.isEmpty { return begin(&plan, cursor, fragments) }
                fragments.append(fragment)
                samples += fragment.samples
                bytes += fragment.payload.count
                cursor.index += 1
            }
            index += 1
        }
        return fragments.isEmpty ? nil : begin(&plan, cursor, fragments)
    }

    /// Compressed bytes of one round.
    private static let roundBytes = 1 << 20

    private mutating func begin(_ plan: inout Plan, _ end: Position, _ fragments: [Fragment]) -> Round {
        plan.end = end
        interrupted = plan
        progress?.write(.init(done: plan.start, plan: plan), note: &problems)
        return Round(fragments: fragments, plan: plan)
    }

    /// All of a round has been dealt with.
    mutating func finish(_ round: Round) {
        interrupted = nil
        guard round.plan.end > position else { return }
        // Of a round whose files were dropped meanwhile only the rest counts.
        var left = round.plan.end
        pendingSamples -= samples(from: position, to: left)
        while let first = segments.first, first.sequence < left.segment {
            if first.isOnDisk { removeFile(first.sequence) }
            segments.removeFirst()
        }
        if let first = segments.first, first.sequence == left.segment, left.index >= first.counts.count,
            first.file == nil
        {
            if first.isOnDisk { removeFile(first.sequence) }
            segments.removeFirst()
            left = Position(segment: left.segment + 1, index: 0)
        }
        position = left
        progress?.write(.init(done: position, plan: nil), note: &problems)
    }

    private func samples(from start: Position, to end: Position) -> Int {
        var total = 0
        for segment in segments where segment.sequence >= start.segment && segment.sequence <= end.segment {
            let first = segment.sequence == start.segment ? start.index : 0
            let count = segment.counts.count
            let last = segment.sequence == end.segment ? min(end.index, count) : count
            if first < last { total += segment.counts[first..<last].reduce(0, +) }
        }
        return total
    }

    /// Makes a segment's fragments be in memory.
    private mutating func load(_ index: Int) -> Bool {
        if segments[index].fragments != nil { return true }
        guard let directory else { return false }
        do throws(StorageError) {
            let name = QueueFile.name(segments[index].sequence)
            let content = QueueFile.read(try directory.read(name, limit: QueueFile.byteLimit))
            guard content.fragments.count == segments[index].counts.count else {
                note("\(name): \(content.fragments.count) of \(segments[index].counts.count) fragments can be read")
                return false
            }
            segments[index].fragments = content.fragments
            return true
        } catch {
            note(error.description)
            return false
        }
    }

    // MARK: After a restart

    private mutating func open(_ directory: any StorageDirectory) {
        let names: [String]
        do throws(StorageError) {
            names = try directory.list()
        } catch {
            return note(error.description)
        }
        let (progress, last) = SendProgress.open(directory, names, note: &problems)
        self.progress = progress
        if let last {
            position = last.done
            interrupted = last.plan
        }
        nextSequence = max(nextSequence, position.segment)
        for sequence in names.compactMap({ QueueFile.sequence(ofName: $0) }).sorted() {
            nextSequence = max(nextSequence, sequence + 1)
            recover(sequence, directory)
        }
        // A place behind the last fragment of a file that was cut short.
        if let first = segments.first, first.sequence > position.segment {
            if interrupted?.start == position { interrupted?.start = Position(segment: first.sequence, index: 0) }
            position = Position(segment: first.sequence, index: 0)
        }
        pendingSamples = segments.reduce(0) { $0 + unsent($1) }
    }

    private mutating func recover(_ sequence: UInt64, _ directory: any StorageDirectory) {
        let name = QueueFile.name(sequence)
        guard sequence >= position.segment else { return removeFile(sequence) }
        let bytes: [UInt8]
        do throws(StorageError) {
            bytes = try directory.read(name, limit: QueueFile.byteLimit)
        } catch {
            return note(error.description)
        }
        let content = QueueFile.read(bytes)
        if content.isDamaged {
            note("\(name): offset \(content.end): damaged, kept \(content.fragments.count) fragments")
            dropped[.queueDamaged, default: 0] += 1
        }
        guard !content.fragments.isEmpty else { return removeFile(sequence) }
        var segment = Segment(sequence: sequence, isOnDisk: true, fragments: content.fragments)
        segment.bytes = content.end
        segment.counts = content.fragments.map(\.samples)
        // Only the first is needed now.
        if !segments.isEmpty { segment.fragments = nil }
        segments.append(segment)
    }

    private mutating func removeFile(_ sequence: UInt64) {
        // Else its room would not be free before the next sync.
        unsynced.remove(sequence)
        do throws(StorageError) {
            try directory?.remove(QueueFile.name(sequence))
        } catch {
            note(error.description)
        }
    }

    /// What has been written since the last call and may not be on the medium yet.
    mutating func takeUnsynced() -> UnsyncedFiles {
        defer { unsynced = UnsyncedFiles() }
        return unsynced
    }

    mutating func note(_ problem: String) {
        if problems.count < 16 { problems.append(problem) }
    }

    mutating func takeProblems() -> [String] {
        defer { problems = [] }
        return problems
    }
}

/// The files of the queue.
enum QueueFile {
    static let suffix = ".queue"
    static let byteLimit = 128 << 20

    static func name(_ sequence: UInt64, suffix: String = suffix) -> String {
        let digits = String(sequence, radix: 16)
        return String(repeating: "0", count: max(0, 16 - digits.utf8.count)) + digits + suffix
    }

    static func sequence(ofName name: String, suffix: String = suffix) -> UInt64? {
        guard name.hasSuffix(suffix), name.utf8.count == 16 + suffix.utf8.count else { return nil }
        return UInt64(name.dropLast(suffix.utf8.count), radix: 16).flatMap { $0 < 1 << 62 ? $0 : nil }
    }

    /// The fragments up to the end, or to what cannot be read; half a record at the end is no damage.
    static func read(_ bytes: [UInt8]) -> (fragments: [Fragment], end: Int, isDamaged: Bool) {
        var fragments: [Fragment] = []
        var offset = 0
        while offset < bytes.count {
            guard let record = RecordFrame.payload(bytes, at: offset),
                let fragment = Fragment(encoded: Array(bytes[record]))
            else { return (fragments, offset, !RecordFrame.isTorn(bytes, at: offset)) }
            fragments.append(fragment)
            offset = record.upperBound
        }
        return (fragments, offset, false)
    }
}

// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// How far the queue has been sent, written before and after each round. A file of short records, of which the last
/// whole one counts; replaced by the next when it has grown.
struct SendProgress {
    struct Entry: Hashable {
        /// All before it has been dealt with.
        var done: FragmentQueue.Position
        /// What is under way.
        var plan: FragmentQueue.Plan?
    }

    static let suffix = ".progress"
    static let sizeLimit = 256 << 10

    private let directory: any StorageDirectory
    private var file: (any StorageFile)?
    private var sequence: UInt64
    private var size = 0

    /// The state that the newest file holds, and a new file that goes on from there.
    static func open(
        _ directory: any StorageDirectory,
        _ names: [String],
        note problems: inout [String]
    ) -> (SendProgress, Entry?) {
        let sequences = names.compactMap { QueueFile.sequence(ofName: $0, suffix: suffix) }.sorted()
        var last: Entry?
        for sequence in sequences.reversed() where last == nil {
            do throws(StorageError) {
                let name = QueueFile.name(sequence, suffix: suffix)
                last = decode(try directory.read(name, limit: sizeLimit * 2))
            } catch {
                problems.append(error.description)
            }
        }
        var progress = SendProgress(directory: directory, sequence: sequences.last ?? 0)
        progress.startFile(with: last, note: &problems)
        for sequence in sequences {
            if progress.file != nil { try? directory.remove(QueueFile.name(sequence, suffix: suffix)) }
        }
        return (progress, last)
    }

    private init(directory: any StorageDirectory, sequence: UInt64) {
        self.directory = directory
        self.sequence = sequence
    }

    mutating func write(_ entry: Entry, note problems: inout [String]) {
        if file == nil || size >= Self.sizeLimit {
            let old = file == nil ? nil : QueueFile.name(sequence, suffix: Self.suffix)
            startFile(with: entry, note: &problems)
            if file != nil, let old { try? directory.remove(old) }
            return
        }
        append(entry, note: &problems)
    }

    private mutating func startFile(with entry: Entry?, note problems: inout [String]) {
        file = nil
        sequence += 1
        size = 0
        do throws(StorageError) {
            file = try directory.create(QueueFile.name(sequence, suffix: Self.suffix))
            if let entry { append(entry, note: &problems) }
        } catch {
            if problems.count < 16 { problems.append(error.description) }
        }
    }

    private mutating func append(_ entry: Entry, note problems: inout [String]) {
        let frame = RecordFrame.frame(Self.encode(entry))
        do throws(StorageError) {
            try file?.append(frame)
            size += frame.count
        } catch {
            // What follows half a record would not be read.
            file = nil
            if problems.count < 16 { problems.append(error.description) }
        }
    }

    // MARK: Bytes

    private static func encode(_ entry: Entry) -> [UInt8] {
        var bytes: [UInt8] = []
        func put(_ value: UInt64) {
            bytes += RecordFrame.bytes(UInt32(truncatingIfNeeded: value))
            bytes += RecordFrame.bytes(UInt32(truncatingIfNeeded: value >> 32))
        }
        func put(_ position: FragmentQueue.Position) {
            put(position.segment)
            put(UInt64(position.index))
        }
        put(entry.done)
        if let plan = entry.plan {
            put(plan.end)
            put(UInt64(plan.shards))
            put(UInt64(plan.samplesPerSend))
        }
        return bytes
    }

    private static func decode(_ bytes: [UInt8]) -> Entry? {
        var last: Entry?
        var offset = 0
        while let record = RecordFrame.payload(bytes, at: offset) {
            offset = record.upperBound
            let words = stride(from: record.lowerBound, to: record.upperBound - 7, by: 8).map { start in
                UInt64(RecordFrame.number(bytes, at: start)) | UInt64(RecordFrame.number(bytes, at: start + 4)) << 32
            }
            guard words.count == 2 || words.count == 6, words.allSatisfy({ $0 < 1 << 62 }) else { continue }
            let done = FragmentQueue.Position(segment: words[0], index: Int(words[1]))
            var plan: FragmentQueue.Plan?
            if words.count == 6, (1...10_000).contains(words[4]), (1...100_000_000).contains(words[5]) {
                plan = FragmentQueue.Plan(
                    start: done,
                    end: FragmentQueue.Position(segment: words[2], index: Int(words[3])),
                    shards: Int(words[4]),
                    samplesPerSend: Int(words[5])
                )
            }
            last = Entry(done: done, plan: plan)
        }
        return last
    }
}

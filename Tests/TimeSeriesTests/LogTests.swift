// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import Testing
import TimeSeries

@Suite struct LogTests {
    static let base: Int64 = 1_700_000_000_000

    /// Everything a store holds, to be compared.
    static func content(_ store: TimeSeriesStore) -> [String] {
        let reader = store.reader()
        var columns = SampleColumns()
        return reader.select([]).sorted { $0.labels < $1.labels }.map { handle in
            columns.removeAll()
            reader.samples(handle, after: .distantPast, through: .distantFuture, into: &columns)
            let samples = (0..<columns.count).map { index in
                switch columns.value(at: index) {
                case .float(let value): "\(columns.timestamps[index].milliseconds) \(value.bitPattern)"
                case .histogram(let histogram): "\(columns.timestamps[index].milliseconds) \(histogram)"
                }
            }
            return "\(handle.labels) \(samples)"
        }
    }

    /// A small log of a few commits with all kinds of samples.
    static func write(_ directory: FaultyDirectory, commits: Int = 12) throws -> [[String]] {
        let store = TimeSeriesStore()
        _ = store.attachLog(in: directory)
        let appender = store.appender(source: "job/instance")
        let other = store.appender(source: "other")
        var contents: [[String]] = []
        for number in 0..<commits {
            let now = Timestamp(milliseconds: base + Int64(number) * 1000)
            for series in 0..<5 where (number + series) % 7 != 6 {
                let reference = try appender.series(["__name__": "m", "i": "\(series)"])
                let values = [
                    Double(number * series * 9), Double(number) / 8 + 0.001, .nan, 1e300 / Double(number + 1), 5,
                ]
                appender.append(reference, values[series])
            }
            let explicit = try appender.series(["__name__": "explicit"])
            appender.append(explicit, Double(number), at: now - .milliseconds(300))
            let native = try appender.series(["__name__": "native"])
            appender.append(
                native,
                FloatHistogram(
                    schema: 3,
                    count: Double(number),
                    sum: 0.5,
                    positiveSpans: [.init(offset: -2, length: 2)],
                    positiveBuckets: [Double(number), 0.5]
                )
            )
            try appender.commit(at: now)
            other.append(try other.series(["__name__": "other", "n": "\(number / 4)"]), 1)
            try other.commit(at: now)
            contents.append(content(store))
        }
        return contents
    }

    @Test func whatWasCommittedIsThereAfterARestart() throws {
        let directory = FaultyDirectory()
        let contents = try Self.write(directory)
        let store = TimeSeriesStore()
        let report = store.attachLog(in: directory)
        #expect(report.problems == [])
        #expect(report.commits == 24)
        #expect(Self.content(store) == contents.last)
        // The next commit knows which series were there before the restart.
        let appender = store.appender(source: "other")
        appender.append(try appender.series(["__name__": "new"]), 1)
        let summary = try appender.commit(at: Timestamp(milliseconds: Self.base + 60_000))
        #expect(summary.staleMarkers == 1)
        #expect(summary.seriesAdded == 1)
        // And once more, from both segments.
        let again = TimeSeriesStore()
        #expect(again.attachLog(in: directory).problems == [])
        #expect(Self.content(again) == Self.content(store))
    }

    @Test func unclaimedSourcesEnd() throws {
        let directory = FaultyDirectory()
        _ = try Self.write(directory)
        let store = TimeSeriesStore()
        _ = store.attachLog(in: directory)
        _ = store.appender(source: "other")
        let later = Timestamp(milliseconds: Self.base + 60_000)
        store.retireUnclaimed(at: later)
        let reader = store.reader()
        let gone = try #require(reader.select([.equal("i", "4")]).first)
        let latest = try #require(reader.latest(gone, at: later, lookback: .seconds(300)))
        #expect(latest.value.isSame(as: .float(StaleMarker.value)))
        let kept = try #require(reader.select([.equal("n", "2")]).first)
        #expect(reader.latest(kept, at: later, lookback: .seconds(300))?.value == .float(1))
    }

    @Test func tailTornAtEveryByteLosesNothingBeforeIt() throws {
        let directory = FaultyDirectory()
        let contents = try Self.write(directory, commits: 4)
        let (name, bytes) = try #require(directory.files.first)
        for size in 0..<bytes.count {
            let torn = FaultyDirectory(files: [name: Array(bytes.prefix(size))])
            let store = TimeSeriesStore()
            let report = store.attachLog(in: torn)
            #expect(report.corruptSegments == 0, "cut at \(size): \(report.problems)")
            #expect(report.tornTails <= 1)
            // Every commit that is there as a whole is read: the content is one of those that were.
            if report.commits % 2 == 0, report.commits > 0 {
                #expect(Self.content(store) == contents[report.commits / 2 - 1], "cut at \(size)")
            }
            // What is left is whole, and can be written on.
            let again = TimeSeriesStore()
            let second = again.attachLog(in: FaultyDirectory(files: torn.files))
            #expect(second.problems == [], "cut at \(size)")
            #expect(second.commits == report.commits)
            #expect(store.logStatistics?.isWritable == true)
        }
    }

    @Test func everyFlippedByteIsFound() throws {
        let directory = FaultyDirectory()
        let contents = try Self.write(directory, commits: 3)
        let (name, bytes) = try #require(directory.files.first)
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= UInt8(1 << (position % 8))
            let folder = FaultyDirectory(files: [name: damaged])
            let store = TimeSeriesStore()
            let report = store.attachLog(in: folder)
            #expect(report.corruptSegments + report.tornTails + report.incompatibleSegments == 1, "at \(position)")
            #expect(
                report.problems.count == 1 && report.problems[0].contains(name),
                "at \(position): \(report.problems)"
            )
            if report.commits % 2 == 0, report.commits > 0 {
                #expect(Self.content(store) == contents[report.commits / 2 - 1], "at \(position)")
            }
            if report.corruptSegments == 1 { #expect(folder.files[name + ".corrupt"] == damaged) }
            if report.incompatibleSegments == 1 { #expect(folder.files[name] == damaged) }
            let second = TimeSeriesStore().attachLog(in: FaultyDirectory(files: folder.files))
            #expect(second.corruptSegments == 0 && second.commits == report.commits, "at \(position)")
        }
    }

    @Test(arguments: [0, 1, 15, 16, 17, 23, 24, 4096])
    func zerosAtTheEnd(count: Int) throws {
        let directory = FaultyDirectory()
        let contents = try Self.write(directory, commits: 3)
        let (name, bytes) = try #require(directory.files.first)
        let store = TimeSeriesStore()
        let report = store.attachLog(in: FaultyDirectory(files: [name: bytes + Array(repeating: 0, count: count)]))
        #expect(report.commits == 6)
        #expect(report.tornTails == (count == 0 ? 0 : 1))
        #expect(Self.content(store) == contents.last)
    }

    @Test func foreignFilesAreLeftAlone() throws {
        let files: [String: [UInt8]] = [
            "README": [1, 2, 3],
            "0000000000000001.samples": Array("SCSAMPLE".utf8) + [9, 0, 0, 0, 16, 0, 0, 0, 1, 2, 3],
            "0000000000000002.samples": Array("#!/bin/sh and more than sixteen bytes".utf8),
            "zzzzzzzzzzzzzzzz.samples": [], "ffffffffffffffff.samples": [],
        ]
        let directory = FaultyDirectory(files: files)
        let store = TimeSeriesStore()
        let report = store.attachLog(in: directory)
        #expect(report.incompatibleSegments == 1)
        #expect(report.corruptSegments == 1)
        #expect(directory.files["README"] == [1, 2, 3])
        #expect(directory.files["0000000000000001.samples"] == files["0000000000000001.samples"])
        #expect(directory.files["0000000000000002.samples.corrupt"] == files["0000000000000002.samples"])
    }

    /// Fails the first, the second, … operation until a run meets no failure any more; nothing traps, memory keeps all,
    /// and what reached the disk is a beginning of it.
    @Test(arguments: [true, false], [1, 3])
    func anyOperationMayFail(shortWrites: Bool, count: Int) throws {
        var position = 0
        var wasClean = false
        while !wasClean {
            let directory = FaultyDirectory()
            directory.fail(after: position, count: count, shortWrites: shortWrites)
            let store = TimeSeriesStore()
            _ = store.attachLog(in: directory)
            let appender = store.appender(source: "a")
            for number in 0..<8 {
                for series in 0..<3 {
                    appender.append(try appender.series(["i": "\(series)"]), Double(number * series))
                }
                try appender.commit(at: Timestamp(milliseconds: Self.base + Int64(number) * 1000))
                store.sync()
            }
            let held = store.statistics.samplesHeld
            #expect(held == 24)
            let operations = directory.state.withLock { $0.operations }
            directory.fail(after: 0, count: 0)
            store.sync()
            let statistics = try #require(store.logStatistics)
            wasClean = statistics.lastError == nil && operations <= position
            #expect(statistics.isWritable, "operation \(position): \(statistics)")
            let restored = TimeSeriesStore()
            let report = restored.attachLog(in: directory)
            // One failure loses one commit at most; a failed sync loses none that the file system kept.
            #expect(restored.statistics.samplesHeld >= 24 - 3 * count, "operation \(position): \(report)")
            #expect(report.corruptSegments == 0, "operation \(position): \(report.problems)")
            position += 1
            try #require(position < 1000)
        }
        #expect(position > 20)
    }

    @Test func fullDiskIsMemoryOnlyUntilThereIsRoom() throws {
        let directory = FaultyDirectory()
        let store = TimeSeriesStore()
        _ = store.attachLog(in: directory)
        let appender = store.appender(source: "a")
        let reference = try appender.series(["__name__": "x"])
        func commit(_ number: Int) throws {
            appender.append(reference, Double(number))
            try appender.commit(at: Timestamp(milliseconds: Self.base + Int64(number) * 1000))
            store.sync()
        }
        for number in 0..<5 { try commit(number) }
        directory.fail(after: 0, count: .max / 2)
        for number in 5..<10 { try commit(number) }
        #expect(store.logStatistics?.isWritable == false)
        #expect(store.logStatistics?.commitsLost == 5)
        #expect(store.logStatistics?.lastError?.code == 28)
        directory.fail(after: 0, count: 0)
        for number in 10..<15 { try commit(number) }
        #expect(store.logStatistics?.isWritable == true)
        #expect(store.statistics.samplesHeld == 15)
        let restored = TimeSeriesStore()
        let report = restored.attachLog(in: directory)
        #expect(report.problems == [])
        // The commit that found the disk free again could not be written yet: the one after opens the way.
        #expect(restored.statistics.samplesHeld >= 9)
    }

    @Test func retentionRemovesSegments() throws {
        var configuration = StoreConfiguration()
        configuration.retention = .seconds(3600)
        let directory = FaultyDirectory()
        let store = TimeSeriesStore(configuration)
        _ = store.attachLog(in: directory)
        let appender = store.appender(source: "a")
        for number in 0..<1200 {
            appender.append(try appender.series(["__name__": "x"]), Double(number))
            try appender.commit(at: Timestamp(milliseconds: Self.base + Int64(number) * 15_000))
        }
        // Five hours at 15 s; segments of ten minutes.
        #expect(directory.files.count <= 9, "\(directory.files.keys.sorted())")
        #expect(directory.files.count >= 6)
        let restored = TimeSeriesStore(configuration)
        #expect(restored.attachLog(in: directory).problems == [])
        #expect(restored.statistics.samplesHeld >= 240)
    }

    /// Names that fill a segment by themselves are not written with each commit, unless memory is short: then the next start
    /// could not read such a segment.
    @Test(arguments: [(1 << 30, 1...1), (96 << 20, 10...11)])
    func segmentsOfManyNames(memoryLimit: Int, segments: ClosedRange<Int>) throws {
        var configuration = StoreConfiguration()
        configuration.memoryLimit = memoryLimit
        let directory = FaultyDirectory()
        let store = TimeSeriesStore(configuration)
        _ = store.attachLog(in: directory)
        let appender = store.appender(source: "a")
        let text = String(repeating: "x", count: 1 << 20)
        for number in 0..<10 {
            for series in 0..<17 {
                let reference = try appender.series(["__name__": "m", "long": "\(series)\(text)", "other": "\(series)"])
                appender.append(reference, Double(number * series))
            }
            try appender.commit(at: Timestamp(milliseconds: Self.base + Int64(number) * 1000))
        }
        #expect(segments.contains(directory.files.count), "\(directory.files.mapValues(\.count))")
        let restored = TimeSeriesStore(configuration)
        #expect(restored.attachLog(in: directory).problems == [])
        #expect(restored.statistics.samplesHeld == 170)
        #expect(Self.content(restored) == Self.content(store))
    }

    @Test func realFolder() throws {
        var template = Array("/tmp/samples-XXXXXX".utf8CString)
        let path = unsafe template.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.flatMap { unsafe mkdtemp($0) }.map { unsafe String(cString: $0) } ?? ""
        }
        let directory = try DiskDirectory(path: path)
        let store = TimeSeriesStore()
        #expect(store.attachLog(in: directory).problems == [])
        let appender = store.appender(source: "a")
        appender.append(try appender.series(["__name__": "x"]), 3)
        try appender.commit(at: Timestamp(milliseconds: Self.base))
        store.sync()
        #expect(store.logStatistics?.lastError == nil)
        let restored = TimeSeriesStore()
        #expect(restored.attachLog(in: directory).commits == 1)
        for name in try directory.list() { try directory.remove(name) }
        unsafe #expect(rmdir(path) == 0)
        #expect(throws: StorageError.self) { try DiskDirectory(path: path + "/no/such") }
    }
}

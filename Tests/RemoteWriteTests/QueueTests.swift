// SPDX-License-Identifier: Apache-2.0

import Foundation
import RemoteWrite
import TestSupport
import Testing
import TimeSeries

/// What waits survives the end of the program, and has its limits.
@Suite struct QueueTests {
    private static func all(_ receiver: ScriptedReceiver, _ name: String) -> [Double] {
        receiver.series["\(name){i=\"\(name)\"}"]?.map(\.value) ?? []
    }

    @Test func `after an end without warning everything is sent, and what was under way goes out unchanged`()
        async throws
    {
        let directory = try TemporaryDirectory("queue")
        var configuration = RemoteWriteConfiguration(url: "http://receiver/write")
        configuration.queue.samplesPerSend = 5
        configuration.queue.maximumShards = 2
        let first = ScriptedReceiver()
        first.isTaken = { $0 < 3 }
        do {
            let source = try Source(first, configuration, directory: DiskDirectory(path: directory.path))
            for second in 1...30 { try source.commit(second, ["a": Double(second), "b": 1]) }
            // The fourth request finds the receiver gone for good: the task is cancelled, the program ends.
            while first.requests.count < 4 { _ = await source.destination.sendDue() }
        }
        let interrupted = try #require(first.requests.last)
        let second = ScriptedReceiver()
        let source = try Source(second, configuration, directory: DiskDirectory(path: directory.path))
        #expect(source.destination.statistics.samplesPending > 0)
        try source.commit(31, ["a": 31, "b": 1])
        while await source.destination.sendDue() == .zero {}
        #expect(second.requests.contains { $0.body == interrupted.body })
        let values = Self.all(first, "a") + Self.all(second, "a")
        #expect(Set(values) == Set((1...31).map(Double.init)))
        #expect(Self.all(second, "a") == Self.all(second, "a").sorted())
        #expect(source.destination.takeProblems() == [])
        // Nothing is left but the file that is being written and the note of how far it has been sent.
        let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        #expect(left.count <= 3, "\(left)")
    }

    @Test func `a torn tail loses the torn fragment alone, and damage is named and counted`() async throws {
        for isDamage in [false, true] {
            let directory = try TemporaryDirectory("queue")
            let configuration = RemoteWriteConfiguration(url: "http://receiver/write")
            do {
                let source = try Source(
                    ScriptedReceiver(),
                    configuration,
                    directory: DiskDirectory(path: directory.path)
                )
                for second in 1...10 { try source.commit(second, ["a": Double(second)]) }
            }
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: directory.path).first { $0.hasSuffix(".queue") }
            )
            var bytes = try Data(contentsOf: URL(fileURLWithPath: directory.path(name)))
            if isDamage { bytes[bytes.count / 2] ^= 0x40 } else { bytes.removeLast(3) }
            try bytes.write(to: URL(fileURLWithPath: directory.path(name)))
            let receiver = ScriptedReceiver()
            let source = try Source(receiver, configuration, directory: DiskDirectory(path: directory.path))
            while await source.destination.sendDue() == .zero {}
            let values = Self.all(receiver, "a")
            #expect(values == (1...values.count).map(Double.init))
            let problems = source.destination.takeProblems()
            if isDamage {
                #expect(values.count >= 3 && values.count < 10)
                #expect(problems.contains { $0.hasPrefix(name + ": offset ") && $0.contains("damaged") }, "\(problems)")
                #expect(source.destination.statistics.samplesDropped[.queueDamaged] == 1)
            } else {
                #expect(values.count == 9)
                #expect(problems == [])
            }
        }
    }

    @Test func `a full queue drops the oldest, counts it, and keeps to its size`() async throws {
        let directory = try TemporaryDirectory("queue")
        var configuration = RemoteWriteConfiguration(url: "http://receiver/write")
        configuration.queue.diskLimit = 1 << 20
        let receiver = ScriptedReceiver()
        let source = try Source(receiver, configuration, directory: DiskDirectory(path: directory.path))
        var random = SeededGenerator(seed: 3)
        let rounds = 400, width = 400
        for second in 1...rounds {
            var values: [String: Double] = [:]
            for number in 0..<width { values["s\(number)"] = Double.random(in: 0...1, using: &random) }
            values["a"] = Double(second)
            try source.commit(second, values)
        }
        let statistics = source.destination.statistics
        #expect(statistics.queueBytes <= 1 << 20)
        let dropped = try #require(statistics.samplesDropped[.queueFull])
        #expect(dropped + statistics.samplesPending == rounds * (width + 1))
        let sizes = try FileManager.default.subpathsOfDirectory(atPath: directory.path).map { name in
            try FileManager.default.attributesOfItem(atPath: directory.path(name))[.size] as? Int ?? 0
        }
        #expect(sizes.reduce(0, +) <= (1 << 20) + (256 << 10))
        while await source.destination.sendDue() == .zero {}
        #expect(source.destination.statistics.samplesSent == statistics.samplesPending)
        let values = Self.all(receiver, "a")
        #expect(values.last == Double(rounds))
        #expect(values == values.sorted() && values.count < rounds)
    }

    @Test(.enabled(if: SmallDisk.isPossible)) func `a disk that refuses means memory, and the disk again when it can`()
        async throws
    {
        let directory = try SmallDisk(bytes: 192 << 10)
        var configuration = RemoteWriteConfiguration(url: "http://receiver/write")
        configuration.queue.capacity = 1_000_000
        let receiver = ScriptedReceiver()
        let source = try Source(receiver, configuration, directory: DiskDirectory(path: directory.path + "/queue"))
        var random = SeededGenerator(seed: 4)
        let rounds = 100, width = 400
        func commit(_ second: Int) throws {
            var values: [String: Double] = [:]
            for number in 0..<width { values["s\(number)"] = Double.random(in: 0...1, using: &random) }
            try source.commit(second, values)
        }
        for second in 1...rounds { try commit(second) }
        #expect(!source.destination.statistics.isQueueOnDisk)
        #expect(source.destination.takeProblems().contains { $0.contains("No space left on device") })
        #expect(source.destination.statistics.samplesPending == rounds * width)
        while await source.destination.sendDue() == .zero {}
        #expect(source.destination.statistics.samplesSent == rounds * width)
        try commit(rounds + 1)
        try commit(rounds + 2)
        #expect(source.destination.statistics.isQueueOnDisk)
        for number in 0..<width { #expect(Self.all(receiver, "s\(number)").count == rounds) }
    }

    @Test func `what is queued is on the medium after a sync, and a medium that refuses is named and counted`()
        async throws
    {
        let folder = try TemporaryDirectory("queue")
        let directory = try WatchedDirectory(path: folder.path)
        var configuration = RemoteWriteConfiguration(url: "http://receiver/write")
        configuration.queue.diskLimit = 1 << 20
        let source = try Source(ScriptedReceiver(), configuration, directory: directory)
        var random = SeededGenerator(seed: 5)
        func commit(_ seconds: ClosedRange<Int>) throws {
            for second in seconds {
                var values: [String: Double] = [:]
                for number in 0..<400 { values["s\(number)"] = Double.random(in: 0...1, using: &random) }
                try source.commit(second, values)
            }
        }
        // More than one segment.
        try commit(1...40)
        #expect(directory.unsynced.count > 1 && directory.hasNewNames)
        source.destination.sync()
        #expect(directory.unsynced.isEmpty && !directory.hasNewNames)
        #expect(source.destination.statistics.queueSyncFailures == 0)

        directory.failToSync(true)
        try commit(41...41)
        source.destination.sync()
        #expect(source.destination.statistics.queueSyncFailures > 0)
        #expect(source.destination.takeProblems().contains { $0.contains("Input/output error") })
        directory.failToSync(false)
        try commit(42...42)
        source.destination.sync()
        #expect(directory.unsynced.isEmpty)
    }
}

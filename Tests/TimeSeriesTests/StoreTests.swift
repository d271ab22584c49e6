// SPDX-License-Identifier: Apache-2.0

import Testing
import TimeSeries

@Suite struct StoreTests {
    static let base: Int64 = 1_700_000_000_000

    static func time(_ seconds: Int) -> Timestamp { Timestamp(milliseconds: base + Int64(seconds) * 1000) }

    @Test func commitsShowWholeAndOnlyToLaterReaders() throws {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "a")
        let x = try appender.series(["__name__": "x"]), y = try appender.series(["__name__": "y"])
        appender.append(x, 1)
        appender.append(y, 1)
        #expect(store.reader().select([]).isEmpty)
        try appender.commit(at: Self.time(0))
        let before = store.reader()
        appender.append(x, 2)
        try appender.commit(at: Self.time(1))
        let after = store.reader()
        let handles = before.select([]).sorted { $0.labels < $1.labels }
        #expect(before.latest(handles[0], at: Self.time(9), lookback: .seconds(60))?.value == .float(1))
        #expect(before.latest(handles[1], at: Self.time(9), lookback: .seconds(60))?.value == .float(1))
        #expect(after.latest(handles[0], at: Self.time(9), lookback: .seconds(60))?.value == .float(2))
        let ended = try #require(after.latest(handles[1], at: Self.time(9), lookback: .seconds(60)))
        #expect(ended.value.isSame(as: .float(StaleMarker.value)))
        #expect(ended.timestamp == Self.time(1))
    }

    @Test func rollbackForgets() throws {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "a")
        appender.append(try appender.series(["__name__": "x"]), 1)
        appender.rollback()
        #expect(try appender.commit(at: Self.time(0)).stored == 0)
        #expect(store.statistics.samplesHeld == 0)
    }

    @Test func lateCommitsAreRefusedAndCounted() throws {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "a")
        let reference = try appender.series(["__name__": "x"])
        appender.append(reference, 1)
        try appender.commit(at: Self.time(10))
        for late in [10, 9] {
            appender.append(reference, 2)
            #expect(throws: StoreError.outOfOrder(commit: Self.time(late), newest: Self.time(10))) {
                try appender.commit(at: Self.time(late))
            }
        }
        #expect(store.statistics.commitsOutOfOrder == 2)
        appender.append(reference, 3)
        try appender.commit(at: Self.time(11))
        #expect(store.statistics.samplesHeld == 2)
    }

    @Test func `what has ended does not live again when the clock is set back`() throws {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "a")
        let up = Labels([("__name__", "up")]), x = Labels([("__name__", "x")])
        func commit(_ series: [Labels], at seconds: Int) throws {
            for labels in series { appender.append(try appender.series(labels), 1) }
            try appender.commit(at: Self.time(seconds))
        }
        for second in 1_000..<1_003 { try commit([up, x], at: second) }
        // An hour ahead it ends; that end lies in the future of what comes then.
        for second in 5_000..<5_003 { try commit([up], at: second) }
        for second in 1_050..<1_053 { try commit([up], at: second) }
        let reader = store.reader()
        let handle = try #require(reader.select([.equal("__name__", "x")]).first)
        let latest = reader.latest(handle, at: Self.time(1_052), lookback: .seconds(300))
        guard case .float(let value)? = latest?.value else { return #expect(Bool(false), "no float: \(latest as Any)") }
        #expect(StaleMarker.isStale(value) && latest?.timestamp == Self.time(1_050))
    }

    @Test(arguments: [1, 100, 255, 256, 257, 700], [1, 60, 3600])
    func clockSetBackAndForth(rows: Int, back: Int) throws {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "a")
        let counter = try appender.series(["__name__": "counter"]), gauge = try appender.series(["__name__": "gauge"])
        var now = 10_000
        var total = 0.0
        func commit() throws {
            total += 2
            appender.append(counter, total)
            appender.append(gauge, Double(now % 10) / 4)
            try appender.commit(at: Self.time(now))
        }
        for _ in 0..<rows {
            now += 1
            try commit()
        }
        // Back: at once when far, after three refusals when near; what lies ahead of the new time goes.
        now -= back
        var refused = 0
        for _ in 0..<20 {
            now += 1
            do { try commit() } catch { refused += 1 }
        }
        #expect(refused <= 2)
        let reader = store.reader()
        for handle in reader.select([]) {
            var columns = SampleColumns()
            reader.samples(handle, after: .distantPast, through: .distantFuture, into: &columns)
            #expect(columns.timestamps == columns.timestamps.sorted())
            #expect(columns.timestamps.last == Self.time(now))
            #expect(Set(columns.timestamps).count == columns.count)
            #expect(columns.count >= min(20 - refused, now - 10_000))
            if handle.labels.metricName == "counter" {
                let window = try #require(reader.counterWindow(handle, after: .distantPast, through: .distantFuture))
                #expect(window.count == columns.count)
                // The counter itself never went down.
                #expect(window.increase == window.lastValue - window.firstValue)
            }
        }
        #expect(
            store.statistics.samplesHeld == 2
                * (reader.select([]).first.map { handle in
                    var columns = SampleColumns()
                    reader.samples(handle, after: .distantPast, through: .distantFuture, into: &columns)
                    return columns.count
                } ?? 0)
        )
        // And forward by a day.
        now += 86_400
        try commit()
        #expect(store.reader().latest(reader.select([])[0], at: Self.time(now), lookback: .seconds(1)) != nil)
    }

    @Test func explicitTimestampsOutsideTheWindowAreCounted() throws {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "a")
        let reference = try appender.series(["__name__": "x"])
        for offset in [-7200, -10, -20, -10, 3600] { appender.append(reference, 1, at: Self.time(offset)) }
        appender.append(reference, 1, at: .distantPast)
        appender.append(reference, 1, at: .distantFuture)
        let summary = try appender.commit(at: Self.time(0))
        #expect(summary.stored == 1)
        #expect(summary.tooOld == 2 && summary.tooNew == 2 && summary.outOfOrder == 1 && summary.duplicates == 1)
        // Such a series gets no stale marker.
        try appender.commit(at: Self.time(1))
        let handle = try #require(store.reader().select([]).first)
        #expect(store.reader().latest(handle, at: Self.time(5), lookback: .seconds(60))?.timestamp == Self.time(-10))
    }

    @Test func seriesOfAnotherSourceGoBesideItAndAreTakenOverWhenItEnds() throws {
        let store = TimeSeriesStore()
        let first = store.appender(source: "first"), second = store.appender(source: "second")
        let labels: Labels = ["__name__": "shared"]
        let mine = try first.series(labels)
        first.append(mine, 1)
        try first.commit(at: Self.time(0))
        let theirs = try second.series(labels)
        second.append(theirs, 2)
        try second.commit(at: Timestamp(milliseconds: Self.base + 500))
        first.append(mine, 3)
        try first.commit(at: Self.time(1))
        // The same moment is taken already.
        second.append(theirs, 4)
        #expect(try second.commit(at: Self.time(1)).duplicates == 1)
        let third = store.appender(source: "third")
        first.retire(at: Self.time(2))
        second.retire(at: Self.time(3))
        third.append(try third.series(labels), 5)
        try third.commit(at: Self.time(4))
        let reader = store.reader()
        let handle = try #require(reader.select([]).first)
        var columns = SampleColumns()
        reader.samples(handle, after: .distantPast, through: .distantFuture, into: &columns)
        #expect(columns.values.filter { !StaleMarker.isStale($0) } == [1, 2, 3, 5])
        #expect(columns.timestamps == columns.timestamps.sorted())
        #expect(reader.latest(handle, at: Self.time(4), lookback: .seconds(1))?.value == .float(5))
        #expect(reader.counterWindow(handle, after: Self.time(-1), through: Self.time(4))?.count == 4)
        #expect(throws: StoreError.retired) { try first.commit(at: Self.time(9)) }
    }

    @Test func sameNameIsTheSameWriterUntilRetired() throws {
        let store = TimeSeriesStore()
        let first = store.appender(source: "a")
        #expect(store.appender(source: "a") === first)
        first.append(try first.series(["__name__": "x"]), 1)
        try first.commit(at: Self.time(0))
        first.retire(at: Self.time(1))
        #expect(store.appender(source: "a") !== first)
        #expect(throws: StoreError.retired) { try first.series(["__name__": "x"]) }
    }

    @Test func limitsOfSeries() throws {
        var configuration = StoreConfiguration()
        configuration.maximumSeries = 3
        let store = TimeSeriesStore(configuration)
        let appender = store.appender(source: "a")
        for number in 0..<3 { _ = try appender.series(["i": "\(number)"]) }
        #expect(throws: StoreError.seriesLimit(3)) { try appender.series(["i": "3"]) }
        #expect(throws: StoreError.emptyLabels) { try appender.series(["i": ""]) }
        _ = try appender.series(["i": "1"])
        #expect(store.statistics.seriesRefused == 1)
    }

    /// Fifty thousand series that live for one scrape each, within a retention of a minute: they must all go again.
    @Test func churnLeavesNothingBehind() throws {
        var configuration = StoreConfiguration()
        configuration.retention = .seconds(60)
        let store = TimeSeriesStore(configuration)
        let appender = store.appender(source: "a")
        let stable = try appender.series(["__name__": "stable"])
        var peak = 0
        for scrape in 0..<1500 {
            appender.append(stable, Double(scrape))
            if scrape < 500 {
                for number in 0..<100 {
                    let reference = try appender.series([
                        "__name__": "churn\(scrape % 50)", "id": "\(scrape)-\(number)", "label\(scrape)": "x",
                    ])
                    appender.append(reference, 1)
                }
            }
            try appender.commit(at: Self.time(scrape))
            peak = max(peak, store.statistics.series)
        }
        let statistics = store.statistics
        #expect(peak < 20_000)
        #expect(statistics.series == 1)
        #expect(statistics.seriesDropped == 50_000)
        #expect(statistics.labelNames == 1, "\(statistics.labelNames)")
        #expect(statistics.bytes < 600_000, "\(statistics)")
        #expect(statistics.samplesHeld < 600)
        #expect(store.reader().select([]).count == 1)
    }

    /// A scrape that does not come to its end leaves series without a sample, which the next one goes on with.
    @Test(arguments: [64 << 20, 5 << 20])
    func `series without a sample stay for some commits while there is room, and not for ever`(memory: Int) throws {
        var configuration = StoreConfiguration()
        configuration.memoryLimit = memory
        let store = TimeSeriesStore(configuration)
        let appender = store.appender(source: "slow")
        let other = store.appender(source: "other")
        let up = try appender.series(["__name__": "up"])
        let fresh = try (0..<2_000).map { try appender.series(["__name__": "fresh", "id": "\($0)"]) }
        appender.rollback()
        for scrape in 0..<60 {
            appender.append(up, 0)
            try appender.commit(at: Self.time(scrape))
            // Others grow meanwhile, and so all series are looked at.
            for number in 0..<100 { other.append(try other.series(["__name__": "o", "id": "\(scrape)-\(number)"]), 1) }
            try other.commit(at: Self.time(scrape))
        }
        #expect(fresh.allSatisfy { appender.knows($0) } == (memory > 32 << 20))
        for scrape in 60..<3_000 {
            appender.append(up, 0)
            try appender.commit(at: Self.time(scrape))
            try other.commit(at: Self.time(scrape))
        }
        #expect(fresh.allSatisfy { !appender.knows($0) })
        #expect(appender.knows(up))
    }

    @Test func sourcesComeAndGo() throws {
        var configuration = StoreConfiguration()
        configuration.retention = .seconds(60)
        let store = TimeSeriesStore(configuration)
        let watcher = store.appender(source: "watcher")
        let up = try watcher.series(["__name__": "up"])
        for pod in 0..<400 {
            let appender = store.appender(source: "pod \(pod)")
            for second in 0..<5 {
                for number in 0..<10 {
                    appender.append(try appender.series(["pod": "\(pod)", "n": "\(number)"]), Double(second))
                }
                try appender.commit(at: Self.time(pod * 5 + second))
            }
            appender.retire(at: Self.time(pod * 5 + 5))
            watcher.append(up, 1)
            try watcher.commit(at: Self.time(pod * 5 + 4))
        }
        let statistics = store.statistics
        #expect(statistics.sources < 60, "\(statistics)")
        #expect(statistics.series < 600)
    }

    @Test(arguments: [1 << 20, 3 << 20])
    func memoryStaysUnderItsLimit(limit: Int) throws {
        var configuration = StoreConfiguration()
        configuration.memoryLimit = limit
        let store = TimeSeriesStore(configuration)
        let appender = store.appender(source: "a")
        var random = SeededGenerator(seed: 11)
        var references: [SeriesReference] = []
        for number in 0..<500 { references.append(try appender.series(["__name__": "m", "i": "\(number)"])) }
        var peak = 0
        for scrape in 0..<3000 {
            for reference in references { appender.append(reference, Double.random(in: 0...1, using: &random)) }
            try appender.commit(at: Self.time(scrape))
            peak = max(peak, store.statistics.bytes)
        }
        let statistics = store.statistics
        #expect(peak <= limit, "\(peak)")
        // Noise takes seven bytes a sample; what fits must be there, the newest of course.
        #expect(statistics.samplesHeld > limit / 20, "\(statistics)")
        let handle = try #require(store.reader().select([.equal("i", "7")]).first)
        #expect(store.reader().latest(handle, at: Self.time(2999), lookback: .seconds(1)) != nil)
    }

    @Test func floodOfSeriesIsRefusedWhileOthersGoOn() throws {
        var configuration = StoreConfiguration()
        configuration.memoryLimit = 2 << 20
        let store = TimeSeriesStore(configuration)
        let good = store.appender(source: "good"), bad = store.appender(source: "bad")
        let reference = try good.series(["__name__": "good"])
        var refused = 0
        for second in 0..<50 {
            good.append(reference, Double(second))
            try good.commit(at: Self.time(second))
            for number in 0..<2000 {
                do {
                    bad.append(try bad.series(["__name__": "bad", "id": "\(second)-\(number)"]), 1)
                } catch {
                    refused += 1
                }
            }
            try bad.commit(at: Self.time(second))
            #expect(store.statistics.bytes <= 2 << 20 + 200_000)
        }
        #expect(refused > 10_000)
        #expect(refused == store.statistics.seriesRefused)
        let handle = try #require(store.reader().select([.equal("__name__", "good")]).first)
        #expect(store.reader().latest(handle, at: Self.time(49), lookback: .seconds(1))?.value == .float(49))
    }

    /// When the open tails alone fill the memory nothing more can be done, and that must not cost each commit its time.
    @Test func memoryTooSmallForTheActiveSeries() throws {
        var configuration = StoreConfiguration()
        configuration.memoryLimit = 1 << 20
        let store = TimeSeriesStore(configuration)
        let appender = store.appender(source: "a")
        var random = SeededGenerator(seed: 5)
        var references: [SeriesReference] = []
        while let reference = try? appender.series(["__name__": "m", "i": "\(references.count)"]) {
            references.append(reference)
        }
        #expect(references.count > 2000)
        let before = store.statistics.seriesExamined
        let scrapes = 200
        for scrape in 0..<scrapes {
            for reference in references { appender.append(reference, Double.random(in: 0...1, using: &random)) }
            try appender.commit(at: Self.time(scrape))
        }
        // Six passes for each 64 commits and a slow round besides, not some 33 passes for each commit.
        let passes = (store.statistics.seriesExamined - before) / references.count
        #expect(passes <= scrapes / 64 * 6 + scrapes / 8, "\(passes) passes over all series in \(scrapes) commits")
        #expect(throws: StoreError.memoryLimit(1 << 20)) { try appender.series(["__name__": "one more"]) }
        // The tails are what is left: at most 64 noisy values a series.
        #expect(store.statistics.bytes < references.count * 1200, "\(store.statistics)")
        let handle = try #require(store.reader().select([.equal("i", "7")]).first)
        #expect(store.reader().latest(handle, at: Self.time(199), lookback: .seconds(1)) != nil)
    }

    @Test func readersAndWritersAtOnce() async throws {
        let store = TimeSeriesStore()
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<3 {
                group.addTask {
                    let appender = store.appender(source: "\(writer)")
                    for second in 0..<1500 {
                        for number in 0..<20 {
                            guard let reference = try? appender.series(["w": "\(writer)", "n": "\(number)"]) else {
                                continue
                            }
                            appender.append(reference, Double(second))
                        }
                        _ = try? appender.commit(at: Self.time(second))
                    }
                }
            }
            for _ in 0..<3 {
                group.addTask {
                    var columns = SampleColumns()
                    for _ in 0..<100 {
                        let reader = store.reader()
                        var seen: [String: Double] = [:]
                        for handle in reader.select([.equal("w", "1")]) {
                            columns.removeAll()
                            reader.samples(handle, after: .distantPast, through: .distantFuture, into: &columns)
                            #expect(columns.values == (0..<columns.count).map(Double.init))
                            // All series of one writer end in the same commit in one view.
                            let last = columns.values.last ?? -1
                            if let known = seen["1"] { #expect(known == last) }
                            seen["1"] = last
                        }
                    }
                }
            }
        }
        #expect(store.statistics.samplesHeld == 3 * 1500 * 20)
    }
}

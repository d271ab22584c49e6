// SPDX-License-Identifier: Apache-2.0

import TestSupport
import TimeSeries

/// How long a start takes that finds six hours of a thousand series in the log, and what these take in memory.
enum LogReplay {
    /// The bars that were missed.
    static func run() throws -> Int {
        let series = BookingSeries(targets: 1, rows: 56, samples: 6 * 3600)
        let folder = try TemporaryDirectory("bench-log")
        var configuration = StoreConfiguration()
        configuration.retention = .seconds(7 * 3600)
        configuration.memoryLimit = 1 << 30
        let written = TimeSeriesStore(configuration)
        guard written.openLog(path: folder.path("samples")).problems.isEmpty else {
            throw TestSupportError("no log in \(folder.path)")
        }
        try series.fill(written)
        written.sync()
        let read = TimeSeriesStore(configuration)
        let begin = ContinuousClock.now
        let report = read.openLog(path: folder.path("samples"))
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let isWhole = report.problems.isEmpty && read.statistics.series == series.count
        say("replay: \(series.count) series, \(series.samples) samples each")
        let bytes = Double(read.statistics.bytes) / Double(max(1, read.statistics.samplesHeld))
        say("  \(bytes) bytes a sample of counters that nearly all grow each second, everything counted")
        if !isWhole { say("  not all came back: \(report)") }
        var verdicts = Verdicts()
        verdicts.judge("seconds until the log is read", isWhole ? seconds : .infinity, atMost: 2)
        return verdicts.missed
    }
}

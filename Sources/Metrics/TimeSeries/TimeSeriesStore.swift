// SPDX-License-Identifier: Apache-2.0

/// Keeps the newest samples of every series in memory, within limits, and in a log on disk if one is attached.
///
/// Any number of appenders write, each from one thread at a time; any number of readers read meanwhile.
package final class TimeSeriesStore: Sendable {
    package var configuration: StoreConfiguration { core.configuration }
    let core: StoreCore
    let registry: AppenderRegistry

    package init(_ configuration: StoreConfiguration = StoreConfiguration()) {
        core = StoreCore(configuration)
        registry = AppenderRegistry(core: core)
    }

    /// The writer of one scrape target, check or rule group; asked for again under the same name it is the same one,
    /// until it is retired.
    package func appender(source: String) -> SeriesAppender { registry.appender(source: source, claims: true) }

    /// A view of what is committed now; commits that come later do not show in it.
    package func reader() -> StoreReader { StoreReader(core: core) }

    /// Ends the series of sources that a log brought back and nobody has asked for since: targets that are no longer
    /// configured. To be called once the configuration is in force.
    package func retireUnclaimed(at timestamp: Timestamp) {
        for appender in registry.unclaimed() { appender.retire(at: timestamp) }
    }

    /// Makes what was committed last on disk, and tries the disk again after a failure. Blocks as long as the disk does;
    /// to be called each second from a thread that may wait.
    package func sync() { core.log.withLock { $0 }?.sync() }

    /// Figures for the sidecar's own metrics.
    package var statistics: StoreStatistics {
        let (series, indexBytes, names) = core.index.withLock { ($0.count, $0.bytes, $0.nameCount) }
        return core.samples.withLock { state in
            var statistics = state.statistics
            statistics.series = series
            statistics.labelNames = names
            statistics.bytes = state.context.bytes + indexBytes
            statistics.indexBytes = indexBytes
            statistics.samplesHeld = state.context.samples
            statistics.sources = state.sources.count { $0 != nil }
            statistics.oldest = state.oldestTime.map { Timestamp(milliseconds: max($0, state.cutoff)) }
            statistics.newest = state.newest == .min ? nil : Timestamp(milliseconds: state.newest)
            return statistics
        }
    }

    /// Nil when no log is attached.
    package var logStatistics: LogStatistics? { core.log.withLock { $0 }?.statistics }
}

/// The appenders in use, by the names of their sources.
final class AppenderRegistry: Sendable {
    private struct Entry {
        var appender: SeriesAppender
        var isClaimed: Bool
    }

    private let core: StoreCore
    private let entries: Guarded<[String: Entry]> = Guarded([:])

    init(core: StoreCore) { self.core = core }

    func appender(source: String, claims: Bool) -> SeriesAppender {
        entries.withLock { entries in
            if let known = entries[source] {
                if claims { entries[source]?.isClaimed = true }
                return known.appender
            }
            let state = core.samples.withLock { $0.makeSource(source) }
            let appender = SeriesAppender(core: core, state: state, registry: self)
            entries[source] = Entry(appender: appender, isClaimed: claims)
            return appender
        }
    }

    func forget(_ appender: SeriesAppender) {
        entries.withLock { entries in
            if entries[appender.source]?.appender === appender { entries[appender.source] = nil }
        }
    }

    func unclaimed() -> [SeriesAppender] {
        entries.withLock { entries in
            entries.values.filter { !$0.isClaimed }.map(\.appender).sorted { $0.source < $1.source }
        }
    }

    var all: [SeriesAppender] { entries.withLock { $0.values.map(\.appender) } }
}

/// What the store holds and what it refused, since it was opened.
package struct StoreStatistics: Hashable, Sendable {
    package var sources = 0
    package var series = 0
    package var labelNames = 0
    /// Samples held, stale markers not counted.
    package var samplesHeld = 0
    /// Samples, labels and index together; what `StoreConfiguration.memoryLimit` limits.
    package var bytes = 0
    package var indexBytes = 0
    package var oldest: Timestamp?
    package var newest: Timestamp?
    package var commits = 0
    package var commitsOutOfOrder = 0
    package var samplesAppended = 0
    package var staleMarkers = 0
    package var duplicates = 0
    package var outOfOrder = 0
    package var tooOld = 0
    package var tooNew = 0
    package var unknownSeries = 0
    package var seriesCreated = 0
    package var seriesDropped = 0
    package var seriesRefused = 0
    /// How often a series was looked at for samples to drop: the work that keeping the limits takes.
    package var seriesExamined = 0
    /// How often a source's clock was found set back.
    package var clockSetBack = 0

    package init() {}

    mutating func add(_ summary: CommitSummary) {
        commits += 1
        samplesAppended += summary.stored
        staleMarkers += summary.staleMarkers
        duplicates += summary.duplicates
        outOfOrder += summary.outOfOrder
        tooOld += summary.tooOld
        tooNew += summary.tooNew
        unknownSeries += summary.unknownSeries
    }
}

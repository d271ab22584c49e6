// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Keeps the newest samples of every series in memory, within limits.
///
/// Any number of appenders write, each from one thread at a time; any number of readers read meanwhile.
package final class TimeSeriesStore: Sendable {
    package let configuration: StoreConfiguration
    let state: Mutex<StoreState>

    package init(_ configuration: StoreConfiguration = StoreConfiguration()) {
        self.configuration = configuration
        state = Mutex(StoreState())
    }

    /// The writer of one scrape target, check or rule group; asked for again under the same name it is the same one,
    /// until it is retired.
    package func appender(source: String) -> SeriesAppender {
        state.withLock { state in
            if let known = state.appenders[source] { return known }
            let appender = SeriesAppender(store: self, source: source, identifier: state.nextAppender)
            state.nextAppender += 1
            state.appenders[source] = appender
            return appender
        }
    }

    /// A view of what is committed now; commits that come later do not show in it.
    package func reader() -> StoreReader { StoreReader(store: self) }

    /// Figures for the sidecar's own metrics.
    package var statistics: StoreStatistics { state.withLock { $0.statistics } }
}

/// What the store holds and what it refused, since it was opened.
package struct StoreStatistics: Hashable, Sendable {
    package var series = 0
    package var activeSeries = 0
    package var samplesAppended = 0
    package var samplesHeld = 0
    package var bytes = 0
    package var oldest: Timestamp?
    package var newest: Timestamp?
    package var commits = 0
    package var commitsOutOfOrder = 0
    package var duplicates = 0
    package var outOfOrder = 0
    package var tooOld = 0
    package var tooNew = 0
    package var seriesCreated = 0
    package var seriesDropped = 0
    package var seriesRefused = 0
    package var clockSetBack = 0

    package init() {}
}

struct StoreState {
    struct Series {
        var labels: Labels
        var appender: Int
        var columns = SampleColumns()
        var isActive = false
    }

    var series: [Series] = []
    var slots: [Labels: Int] = [:]
    var appenders: [String: SeriesAppender] = [:]
    var nextAppender = 0
    var generation: UInt64 = 1
    var statistics = StoreStatistics()
}

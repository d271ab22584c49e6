// SPDX-License-Identifier: Apache-2.0

/// What became of the samples of one commit; each is counted in exactly one of the first six.
package struct CommitSummary: Hashable, Sendable {
    package var stored = 0
    /// Same series twice in one commit, or an explicit timestamp equal to the newest: the first stays.
    package var duplicates = 0
    /// Explicit timestamp older than the newest sample of the series, whether or not there is a sample at it.
    package var outOfOrder = 0
    /// Explicit timestamp further in the past than `StoreConfiguration.oldestExplicitAge`.
    package var tooOld = 0
    /// Explicit timestamp further in the future than `StoreConfiguration.newestExplicitLead`.
    package var tooNew = 0
    /// The reference is of a series that the store has dropped, or of another appender.
    package var unknownSeries = 0
    /// Series that were not in the commit before this one.
    package var seriesAdded = 0
    /// Series of the commit before that ended here.
    package var staleMarkers = 0

    package init() {}

    package var refused: Int { duplicates + outOfOrder + tooOld + tooNew + unknownSeries }
}

/// Why the store took nothing.
package enum StoreError: Error, Hashable, Sendable {
    /// `StoreConfiguration.maximumSeries` are there already.
    case seriesLimit(Int)
    /// Even with nothing but the newest samples kept, memory is full.
    case memoryLimit(Int)
    /// The commit is not later than the one before it; nothing of it was stored.
    case outOfOrder(commit: Timestamp, newest: Timestamp)
    /// Labels without a single pair name nothing.
    case emptyLabels
    /// More labels than a series can have.
    case tooManyLabels(Int)
    /// The appender was retired.
    case retired
}

extension StoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .seriesLimit(let limit): "the store holds its maximum of \(limit) series"
        case .memoryLimit(let bytes): "the store's \(bytes) bytes of memory are used up"
        case .outOfOrder(let commit, let newest): "commit at \(commit) is not later than the newest at \(newest)"
        case .emptyLabels: "a series needs at least one label"
        case .tooManyLabels(let count): "a series cannot have \(count) labels"
        case .retired: "the writer was retired"
        }
    }
}

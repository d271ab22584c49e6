// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// Figures of one receiver since the start, under Prometheus's names for them.
package struct RemoteWriteStatistics: Hashable, Sendable {
    /// Why samples were not sent.
    package enum DropReason: String, Hashable, Sendable, CaseIterable {
        case relabelled = "dropped_series"
        case histogramsOff = "native_histograms_off"
        case tooOld = "too_old"
        case queueFull = "queue_full"
        /// A file of the queue that could not be read any more.
        case queueDamaged = "queue_damaged"
    }

    package var samplesIn = 0
    package var samplesSent = 0
    /// Refused by the receiver for good.
    package var samplesFailed = 0
    package var samplesRetried = 0
    package var samplesDropped: [DropReason: Int] = [:]
    package var samplesPending = 0
    package var bytesSent = 0
    /// How long each request took, whatever came of it.
    package var requestDurations = RequestDurations()
    package var metadataSent = 0
    package var metadataFailed = 0
    package var shards = 0
    package var desiredShards = 0
    package var highestTimestamp: Timestamp?
    package var highestSent: Timestamp?
    package var queueBytes = 0
    package var isQueueOnDisk = true
    package var queueSyncFailures = 0
    /// The words of the last failure; without secrets.
    package var lastFailure: String?

    package init() {}

    mutating func drop(_ count: Int, _ reason: DropReason) {
        if count > 0 { samplesDropped[reason, default: 0] += count }
    }
}

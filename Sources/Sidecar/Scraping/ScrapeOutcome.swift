// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
package import TimeSeries

/// What came of one scrape.
package struct ScrapeOutcome: Sendable {
    package var timestamp: Timestamp
    /// nil: the target is up.
    package var failure: ScrapeFailure?
    package var duration: Duration
    package var phases = HTTPPhases()
    /// HTTP status, when an answer came.
    package var status: Int?
    /// Samples in the body, and those left after `metric_relabel_configs`.
    package var scraped = 0
    package var kept = 0
    package var seriesAdded = 0
    /// Samples that the store refused.
    package var refused = 0
    package var bodyBytes = 0
    /// Whether `up` is another than in the scrape before.
    package var changed = false
    /// Whether people would want to hear of it: another reason than before, or none after one.
    package var isNews = false
    /// True when nothing was stored: the peer closed an idle connection in good order.
    package var isOrderlyClose = false
}

/// A failed scrape as it is kept for people.
package struct ScrapeFailureRecord: Sendable {
    package var timestamp: Timestamp
    package var reason: ScrapeReason
    package var text: String
    package var duration: Duration
    package var phases: HTTPPhases
    package var status: Int?
    /// The first 4 KiB.
    package var body: [UInt8]
}

/// A target as the API shows it.
package struct TargetStatus: Sendable {
    package enum Health: String, Sendable { case unknown, up, down }

    package var target: ScrapeTarget
    package var health = Health.unknown
    package var lastScrape: Timestamp?
    package var lastDuration: Duration = .zero
    package var lastFailure: ScrapeFailure?
    package var scrapes: UInt64 = 0
    package var failures: [ScrapeReason: UInt64] = [:]
    package var skippedTicks: UInt64 = 0
    package var edges: UInt64 = 0
    package var orderlyCloses: UInt64 = 0
    package var lastSamples = 0
    package var refusedSamples: UInt64 = 0
    /// The last failures, oldest first.
    package var recentFailures: [ScrapeFailureRecord] = []

    package init(target: ScrapeTarget) { self.target = target }
}

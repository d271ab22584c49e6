// SPDX-License-Identifier: Apache-2.0

package import EventLoop
import Exposition
package import HTTPClient
package import TimeSeries

/// Scrapes one target: starts the transfer, reads the body as it arrives, and stores all of it or nothing. Lives on the
/// I/O loop's thread.
///
/// A failed scrape is an empty scrape: `up`, `scrape_duration_seconds` and the others are written, and every series that
/// the target showed before ends with a stale marker. Between scrapes the kept connection is watched; when the peer
/// closes or resets it, the scrape is repeated at once.
package final class ScrapeRunner {
    /// Failures kept for people.
    static let keptFailures = 10
    /// Bytes of a failed body kept for people.
    static let keptBody = 4_096
    /// A close after this much idleness may be the peer's keep-alive timeout.
    static let orderlyIdle = Duration.seconds(1)

    package let target: ScrapeTarget
    private let configuration: ScrapeConfiguration
    private let client: HTTPClient
    private let appender: SeriesAppender
    private let board: TargetBoard
    private let metadata: MetadataBoard
    private let own: OwnSeries
    private let now: () -> MonotonicTime
    private let request: HTTPRequest

    private let ingest: BodyIngest
    private var status: TargetStatus
    private var current: ScrapeTransfer?
    private var lastTimestamp = Timestamp.distantPast
    private var observation: ConnectionObservation?
    private var lastEdge: MonotonicTime?
    /// Grows while closes turn out to be orderly, so that a peer's short keep-alive is not answered with scrape after scrape.
    private var edgeBackOff: Duration
    private var isRetired = false

    package init(
        target: ScrapeTarget,
        configuration: ScrapeConfiguration,
        client: HTTPClient,
        store: TimeSeriesStore,
        board: TargetBoard,
        metadata: MetadataBoard,
        seed: UInt64,
        now: @escaping () -> MonotonicTime = MonotonicTime.now
    ) {
        self.target = target
        self.configuration = configuration
        self.client = client
        self.board = board
        self.metadata = metadata
        self.now = now
        appender = store.appender(source: "scrape/\(target.identity)")
        ingest = BodyIngest(target: target.labels, configuration: configuration, appender: appender, seed: seed)
        own = OwnSeries(target.labels)
        request = ScrapeRequest.make(target, configuration)
        status = TargetStatus(target: target)
        edgeBackOff = target.interval
        board.publish(status)
    }

    /// Names of the metrics that the target has, with those that every target gets.
    package var metricNames: Set<String> { ingest.names.union(OwnSeries.names) }

    /// Scrapes for the tick with this timestamp. While a scrape is under way the tick is skipped and counted, and
    /// `completion` hears nil.
    package func scrape(at timestamp: Timestamp, completion: @escaping (ScrapeOutcome?) -> Void) {
        guard current == nil, !isRetired else {
            status.skippedTicks &+= 1
            return completion(nil)
        }
        start(at: timestamp, edge: nil) { completion($0) }
    }

    /// Repeats the scrape at once when the peer of the idle connection closes it; `handler` hears of what was stored.
    package func observeEdges(clock: @escaping () -> Timestamp, handler: @escaping (ScrapeOutcome) -> Void) {
        guard let origin = request.origin else { return }
        observation = client.observeConnections(to: origin) { [weak self] edge in
            self?.edge(edge, clock: clock, handler: handler)
        }
    }

    /// Another runner takes the target over, or the process ends: stops without ending the series.
    package func release() {
        guard !isRetired else { return }
        isRetired = true
        current?.cancel()
        if let observation { client.end(observation) }
        appender.rollback()
    }

    /// The target is gone: ends its series and forgets it. A scrape under way is cancelled.
    package func retire(at timestamp: Timestamp) {
        guard !isRetired else { return }
        isRetired = true
        current?.cancel()
        if let observation { client.end(observation) }
        appender.rollback()
        appender.retire(at: timestamp.following(lastTimestamp))
        board.remove(target.identity)
        metadata.remove(target.identity)
    }

    // MARK: Edges

    private func edge(_ edge: ConnectionEdge, clock: () -> Timestamp, handler: @escaping (ScrapeOutcome) -> Void) {
        guard current == nil, !isRetired, status.scrapes > 0 else { return }
        if let lastEdge, edge.at - lastEdge < edgeBackOff { return }
        lastEdge = edge.at
        status.edges &+= 1
        start(at: clock(), edge: edge) { outcome in
            guard let outcome, !outcome.isOrderlyClose else { return }
            handler(outcome)
        }
    }

    // MARK: One scrape

    private func start(
        at timestamp: Timestamp,
        edge: ConnectionEdge?,
        _ completion: @escaping (ScrapeOutcome?) -> Void
    ) {
        let started = now()
        let transfer = ScrapeTransfer(ingest: ingest, configuration: configuration) { [weak self] transfer, report in
            guard let self else { return }
            current = nil
            guard !isRetired else { return completion(nil) }
            completion(finish(transfer, report, at: timestamp, took: now() - started, edge: edge))
        }
        current = transfer
        transfer.start(client, request)
    }

    private func finish(
        _ transfer: ScrapeTransfer,
        _ report: HTTPTransferReport,
        at timestamp: Timestamp,
        took duration: Duration,
        edge: ConnectionEdge?
    ) -> ScrapeOutcome {
        var outcome = ScrapeOutcome(timestamp: timestamp, failure: transfer.failure(report), duration: duration)
        outcome.phases = report.phases
        outcome.status = report.status
        outcome.bodyBytes = report.bodyBytes
        if let edge, outcome.failure == nil, edge.kind == .closed, edge.idle >= Self.orderlyIdle {
            appender.rollback()
            outcome.isOrderlyClose = true
            status.orderlyCloses &+= 1
            edgeBackOff = min(edgeBackOff * 2, .seconds(60))
            board.publish(status)
            return outcome
        }
        if edge != nil { edgeBackOff = target.interval }
        if outcome.failure != nil {
            appender.rollback()
            ingest.abandon()
        } else {
            outcome.scraped = ingest.scraped
            outcome.kept = ingest.kept
        }
        store(&outcome)
        outcome.isNews = status.lastFailure?.reason != outcome.failure?.reason
        outcome.changed = status.health != (outcome.failure == nil ? .up : .down)
        record(outcome, body: transfer.firstBytes)
        return outcome
    }

    private func store(_ outcome: inout ScrapeOutcome) {
        // An edge may fall into the millisecond of the scrape before it.
        let moment = outcome.timestamp.following(lastTimestamp)
        outcome.timestamp = moment
        do throws(StoreError) {
            try own.append(outcome, to: appender)
            ingest.endTracked(at: moment, isFailed: outcome.failure != nil)
            let summary = try appender.commit(at: moment)
            outcome.refused = summary.refused
            outcome.seriesAdded = max(0, summary.seriesAdded)
            if summary.unknownSeries > 0 {
                ingest.forget()
                own.forget()
            }
        } catch {
            appender.rollback()
            if outcome.failure == nil { outcome.failure = ScrapeFailure(.limitSeries, error.description) }
        }
        lastTimestamp = moment
    }

    private func record(_ outcome: ScrapeOutcome, body: [UInt8]) {
        status.health = outcome.failure == nil ? .up : .down
        status.scrapes &+= 1
        status.lastScrape = outcome.timestamp
        status.lastDuration = outcome.duration
        status.lastFailure = outcome.failure
        status.lastSamples = outcome.kept
        status.refusedSamples &+= UInt64(max(0, outcome.refused))
        if let failure = outcome.failure {
            status.failures[failure.reason, default: 0] &+= 1
            status.recentFailures.append(
                ScrapeFailureRecord(
                    timestamp: outcome.timestamp,
                    reason: failure.reason,
                    text: failure.text,
                    duration: outcome.duration,
                    phases: outcome.phases,
                    status: outcome.status,
                    body: body
                )
            )
            if status.recentFailures.count > Self.keptFailures { status.recentFailures.removeFirst() }
        } else if ingest.metadataChanged {
            metadata.publish(ingest.metadata, of: target.identity)
        }
        board.publish(status)
    }
}

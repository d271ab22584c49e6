// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import Scraping
import TestSupport
import Testing
import TimeSeries

/// A runner for one receiver with its loop, client and store.
final class ScrapeBench: Sendable {
    let loop: EventLoop
    let client: HTTPClient
    let store = TimeSeriesStore()
    let board = TargetBoard()
    let runner: LoopBound<ScrapeRunner>

    /// Scrapes what the configuration's group names.
    convenience init(_ change: (inout ScrapeConfiguration) -> Void) throws { try self.init(address: "", change) }

    convenience init(_ receiver: HTTPReceiver, _ change: (inout ScrapeConfiguration) -> Void = { _ in }) throws {
        try self.init(address: "127.0.0.1:\(receiver.port)", change)
    }

    private init(address: String, _ change: (inout ScrapeConfiguration) -> Void) throws {
        loop = try EventLoop()
        client = try HTTPClient(loop: loop)
        var configuration = ScrapeConfiguration(jobName: "test")
        configuration.groups = [ScrapeConfiguration.TargetGroup(targets: [address])]
        change(&configuration)
        let target = try #require(TargetSet(configuration).active.first)
        runner = LoopBound(
            ScrapeRunner(
                target: target,
                configuration: configuration,
                client: client,
                store: store,
                board: board,
                metadata: MetadataBoard(),
                seed: 1
            ),
            on: loop
        )
    }

    deinit { loop.stop() }

    func scrape(at seconds: Int64) async -> ScrapeOutcome? {
        await withCheckedContinuation { continuation in
            loop.execute { [self] in
                runner.value.scrape(at: Timestamp(milliseconds: seconds * 1_000)) {
                    continuation.resume(returning: $0)
                }
            }
        }
    }

    /// The values of a metric at a moment, by label; nil values are stale markers.
    func values(_ name: String, at seconds: Int64) throws -> [Labels: Double?] {
        let reader = store.reader()
        var found: [Labels: Double?] = [:]
        for handle in reader.select([.equal("__name__", name)]) {
            let latest = reader.latest(
                handle,
                at: Timestamp(milliseconds: seconds * 1_000),
                lookback: .seconds(300)
            )
            guard case .float(let value)? = latest?.value else { continue }
            found[handle.labels.dropping(["__name__", "job", "instance"])] =
                StaleMarker.isStale(value) ? .some(nil) : value
        }
        return found
    }
}

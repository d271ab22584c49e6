// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import HealthChecks
import Logging
import RemoteWrite
import Scraping
import ServiceLifecycle
import Synchronization
import TimeSeries

/// Keeps the receivers of `remote_write` going: one task each, exchanged when the configuration changes.
final class RemoteWriteLoop: Service {
    /// One receiver and its task's beginning and end.
    private final class Runner: Sendable {
        let destination: RemoteWriteDestination
        let stopped: AsyncStream<Void>
        let stop: AsyncStream<Void>.Continuation
        let ended: AsyncStream<Void>
        let end: AsyncStream<Void>.Continuation

        init(_ destination: RemoteWriteDestination) {
            self.destination = destination
            (stopped, stop) = AsyncStream.makeStream()
            (ended, end) = AsyncStream.makeStream()
        }
    }

    private let store: TimeSeriesStore
    private let metadata: MetadataBoard
    private let logger: Logger
    private let environment: RemoteWriteDestination.Environment
    /// Where the queues stand; nil keeps them in memory.
    private let path: String?
    private let runners = Mutex<[Runner]>([])
    private let works: WorkRunner<Runner>

    init(
        store: TimeSeriesStore,
        metadata: MetadataBoard,
        client: HTTPClient,
        clock: HealthClock,
        path: String?,
        logger: Logger
    ) {
        self.store = store
        self.metadata = metadata
        self.logger = logger
        self.path = path
        environment = RemoteWriteDestination.Environment(
            perform: { request throws(HTTPFailure) in try await client.perform(request) },
            now: { Timestamp(milliseconds: clock.now().unixMilliseconds) },
            sleep: { try await Task.sleep(for: $0) }
        )
        works = WorkRunner { runner in
            await Self.run(runner, metadata: metadata, logger: logger)
            runner.end.finish()
        }
    }

    func run() async throws { try await works.run() }

    // MARK: Configuration

    /// Puts receivers in place; a receiver that keeps its name keeps its queue.
    func apply(_ definitions: [RemoteWriteDefinition], externalLabels: [(name: String, value: String)]) async {
        let old = runners.withLock { $0 }
        if definitions.isEmpty, old.isEmpty { return }
        let hub = definitions.isEmpty ? nil : RemoteWriteHub()
        store.observe(with: hub)
        for runner in old {
            runner.stop.finish()
            for await _ in runner.ended {}
        }
        let new = definitions.map { definition in
            Runner(
                RemoteWriteDestination(
                    definition.remote,
                    directory: directory(definition.remote.folder),
                    environment: environment,
                    previous: old.first { $0.destination.configuration.folder == definition.remote.folder }?
                        .destination,
                    transform: Self.transform(definition.relabelRules, externalLabels)
                )
            )
        }
        hub?.open(new.map(\.destination))
        runners.withLock { $0 = new }
        for runner in new { works.submit(runner) }
    }

    private func directory(_ folder: String) -> DiskDirectory? {
        guard let path else { return nil }
        do throws(StorageError) {
            _ = try DiskDirectory(path: path)
            return try DiskDirectory(path: path + "/" + folder)
        } catch {
            logger.error("remote_write.queue_in_memory_only", metadata: ["problem": .string(error.description)])
            return nil
        }
    }

    private static func transform(
        _ rules: [RelabelRule],
        _ externalLabels: [(name: String, value: String)]
    ) -> @Sendable (Labels) -> Labels? {
        { labels in
            var all = Dictionary(labels.pairs.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
            for (name, value) in externalLabels where all[name] == nil { all[name] = value }
            return RelabelRule.apply(rules, to: all).map { Labels($0.map { ($0.key, $0.value) }) }
        }
    }

    // MARK: Sending

    private static func run(_ runner: Runner, metadata: MetadataBoard, logger: Logger) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                var isFailing = false
                while !Task.isCancelled {
                    let wait = await runner.destination.sendDue()
                    await runner.destination.sendMetadata { metadata.remoteEntries }
                    report(runner.destination, &isFailing, logger)
                    if wait > .zero { try? await Task.sleep(for: wait) }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .seconds(10))
                    reportBacklog(runner.destination, logger)
                }
            }
            for await _ in runner.stopped {}
            group.cancelAll()
        }
    }

    /// What goes wrong with the queue's files.
    private static func report(_ destination: RemoteWriteDestination, _ isFailing: inout Bool, _ logger: Logger) {
        for problem in destination.takeProblems() {
            if !isFailing {
                logger.error(
                    "remote_write.queue_damaged",
                    metadata: ["receiver": .string(destination.configuration.name), "problem": .string(problem)]
                )
            }
            isFailing = true
        }
        if isFailing, destination.statistics.isQueueOnDisk { isFailing = false }
    }

    /// A receiver that takes nothing for a while.
    private static func reportBacklog(_ destination: RemoteWriteDestination, _ logger: Logger) {
        let statistics = destination.statistics
        guard let newest = statistics.highestTimestamp, let failure = statistics.lastFailure else { return }
        let behind = newest - (statistics.highestSent ?? .distantPast)
        guard behind > .seconds(30), statistics.samplesPending > 0 else { return }
        logger.warning(
            "remote_write.behind",
            metadata: [
                "receiver": .string(destination.configuration.name), "url": .string(destination.configuration.shownURL),
                "samples_pending": .stringConvertible(statistics.samplesPending), "last_failure": .string(failure),
            ]
        )
    }

    /// Brings the queues to the medium; waits for the disk.
    func sync() {
        for runner in runners.withLock({ $0 }) { runner.destination.sync() }
    }

    // MARK: Figures

    /// Under Prometheus's own names, which people's dashboards know.
    func addMetrics(_ builder: inout FamilyBuilder) {
        for runner in runners.withLock({ $0 }) {
            RemoteWriteMetrics.add(runner.destination.configuration, runner.destination.statistics, &builder)
        }
    }
}

extension MetadataBoard {
    fileprivate var remoteEntries: [RemoteMetadata] {
        all().compactMap { metric, variants in
            variants.first.map { RemoteMetadata(family: metric, type: $0.type, help: $0.help, unit: $0.unit) }
        }
    }
}

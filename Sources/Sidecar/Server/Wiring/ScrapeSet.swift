// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import Logging
import Scraping
import TimeSeries

/// The scrape runners that run now, for the targets of the configuration and those that discovery finds. Lives on the I/O
/// loop's thread.
final class ScrapeSet {
    private struct Running {
        let runner: ScrapeRunner
        let scrape: Conductor.Scrape
    }

    private struct Wanted {
        let target: ScrapeTarget
        let configuration: ScrapeConfiguration
    }

    private let store: TimeSeriesStore
    private let client: HTTPClient
    private let board: TargetBoard
    private let metadata: MetadataBoard
    private let logger: Logger
    private let random: () -> UInt64
    private var running: [String: Running] = [:]
    private var configurations: [ScrapeConfiguration] = []
    private var discovered: [String: [ScrapeConfiguration.TargetGroup]] = [:]
    private var problems: Set<String> = []
    private var clock: () -> Timestamp = { .distantPast }
    private var edge: (Conductor.Ended) -> Void = { _ in }

    init(
        store: TimeSeriesStore,
        client: HTTPClient,
        board: TargetBoard,
        metadata: MetadataBoard,
        logger: Logger,
        random: @escaping () -> UInt64
    ) {
        self.store = store
        self.client = client
        self.board = board
        self.metadata = metadata
        self.logger = logger
        self.random = random
    }

    /// Replaces the configuration. A target that stays keeps its series; one that is gone ends them.
    func configure(
        _ configurations: [ScrapeConfiguration],
        at now: Timestamp,
        clock: @escaping () -> Timestamp,
        edge: @escaping (Conductor.Ended) -> Void
    ) -> [String: Conductor.Scrape] {
        self.configurations = configurations
        self.clock = clock
        self.edge = edge
        let jobs = Set(configurations.filter { !$0.discovery.isEmpty }.map(\.jobName))
        discovered = discovered.filter { jobs.contains($0.key) }
        return rebuild(at: now, keepsRunners: false)
    }

    /// Replaces what discovery has found for a job; a target that stays goes on undisturbed.
    func discovered(
        _ groups: [ScrapeConfiguration.TargetGroup],
        of job: String,
        at now: Timestamp
    ) -> [String: Conductor.Scrape] {
        discovered[job] = groups
        return rebuild(at: now, keepsRunners: true)
    }

    func stop() {
        for entry in running.values { entry.runner.release() }
        running.removeAll()
    }

    // MARK: Targets

    private func rebuild(at now: Timestamp, keepsRunners: Bool) -> [String: Conductor.Scrape] {
        let wanted = targets()
        let count = wanted.count
        var kept: [String: Running] = [:]
        let identities = Set(wanted.map(\.target.identity))
        for (identity, entry) in running {
            if !identities.contains(identity) {
                entry.runner.retire(at: now)
            } else if keepsRunners {
                kept[identity] = entry
            } else {
                entry.runner.release()
            }
        }
        running = kept
        for one in wanted where running[one.target.identity] == nil {
            running[one.target.identity] = make(one, among: count)
        }
        return running.mapValues(\.scrape)
    }

    private func targets() -> [Wanted] {
        var wanted: [Wanted] = []
        var dropped: [TargetBoard.Dropped] = []
        var problems: [String] = []
        for configuration in configurations {
            var whole = configuration
            whole.groups += discovered[configuration.jobName] ?? []
            let set = TargetSet(whole)
            wanted += set.active.map { Wanted(target: $0, configuration: configuration) }
            dropped.append(
                TargetBoard.Dropped(
                    job: configuration.jobName,
                    count: set.dropped.count,
                    labels: Array(set.dropped.prefix(configuration.limits.shownDroppedTargets))
                )
            )
            problems += set.problems.map { "\(configuration.jobName): \($0)" }
        }
        board.setDropped(dropped)
        for problem in problems where !self.problems.contains(problem) {
            logger.warning("scrape.target_refused", metadata: ["problem": .string(problem)])
        }
        self.problems = Set(problems)
        return wanted
    }

    private func make(_ wanted: Wanted, among count: Int) -> Running {
        let target = wanted.target
        let runner = ScrapeRunner(
            target: target,
            configuration: wanted.configuration,
            client: client,
            store: store,
            board: board,
            metadata: metadata,
            seed: random()
        )
        runner.observeEdges(clock: clock) { [weak self, weak runner] outcome in
            guard let self, let runner else { return }
            report(outcome, of: target)
            edge(Conductor.Ended(changed: outcome.changed, metricNames: runner.metricNames))
        }
        let scrape = Conductor.Scrape(
            interval: target.interval,
            offset: Self.offset(of: target.identity, interval: target.interval, count: count)
        ) { [weak self] timestamp, ended in
            runner.scrape(at: timestamp) { outcome in
                if let outcome { self?.report(outcome, of: target) }
                let changed = outcome?.changed ?? false
                ended(Conductor.Ended(changed: changed, metricNames: changed ? runner.metricNames : []))
            }
        }
        return Running(runner: runner, scrape: scrape)
    }

    /// One line when a target begins to fail, when it fails for another reason, and when it is back.
    private func report(_ outcome: ScrapeOutcome, of target: ScrapeTarget) {
        guard outcome.isNews else { return }
        var metadata: Logger.Metadata = [
            "scrape_job": .string(target.jobName), "target": .string(target.instance),
        ]
        guard let failure = outcome.failure else {
            logger.notice("scrape.recovered", metadata: metadata)
            return
        }
        metadata["reason"] = .string(failure.reason.rawValue)
        metadata["text"] = .string(failure.text)
        logger.warning("scrape.failed", metadata: metadata)
    }

    /// Spreads the starts of a tick: the same place for the same target over restarts, at most min(interval / 10, 100 ms),
    /// and no wider than the number of targets needs.
    private static func offset(of identity: String, interval: Duration, count: Int) -> Duration {
        let spread = min(interval / 10, .milliseconds(100), .milliseconds(2) * count)
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in identity.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        return count < 2 ? .zero : spread * Double(hash % 1_000) / 1_000
    }
}

// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import EventLoop
import HTTPClient
import HealthChecks
import Scraping
import TimeSeries

/// The scrape runners and checks that run now, and how a new configuration replaces them. Lives on the I/O loop's thread.
final class InputSet {
    private struct Running {
        let check: any DependencyCheck
        let fingerprint: String
    }

    private let store: TimeSeriesStore
    private let client: HTTPClient
    private let board: TargetBoard
    private let metadata: MetadataBoard
    private let environment: CheckEnvironment
    private let random: () -> UInt64
    private var runners: [String: ScrapeRunner] = [:]
    private var checks: [String: Running] = [:]

    init(
        store: TimeSeriesStore,
        client: HTTPClient,
        board: TargetBoard,
        metadata: MetadataBoard,
        environment: CheckEnvironment,
        random: @escaping () -> UInt64
    ) {
        self.store = store
        self.client = client
        self.board = board
        self.metadata = metadata
        self.environment = environment
        self.random = random
    }

    /// Replaces the targets. A target that stays keeps its series; one that is gone ends them.
    func scrapes(
        _ configurations: [ScrapeConfiguration],
        at now: Timestamp,
        clock: @escaping () -> Timestamp,
        edge: @escaping (Conductor.Ended) -> Void
    ) -> [String: Conductor.Scrape] {
        var wanted: [(target: ScrapeTarget, configuration: ScrapeConfiguration)] = []
        var dropped: [(job: String, labels: Labels)] = []
        for configuration in configurations {
            let set = TargetSet(configuration)
            wanted.append(contentsOf: set.active.map { ($0, configuration) })
            dropped.append(contentsOf: set.dropped.map { (configuration.jobName, $0) })
        }
        board.setDropped(dropped)
        let identities = Set(wanted.map(\.target.identity))
        for (identity, runner) in runners {
            if identities.contains(identity) { runner.release() } else { runner.retire(at: now) }
        }
        runners.removeAll()
        var scrapes: [String: Conductor.Scrape] = [:]
        for (target, configuration) in wanted where runners[target.identity] == nil {
            let runner = ScrapeRunner(
                target: target,
                configuration: configuration,
                client: client,
                store: store,
                board: board,
                metadata: metadata,
                seed: random()
            )
            runner.observeEdges(clock: clock) { [weak runner] outcome in
                guard let runner else { return }
                edge(Conductor.Ended(changed: outcome.changed, metricNames: runner.metricNames))
            }
            runners[target.identity] = runner
            scrapes[target.identity] = Conductor.Scrape(
                interval: target.interval,
                offset: Self.offset(of: target.identity, interval: target.interval, count: wanted.count)
            ) { timestamp, ended in
                runner.scrape(at: timestamp) { outcome in
                    let changed = outcome?.changed ?? false
                    ended(Conductor.Ended(changed: changed, metricNames: changed ? runner.metricNames : []))
                }
            }
        }
        return scrapes
    }

    /// Replaces the checks; one whose definition did not change keeps its connection.
    func checks(_ definitions: [CheckDefinition]) throws(CheckConfigurationError) -> [CheckLoop.Entry] {
        var new: [String: Running] = [:]
        var entries: [CheckLoop.Entry] = []
        for definition in definitions {
            let running: Running
            if let known = checks[definition.name], known.fingerprint == definition.fingerprint {
                running = known
            } else {
                running = Running(
                    check: try definition.make(in: environment),
                    fingerprint: definition.fingerprint
                )
            }
            new[definition.name] = running
            entries.append(CheckLoop.Entry(check: running.check, settings: definition.settings))
        }
        for (name, running) in checks where new[name].map({ $0.check !== running.check }) ?? true {
            running.check.close()
        }
        checks = new
        return entries
    }

    func stop(at now: Timestamp) {
        for runner in runners.values { runner.release() }
        runners.removeAll()
        for running in checks.values { running.check.close() }
        checks.removeAll()
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

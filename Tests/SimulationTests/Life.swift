// SPDX-License-Identifier: Apache-2.0

import AlertRules
import HealthChecks
import Notifications
import PromQL
import SQLiteClient
import SidecarServer
import TestSupport
import TimeSeries

/// One process of the sidecar, from start to death: the product's own store, schedule, rules, states and notifications,
/// put together as the program puts them together.
final class Life {
    enum Input: Hashable, Sendable { case scrape(String) }

    let store = TimeSeriesStore(Life.storeConfiguration)
    let runner: RuleRunner
    let engine: NotificationEngine
    var schedule: TickSchedule<Duration>
    var clock: TickClock
    var barrier = EvaluationBarrier<String>()
    /// A tick whose evaluation waits for its scrapes.
    var pending: (intervals: [Duration], at: Timestamp)?
    var edition: Int
    /// The number of the last news that the rules know to be on the notifications' disk.
    var confirmed: Int64 = 0
    private var scrapes: [String: SeriesAppender] = [:]
    /// Whether the last scrape of an instance succeeded.
    private var wasUp: [String: Bool] = [:]

    private static var storeConfiguration: StoreConfiguration {
        var configuration = StoreConfiguration()
        configuration.memoryLimit = 8 << 20
        configuration.maximumSeries = 5_000
        return configuration
    }

    /// The state files as a process leaves them that saw nothing.
    static let emptyFiles: [(name: String, bytes: [UInt8])] = {
        let disk = VirtualDisk(seed: 0, losesPower: false)
        let clock = HealthClock { HealthTime(uptime: .zero, unixMilliseconds: 0) }
        _ = try? Life(disk: disk, clock: clock, edition: 0, gathers: false, random: { 0 }, complain: { _ in })
        return disk.names.filter { $0.hasSuffix(".db") }.compactMap { name in disk.bytes(of: name).map { (name, $0) } }
    }()

    /// Starts on what `disk` kept. Throws when the disk stops it.
    init(
        disk: VirtualDisk,
        clock: HealthClock,
        edition: Int,
        gathers: Bool,
        random: @escaping () -> UInt64,
        complain: (String) -> Void
    ) throws {
        _ = store.attachLog(in: VirtualDirectory(disk: disk, prefix: "samples/"))
        let now = clock.now()
        func open(_ name: String) throws -> SQLiteDatabase {
            var configuration = SQLiteDatabase.Configuration()
            configuration.fileSystem = disk.fileSystem.name
            let (database, condition) = try SQLiteDatabase.openOrQuarantine(
                path: name,
                configuration: configuration,
                unixSeconds: now.unixMilliseconds / 1_000
            )
            if condition != .intact { complain("\(name) was damaged: \(condition)") }
            return database
        }
        let wall = Timestamp(milliseconds: now.unixMilliseconds)
        engine = try NotificationEngine(
            configuration: Scenario.notifications(gathers: gathers),
            database: try open("notifications.db"),
            random: random,
            at: wall
        )
        let manager = RuleManager(
            context: RuleContext(),
            environment: StoreRuleEnvironment(store: store, engine: QueryEngine()),
            state: try AlertStateStore(try open("alerts.db"))
        )
        runner = RuleRunner(manager, receipt: engine.storedReceipt)
        self.clock = TickClock(clock)
        self.edition = edition
        schedule = TickSchedule(epoch: now.uptime)
        schedule.add(.seconds(1), interval: .seconds(1), at: now.uptime)
        schedule.add(.seconds(2), interval: .seconds(2), at: now.uptime)
        for instance in Scenario.instances { scrapes[instance] = store.appender(source: "scrape " + instance) }
    }

    /// Loads the rules of the present edition.
    func load(restoring: Bool, at now: Timestamp) -> [RuleRunner.News] {
        let news = runner.load(
            Scenario.groups(edition: edition),
            context: RuleContext(),
            restoring: restoring,
            at: now
        )
        if restoring { store.retireUnclaimed(at: now) }
        return news
    }

    /// Commits a scrape; without values it failed. Answers whether `up` is another than before, or nil when the store
    /// took nothing.
    func commit(_ instance: String, _ values: [String: Double]?, at time: Timestamp) -> Bool? {
        guard let appender = scrapes[instance] else { return nil }
        do {
            let isUp = values == nil ? 0.0 : 1
            for (name, labels) in Scenario.series[instance] ?? [] {
                guard let value = name == "up" ? isUp : values?[name] else { continue }
                appender.append(try appender.series(labels), value)
            }
            _ = try appender.commit(at: time)
        } catch {
            appender.rollback()
            return nil
        }
        return wasUp.updateValue(values != nil, forKey: instance) != (values != nil)
    }

    /// Commits that the samples' log did not take.
    var lostCommits: Int { store.logStatistics?.commitsLost ?? 0 }

    /// What fires by the rules' own account, with the moment each began to fire.
    var firing: [AlertID: Timestamp] { alerts(.firing).compactMapValues(\.firedAt) }

    /// What waits, with the moment it began, for the story.
    var pendingAlerts: [AlertID: Timestamp] { alerts(.pending).mapValues(\.activeAt) }

    private func alerts(_ phase: AlertInstance.Phase) -> [AlertID: AlertInstance] {
        var result: [AlertID: AlertInstance] = [:]
        for entry in runner.manager.groups.lazy.flatMap(\.entries) {
            guard case .alerting(let rule) = entry.rule else { continue }
            for alert in rule.instances.values where alert.phase == phase { result[AlertID(alert.labels)] = alert }
        }
        return result
    }
}

/// An alert of the simulation.
struct AlertID: Hashable, Comparable, CustomStringConvertible {
    let rule: String
    let instance: String

    init(rule: String, instance: String) {
        self.rule = rule
        self.instance = instance
    }

    init(_ labels: Labels) {
        rule = labels["alertname"] ?? ""
        instance = labels["instance"] ?? ""
    }

    var description: String { "\(rule)(\(instance))" }

    static func < (left: AlertID, right: AlertID) -> Bool {
        (left.rule, left.instance) < (right.rule, right.instance)
    }
}

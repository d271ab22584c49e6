// SPDX-License-Identifier: Apache-2.0

package import SQLiteClient
package import TimeSeries

/// From alerts to deliveries: keeps alerts, groups them along the routes, holds back what is muted, decides who is told
/// what, and keeps the outbox until every receiver has taken its notification.
///
/// A synchronous machine. It owns no loop and reads no clock: the wiring calls `process`, `tick` and `complete` from one
/// thread, performs the attempts it is handed and comes back by `nextWakeUp`. Whatever an attempt is based on is
/// committed to the database before the attempt is handed out. While the disk takes nothing the engine goes on in
/// memory and says so in `condition`.
package final class NotificationEngine {
    /// Attempts under way at once, over all destinations.
    package static let concurrency = 64

    // Invariant: confined to the caller's thread, like the database.
    var configuration: NotificationConfiguration
    var routes: RouteTree
    /// Every configured integration by its key, with the digest of its destination.
    var integrations: [String: ConfiguredIntegration] = [:]
    /// Keys of a receiver's integrations, in order.
    var receiverKeys: [String: [String]] = [:]
    /// Integrations that a reload took away and that are still owed something; by key and target.
    var retired: [String: ConfiguredIntegration] = [:]
    var intervals: [String: NamedTimeInterval] = [:]

    var alerts: [UInt64: Alert] = [:]
    var groups: [AlertGroup.ID: AlertGroup] = [:]
    var memberships: [UInt64: [AlertGroup.ID]] = [:]
    var log: [LogKey: NotificationLogEntry] = [:]
    /// Log entries that owe a resolve for an alert no live group will tell them about.
    var orphans: Set<LogKey> = []
    var inhibitor: Inhibitor
    var silences = SilenceBook()
    var maintenance = MaintenanceCalendar([])
    var outbox = Outbox()
    var deadLetters: [Int64: OutboxItem] = [:]
    var nextItemID: Int64 = 1
    package internal(set) var statistics = NotificationStatistics()

    /// The number of the last news of the rules.
    var receipt: Int64 = 0
    /// The last one that is on disk, with everything that came of it and of those before.
    package internal(set) var storedReceipt: Int64 = 0

    let storage: NotificationStorage
    var pending: [StorageOperation] = []
    var unsavedHistory: [HistoryRecord] = []
    var events: [HistoryRecord] = []
    var storageError: SQLiteError?
    var nextStorageAttempt = Timestamp.distantPast
    var nextPrune = Timestamp.distantPast
    let random: () -> UInt64
    /// The earliest moment a group is due; nil means it must be looked up.
    var cachedNextFlush: Timestamp?
    var lastNow = Timestamp.distantPast

    struct ConfiguredIntegration {
        var receiver: String
        var integration: Integration
        var target: String
    }

    /// Restores what `database` kept and routes it anew. `random` gives 64 random bits a call.
    package init(
        configuration: NotificationConfiguration,
        database: SQLiteDatabase,
        random: @escaping () -> UInt64,
        at now: Timestamp
    ) throws(SQLiteError) {
        self.configuration = configuration
        self.random = random
        routes = RouteTree(configuration.effectiveRoute)
        inhibitor = Inhibitor(rules: configuration.inhibitionRules)
        storage = try NotificationStorage(database)
        let state = try storage.load()
        install(configuration)
        restore(state, at: now)
    }

    // MARK: The three calls

    /// Takes alerts as they stand now, new, changed or resolved, and hands out what is due.
    ///
    /// - Parameter number: of the news, where the sender counts it; it is committed together with what comes of it.
    package func process(_ arrivals: [Alert], number: Int64 = 0, at now: Timestamp) -> [DeliveryAttempt] {
        noteClock(now)
        if number > receipt {
            receipt = number
            pending.append(.saveReceipt(number))
        }
        for alert in arrivals { ingest(alert, at: now) }
        return work(at: now)
    }

    /// Does what is due: flushes groups, commits, hands out attempts.
    package func tick(at now: Timestamp) -> [DeliveryAttempt] {
        noteClock(now)
        return work(at: now)
    }

    /// Reports what came of an attempt. Call `tick` afterwards, at once: the next in line may be due.
    package func complete(_ attempt: DeliveryAttempt, _ outcome: DeliveryOutcome, at now: Timestamp) {
        complete([(attempt, outcome)], at: now)
    }

    /// The same for several attempts in one commit.
    package func complete(_ results: [(attempt: DeliveryAttempt, outcome: DeliveryOutcome)], at now: Timestamp) {
        for result in results { finish(result.attempt, result.outcome, at: now) }
        commit(at: now)
    }

    /// When `tick` has something to do; nil when only new alerts or outcomes can bring work.
    package var nextWakeUp: Timestamp? {
        var next = nextFlush()
        if outbox.inFlightCount < Self.concurrency, let attempt = outbox.nextAttempt() {
            next = min(next ?? attempt, attempt)
        }
        if storageError != nil { next = min(next ?? nextStorageAttempt, nextStorageAttempt) }
        return next
    }

    /// Says that of `source`'s alerts exactly `active` still fire: every other one is resolved. For the first complete
    /// evaluation after a start, so that an alert whose rule went away meanwhile does not fire for ever.
    package func reconcile(source: Alert.Source, active: Set<UInt64>, at now: Timestamp) -> [DeliveryAttempt] {
        noteClock(now)
        for alert in alerts.values.sorted(by: { $0.fingerprint < $1.fingerprint })
        where alert.source == source && !active.contains(alert.fingerprint) && !alert.isResolved(at: now) {
            var ended = alert
            ended.endsAt = now
            ended.updatedAt = now
            ingest(ended, at: now)
        }
        return work(at: now)
    }

    // MARK: Inside

    private func work(at now: Timestamp) -> [DeliveryAttempt] {
        flushDueGroups(at: now)
        flushOrphans(at: now)
        limitOutbox(at: now)
        prune(at: now)
        let taken = outbox.takeDue(at: now, limit: max(Self.concurrency - outbox.inFlightCount, 0))
        var attempts: [DeliveryAttempt] = []
        for item in taken {
            if let found = destination(of: item) {
                statistics.requests.count(found.integration.kind.rawValue)
                attempts.append(DeliveryAttempt.make(item, integration: found.integration, at: now))
            } else {
                bury(item, reason: "no_receiver", error: "the receiver is no longer configured", at: now)
            }
        }
        commit(at: now)
        return attempts
    }

    private func nextFlush() -> Timestamp? {
        if let cachedNextFlush { return cachedNextFlush == .distantFuture ? nil : cachedNextFlush }
        let next = groups.values.lazy.map(\.nextFlush).min()
        cachedNextFlush = next ?? .distantFuture
        return next
    }

    private func flushDueGroups(at now: Timestamp) {
        guard let next = nextFlush(), next <= now else { return }
        cachedNextFlush = nil
        let due = groups.values.filter { $0.nextFlush <= now }.sorted {
            ($0.nextFlush, $0.key, $0.id.node) < ($1.nextFlush, $1.key, $1.id.node)
        }
        let active = muting(at: now)
        for group in due { flush(group.id, silences: active, at: now) }
    }

    /// A wall clock that was set back must not leave timers in a far future.
    private func noteClock(_ now: Timestamp) {
        defer { lastNow = now }
        guard now < lastNow - .seconds(5) else { return }
        cachedNextFlush = nil
        for id in groups.keys { groups[id]?.clockWasSetBack(to: now, node: routes.nodes[id.node]) }
        outbox.clockWasSetBack(to: now)
        for (key, entry) in log where entry.sentAt > now {
            log[key]?.sentAt = now
            pending.append(.saveLog(key, log[key] ?? entry))
        }
        nextStorageAttempt = min(nextStorageAttempt, now)
        nextPrune = min(nextPrune, now)
    }
}

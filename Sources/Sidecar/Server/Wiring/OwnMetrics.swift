// SPDX-License-Identifier: Apache-2.0

import Exposition
import HealthChecks
import Journal
import Notifications
import Scraping
import Synchronization
import TimeSeries

/// The sidecar about itself, and what its checks found, as metric families. Everything is read where it is counted, at
/// the time of asking. Safe to use from any thread.
final class OwnMetrics: Sendable {
    /// What is only known on other threads is left here by them.
    struct Published: Sendable {
        var notifications = NotificationStatistics()
        var condition = NotificationCondition()
        var missedTicks: UInt64 = 0
        var reloadSucceeded = true
        var brokenRuleFiles = 0
        var reloadTime = Timestamp(milliseconds: 0)
        var storageInMemory = false
        var clockJumps: UInt64 = 0
    }

    private let version: String
    private let startedAt: HealthTime
    private let store: TimeSeriesStore
    private let registry: HealthRegistry
    private let targets: TargetBoard
    let rules: RuleLoop
    private let journal: JournalWriter
    private let checkSamples = Mutex<[String: (labels: [(name: String, value: String)], samples: [CheckSample])]>([:])
    private let published = Mutex(Published())
    private let sources = Mutex<[@Sendable (inout FamilyBuilder) -> Void]>([])

    init(
        version: String,
        startedAt: HealthTime,
        store: TimeSeriesStore,
        registry: HealthRegistry,
        targets: TargetBoard,
        rules: RuleLoop,
        journal: JournalWriter
    ) {
        self.version = version
        self.startedAt = startedAt
        self.store = store
        self.registry = registry
        self.targets = targets
        self.rules = rules
        self.journal = journal
    }

    /// Adds somebody who tells figures of their own at every reading; called on whatever thread reads.
    func addSource(_ source: @escaping @Sendable (inout FamilyBuilder) -> Void) {
        sources.withLock { $0.append(source) }
    }

    func update(_ body: (inout Published) -> Void) { published.withLock { body(&$0) } }

    var state: Published { published.withLock { $0 } }

    /// The samples of a check's last attempt, with those that all kinds have.
    func publish(_ samples: [CheckSample], of check: CheckDescriptor) {
        let labels = [("check", check.name), ("job", check.kind), ("instance", check.instance)]
        checkSamples.withLock { $0[check.name] = (labels.map { (name: $0.0, value: $0.1) }, samples) }
    }

    func removeCheck(_ name: String) {
        checkSamples.withLock { $0[name] = nil }
    }

    /// Everything for `/metrics`, sorted by name.
    func families() -> [MetricFamily] {
        var builder = FamilyBuilder()
        addOwn(&builder)
        for (labels, samples) in checkSamples.withLock({ Array($0.values) }) {
            for sample in samples {
                builder.add(
                    sample.family.name,
                    sample.family.kind == .counter ? .counter : sample.family.kind == .gauge ? .gauge : .unknown,
                    sample.family.help,
                    sample.labels.map { (name: $0.name, value: $0.value) } + labels,
                    sample.value
                )
            }
        }
        return builder.families
    }

    /// The sidecar's own series alone, for the store: checks write theirs themselves.
    func ownSamples() -> [OwnSample] {
        var builder = FamilyBuilder()
        addOwn(&builder)
        return builder.samples
    }

    private func addOwn(_ builder: inout FamilyBuilder) {
        builder.add("sidecar_build_info", .gauge, "Version of the sidecar; always 1.", [("version", version)], 1)
        addProcess(&builder)
        addStore(&builder)
        ScrapeMetrics.add(targets, to: &builder)
        addRules(&builder)
        addNotifications(&builder)
        for source in sources.withLock({ $0 }) { source(&builder) }
    }

    private func addProcess(_ builder: inout FamilyBuilder) {
        let process = ProcessReading.current()
        builder.add(
            "process_start_time_seconds",
            .gauge,
            "Start time of the process since unix epoch in seconds.",
            [],
            Double(startedAt.unixMilliseconds) / 1_000
        )
        builder.add(
            "process_cpu_seconds_total",
            .counter,
            "Total user and system CPU time spent in seconds.",
            [],
            process.cpuSeconds
        )
        builder.add(
            "process_resident_memory_bytes",
            .gauge,
            "Resident memory size in bytes.",
            [],
            process.residentBytes
        )
        builder.add("process_virtual_memory_bytes", .gauge, "Virtual memory size in bytes.", [], process.virtualBytes)
        builder.add("process_open_fds", .gauge, "Number of open file descriptors.", [], process.openDescriptors)
        builder.add(
            "process_max_fds",
            .gauge,
            "Maximum number of open file descriptors.",
            [],
            process.maximumDescriptors
        )
        builder.add("process_threads", .gauge, "Number of OS threads in the process.", [], process.threads)
    }

    private func addStore(_ builder: inout FamilyBuilder) {
        let statistics = store.statistics
        builder.add("sidecar_store_series", .gauge, "Series in the store.", [], Double(statistics.series))
        builder.add(
            "sidecar_store_memory_bytes",
            .gauge,
            "Memory of samples, labels and index.",
            [],
            Double(statistics.bytes)
        )
        builder.add(
            "sidecar_store_memory_limit_bytes",
            .gauge,
            "What samples, labels and index may take.",
            [],
            Double(store.configuration.memoryLimit)
        )
        builder.add(
            "sidecar_store_samples_appended_total",
            .counter,
            "Samples stored since the start.",
            [],
            Double(statistics.samplesAppended)
        )
        for (reason, count) in [
            ("duplicate", statistics.duplicates), ("out_of_order", statistics.outOfOrder),
            ("too_old", statistics.tooOld),
            ("too_new", statistics.tooNew), ("series_limit", statistics.seriesRefused),
        ] {
            builder.add(
                "sidecar_store_samples_refused_total",
                .counter,
                "Samples and series that the store refused, by reason.",
                [("reason", reason)],
                Double(count)
            )
        }
        if let log = store.logStatistics {
            builder.add(
                "sidecar_store_log_bytes",
                .gauge,
                "Size of the samples' write-ahead log.",
                [],
                Double(log.bytes)
            )
            builder.add(
                "sidecar_store_log_writable",
                .gauge,
                "0 while the disk refuses and samples are kept in memory only.",
                [],
                log.isWritable ? 1 : 0
            )
            builder.add(
                "sidecar_store_log_commits_lost_total",
                .counter,
                "Commits that did not reach the log.",
                [],
                Double(log.commitsLost)
            )
        }
        let published = state
        builder.add(
            "sidecar_clock_jumps_total",
            .counter,
            "Times the wall clock was found a second or more off its course.",
            [],
            Double(published.clockJumps)
        )
        builder.add(
            "sidecar_storage_memory_only",
            .gauge,
            "1 while the data directory cannot be used.",
            [],
            published.storageInMemory ? 1 : 0
        )
        builder.add(
            "sidecar_config_last_reload_successful",
            .gauge,
            "Whether the last reading of the configuration succeeded.",
            [],
            published.reloadSucceeded ? 1 : 0
        )
        builder.add(
            "sidecar_config_last_reload_success_timestamp_seconds",
            .gauge,
            "When the configuration was last put in place.",
            [],
            Double(published.reloadTime.milliseconds) / 1_000
        )
    }

    private func addNotifications(_ builder: inout FamilyBuilder) {
        let (statistics, condition) = published.withLock { ($0.notifications, $0.condition) }
        for (integration, count) in statistics.notifications.sorted(by: { $0.key < $1.key }) {
            builder.add(
                "sidecar_notifications_total",
                .counter,
                "Notifications delivered, by integration.",
                [("integration", integration)],
                Double(count)
            )
        }
        for (failure, count) in statistics.notificationsFailed.sorted(by: {
            ($0.key.integration, $0.key.reason) < ($1.key.integration, $1.key.reason)
        }) {
            builder.add(
                "sidecar_notifications_failed_total",
                .counter,
                "Notifications given up, by integration and reason.",
                [("integration", failure.integration), ("reason", failure.reason)],
                Double(count)
            )
        }
        for (integration, count) in statistics.requestsFailed.sorted(by: { $0.key < $1.key }) {
            builder.add(
                "sidecar_notification_requests_failed_total",
                .counter,
                "Attempts that failed, by integration.",
                [("integration", integration)],
                Double(count)
            )
        }
        for (reason, count) in statistics.suppressed.sorted(by: { $0.key < $1.key }) {
            builder.add(
                "sidecar_notifications_suppressed_total",
                .counter,
                "Alerts held back, by reason.",
                [("reason", reason)],
                Double(count)
            )
        }
        for failing in condition.failing {
            builder.add(
                "sidecar_notification_failures_in_a_row",
                .gauge,
                "Failed attempts since the destination last took something; absent when it did.",
                [("integration", failing.integration)],
                Double(failing.failures)
            )
        }
        builder.add("sidecar_alerts", .gauge, "Alerts known to the notifications.", [], Double(condition.alerts))
        builder.add("sidecar_alerts_firing", .gauge, "Alerts that fire.", [], Double(condition.alertsFiring))
        builder.add(
            "sidecar_outbox_items",
            .gauge,
            "Notifications that wait to be delivered.",
            [],
            Double(condition.outboxItems)
        )
        builder.add(
            "sidecar_outbox_dead_letters",
            .gauge,
            "Notifications that were given up and are kept.",
            [],
            Double(condition.deadLetters)
        )
        builder.add("sidecar_silences_active", .gauge, "Active silences.", [], Double(condition.silencesActive))
        builder.add(
            "sidecar_notification_storage_failures_total",
            .counter,
            "Failed writes of the notification state.",
            [],
            Double(statistics.storageFailures)
        )
        let journal = journal.statistics
        builder.add("sidecar_journal_entries_total", .counter, "Entries handed to journald.", [], Double(journal.sent))
        builder.add(
            "sidecar_journal_entries_dropped_total",
            .counter,
            "Entries that journald did not take.",
            [],
            Double(journal.dropped)
        )
    }
}

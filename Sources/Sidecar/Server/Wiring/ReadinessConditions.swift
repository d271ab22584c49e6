// SPDX-License-Identifier: Apache-2.0

import AlertRules
import HealthChecks
import Logging
import Notifications
import Scraping
import TimeSeries

/// Scrape targets and firing alerts as conditions of readiness, beside the checks and by the same policy. Lives on the
/// I/O loop's thread.
///
/// A target's condition takes in one answer per scrape, an alert's one per evaluation; both become stale when these stop.
final class ReadinessConditions {
    private struct TargetCondition {
        let definition: ProbeConfiguration.Target
        let series: CheckSeries
        let descriptor: CheckDescriptor
        /// Scrapes of its targets that have been counted.
        var scrapes: UInt64 = 0
    }

    private struct AlertCondition {
        let definition: ProbeConfiguration.AlertGate
        let series: CheckSeries
        let descriptor: CheckDescriptor
    }

    private let store: TimeSeriesStore
    private let registry: HealthRegistry
    private let board: TargetBoard
    private let clock: HealthClock
    private let logger: Logger
    private let publish: ([CheckSample], CheckDescriptor) -> Void
    private var targets: [TargetCondition] = []
    private var alerts: [AlertCondition] = []
    private var hasRules = false

    init(
        store: TimeSeriesStore,
        registry: HealthRegistry,
        board: TargetBoard,
        clock: HealthClock,
        logger: Logger,
        publish: @escaping ([CheckSample], CheckDescriptor) -> Void
    ) {
        self.store = store
        self.registry = registry
        self.board = board
        self.clock = clock
        self.logger = logger
        self.publish = publish
    }

    /// What the registry has to know of a configuration's conditions.
    static func descriptors(_ configuration: SidecarConfiguration) -> [CheckDescriptor] {
        configuration.probes.targets.map { descriptor($0) }
            + configuration.probes.alerts.map { descriptor($0, slowest: slowestEvaluation(configuration)) }
    }

    /// Replaces the conditions, after the registry was told their descriptors.
    func configure(_ configuration: SidecarConfiguration) {
        let now = Timestamp(milliseconds: clock.now().unixMilliseconds)
        for condition in targets { condition.series.retire(at: now) }
        for condition in alerts { condition.series.retire(at: now) }
        hasRules = !configuration.rules.isEmpty
        targets = configuration.probes.targets.map { definition in
            let descriptor = Self.descriptor(definition)
            let series = CheckSeries(store: store, descriptor: descriptor)
            return TargetCondition(definition: definition, series: series, descriptor: descriptor)
        }
        let slowest = Self.slowestEvaluation(configuration)
        alerts = configuration.probes.alerts.map { definition in
            let descriptor = Self.descriptor(definition, slowest: slowest)
            let series = CheckSeries(store: store, descriptor: descriptor)
            return AlertCondition(definition: definition, series: series, descriptor: descriptor)
        }
    }

    /// A scrape has ended, or a tick has passed.
    func observeTargets() {
        guard !targets.isEmpty else { return }
        let active = board.active
        for index in targets.indices {
            let definition = targets[index].definition
            let mine = active.filter {
                $0.target.jobName == definition.jobName
                    && (definition.instance.map { [target = $0.target] in $0 == target.instance } ?? true)
            }
            let scrapes = mine.reduce(UInt64(0)) { $0 &+ $1.scrapes }
            guard scrapes != targets[index].scrapes || mine.isEmpty else { continue }
            // The first look waits until every target has been scraped once.
            guard !mine.contains(where: { $0.health == .unknown }) else { continue }
            targets[index].scrapes = scrapes
            record(Self.result(of: mine), for: targets[index].descriptor, targets[index].series)
        }
    }

    /// Rules have been evaluated.
    func observeAlerts(firing: [Labels]) {
        for condition in alerts {
            let matching = firing.filter { condition.definition.matchers.matches($0) }
            let result: CheckResult =
                matching.isEmpty
                ? .up(duration: .zero)
                : .down(.alert, matching.prefix(8).map(\.description).joined(separator: " "), duration: .zero)
            record(result, for: condition.descriptor, condition.series)
        }
    }

    /// Where there are no rules, nothing can fire.
    func tick() {
        observeTargets()
        if !hasRules { observeAlerts(firing: []) }
    }

    private static func result(of targets: [TargetStatus]) -> CheckResult {
        let duration = targets.map(\.lastDuration).max() ?? .zero
        guard !targets.isEmpty else { return .down(.missing, "no target has these labels", duration: .zero) }
        let down = targets.filter { $0.health == .down }
        guard !down.isEmpty else { return .up(duration: duration) }
        let texts = down.prefix(8).map { "\($0.target.instance): \($0.lastFailure?.reason.rawValue ?? "down")" }
        return .down(.scrape, texts.joined(separator: ", "), duration: duration)
    }

    private func record(_ result: CheckResult, for descriptor: CheckDescriptor, _ series: CheckSeries) {
        let now = clock.now()
        let observation = registry.record(result, for: descriptor.name, at: now)
        if let transition = observation.transition {
            logger.notice(
                "readiness.condition_changed",
                metadata: [
                    "condition": .string(descriptor.name), "from": .string(transition.from.rawValue),
                    "to": .string(transition.to.rawValue), "reason": .string(transition.reason?.rawValue ?? "none"),
                ]
            )
        }
        guard let status = registry.snapshot.check(named: descriptor.name) else { return }
        let samples = HealthSeries.samples(of: status)
        _ = series.commit(samples, at: Timestamp(milliseconds: now.unixMilliseconds))
        publish(samples, descriptor)
    }

    private static func descriptor(_ target: ProbeConfiguration.Target) -> CheckDescriptor {
        let instance = target.instance ?? target.jobName
        return CheckDescriptor(name: target.name, kind: "scrape", instance: instance, settings: target.settings)
    }

    /// An alert has its own `for`: no thresholds are added to it.
    private static func descriptor(_ gate: ProbeConfiguration.AlertGate, slowest: Duration) -> CheckDescriptor {
        let settings = CheckSettings(
            interval: slowest,
            fall: 1,
            rise: 1,
            policy: gate.policy,
            staleAfter: slowest * 3 + .seconds(5)
        )
        return CheckDescriptor(
            name: gate.name,
            kind: "alert",
            instance: gate.matchers.alertmanagerText,
            settings: settings
        )
    }

    private static func slowestEvaluation(_ configuration: SidecarConfiguration) -> Duration {
        let standard = configuration.global.evaluationInterval
        return configuration.rules.reduce(standard) { max($0, $1.interval ?? standard) }
    }
}

// SPDX-License-Identifier: Apache-2.0

import Exposition
import Logging

/// Counts and logs what goes wrong in a registry.
final class RegistryReporter: Sendable {
    private let logger: Logger
    private let logged = Guarded<Set<String>>([])
    private let conflicts: FamilyStore<Counter>
    private let dropped: FamilyStore<Counter>
    private let overruns: FamilyStore<Counter>

    /// Families remembered as logged already; with more the log falls silent, the counters do not.
    private static let mostLogged = 1_000

    init(_ configuration: MetricsRegistry.Configuration) {
        logger = configuration.logger
        func counter(_ name: String, _ help: String, _ labels: [String]) -> FamilyStore<Counter> {
            FamilyStore(
                header: FamilyHeader(name: name, kind: .counter, help: help),
                labelNames: labels,
                configuration: NoConfiguration(),
                limit: configuration.seriesLimit,
                clock: configuration.clock,
                // What these cannot take lands in their overflow series; reporting that would not end.
                report: { _ in }
            )
        }
        conflicts = counter(
            "metrics_registration_conflicts_total",
            "Registrations that got an instrument outside the output.",
            ["family", "reason"]
        )
        dropped = counter(
            "metrics_dropped_series_total",
            "Look-ups that got the overflow series, because the family had its most series.",
            ["family"]
        )
        overruns = counter(
            "metrics_callback_overruns_total",
            "Callbacks that did not answer within the budget.",
            ["family"]
        )
    }

    var collectors: [any MetricCollector] { [conflicts, dropped, overruns] }

    func report(_ event: RegistryEvent) {
        switch event {
        case .conflict(let family, let what):
            conflicts.series([("family", Self.short(family)), ("reason", "conflict")]).item.increment()
            log("metric registered twice in different ways; the second one is not exported", family, what)
        case .invalid(let family, let what):
            conflicts.series([("family", Self.short(family)), ("reason", "invalid")]).item.increment()
            log("metric cannot be exported", family, what)
        case .seriesDropped(let family, let limit):
            dropped.series([("family", Self.short(family))]).item.increment()
            log("metric has too many series; new ones share the overflow series", family, "limit \(limit)")
        case .callbackOverrun(let family):
            overruns.series([("family", Self.short(family))]).item.increment()
            log("metric's callback is too slow and was left out", family, "")
        }
    }

    private func log(_ message: Logger.Message, _ family: String, _ what: String) {
        let isNew = logged.withLock { logged in
            logged.count < Self.mostLogged && logged.insert("\(message) \(family)").inserted
        }
        guard isNew else { return }
        logger.warning(message, metadata: ["metric.family": "\(Self.short(family))", "metric.problem": "\(what)"])
    }

    private static func short(_ name: String) -> String {
        name.utf8.count <= 200 ? name : String(decoding: name.utf8.prefix(200), as: UTF8.self)
    }
}

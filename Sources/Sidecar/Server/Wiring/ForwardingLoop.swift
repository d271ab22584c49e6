// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Exposition
import HealthChecks
import Logging
import Notifications
import Scraping
import Synchronization
import TimeSeries

/// Gives the Alertmanager forwarder its thread, its clock and its wake-ups.
///
/// The alerts go to each Alertmanager as Prometheus would send them, beside our own notifications and independent of
/// them; nothing of it is stored, because what fires is sent again and again.
final class ForwardingLoop: Sendable {
    /// A post, and which configuration it belongs to.
    struct Post: Sendable {
        fileprivate let generation: Int
        fileprivate let post: AlertmanagerForwarder.Post
        var delivery: HTTPDelivery { post.delivery }
    }

    /// How one Alertmanager stands.
    struct Peer: Sendable {
        let url: String
        let sent: UInt64
        let failedPosts: UInt64
        let isFailing: Bool
    }

    private final class Box {
        var forwarder: AlertmanagerForwarder
        var settings: Settings
        var generation = 0
        /// Alertmanagers whose last post failed, so that only the first failure and the recovery are logged.
        var failing: Set<Int> = []
        var timer: LoopTimer?
        var isStopped = false

        init(_ settings: Settings) {
            self.settings = settings
            forwarder = AlertmanagerForwarder(settings.forwarder)
        }
    }

    /// What of the configuration concerns forwarding.
    struct Settings: Sendable {
        var alerting: AlertingConfiguration
        var externalLabels: [(name: String, value: String)]
        var evaluationInterval: Duration

        fileprivate var forwarder: AlertmanagerForwarder.Configuration {
            var configuration = AlertmanagerForwarder.Configuration()
            configuration.endpoints = alerting.endpoints
            configuration.evaluationInterval = evaluationInterval
            return configuration
        }

        /// The alert as it leaves: external labels added, then relabelled; nil when a rule drops it.
        fileprivate func outgoing(_ alert: Alert) -> Alert? {
            var labels: [String: String] = [:]
            for pair in alert.labels.pairs { labels[pair.name] = pair.value }
            for label in externalLabels where labels[label.name] == nil { labels[label.name] = label.value }
            guard let kept = RelabelRule.apply(alerting.relabelRules, to: labels), !kept.isEmpty else { return nil }
            return alert.withLabels(Labels(kept.map { ($0.key, $0.value) }))
        }
    }

    private let loop: EventLoop
    private let clock: HealthClock
    private let logger: Logger
    private let perform: @Sendable (Post) -> Void
    private let box: LoopBound<Box>
    private let published = Mutex<(peers: [Peer], dropped: UInt64)>(([], 0))

    /// - Parameter perform: makes the request; its outcome comes back through `complete`.
    init(
        loop: EventLoop,
        clock: HealthClock,
        logger: Logger,
        settings: Settings,
        perform: @escaping @Sendable (Post) -> Void
    ) {
        self.loop = loop
        self.clock = clock
        self.logger = logger
        self.perform = perform
        box = LoopBound(Box(settings), on: loop)
        loop.execute { [self] in publish() }
    }

    /// The Alertmanagers of the configuration, in its order.
    var peers: [Peer] { published.withLock { $0.peers } }

    /// Alerts not forwarded because too many were known.
    var dropped: UInt64 { published.withLock { $0.dropped } }

    private var now: Timestamp { Timestamp(milliseconds: clock.now().unixMilliseconds) }

    /// Takes alerts as they stand now.
    func process(_ alerts: [Alert]) {
        loop.execute { [self] in
            guard !box.value.settings.alerting.endpoints.isEmpty else { return }
            box.value.forwarder.update(alerts.compactMap { box.value.settings.outgoing($0) }, at: now)
            step()
        }
    }

    func complete(_ post: Post, _ outcome: DeliveryOutcome) {
        loop.execute { [self] in
            guard post.generation == box.value.generation else { return }
            let before = box.value.forwarder.statistics.failedPosts
            box.value.forwarder.complete(post.post, outcome, random: .random(in: .min ... .max), at: now)
            note(post.post.endpoint, failed: box.value.forwarder.statistics.failedPosts != before, outcome)
            step()
        }
    }

    /// Other Alertmanagers or labels: what is known goes to all of them again.
    func reload(_ settings: Settings) {
        loop.execute { [self] in
            let known = box.value.forwarder.alerts
            box.value.settings = settings
            box.value.generation += 1
            box.value.failing = []
            box.value.forwarder = AlertmanagerForwarder(settings.forwarder)
            box.value.forwarder.update(known, at: now)
            step()
        }
    }

    /// Makes no more posts.
    func stop() {
        loop.execute { [self] in
            box.value.isStopped = true
            if let timer = box.value.timer { loop.cancel(timer) }
            box.value.timer = nil
        }
    }

    /// Under Prometheus's own names, which people's dashboards know.
    func addMetrics(_ builder: inout FamilyBuilder) {
        let (peers, dropped) = published.withLock { $0 }
        builder.add(
            "prometheus_notifications_alertmanagers_discovered",
            .gauge,
            "Alertmanagers that alerts are forwarded to.",
            [],
            Double(peers.count)
        )
        guard !peers.isEmpty else { return }
        builder.add(
            "prometheus_notifications_dropped_total",
            .counter,
            "Alerts not forwarded because too many were known.",
            [],
            Double(dropped)
        )
        for peer in peers {
            let labels = [(name: "alertmanager", value: peer.url)]
            builder.add(
                "prometheus_notifications_sent_total",
                .counter,
                "Alerts sent to an Alertmanager, repeats included.",
                labels,
                Double(peer.sent)
            )
            builder.add(
                "prometheus_notifications_errors_total",
                .counter,
                "Posts that an Alertmanager did not take; they are tried again.",
                labels,
                Double(peer.failedPosts)
            )
        }
    }

    // MARK: On the thread

    private func step() {
        guard !box.value.isStopped else { return }
        for post in box.value.forwarder.tick(at: now) {
            perform(Post(generation: box.value.generation, post: post))
        }
        if let timer = box.value.timer { loop.cancel(timer) }
        box.value.timer = nil
        if let wakeUp = box.value.forwarder.nextWakeUp(at: now) {
            box.value.timer = loop.schedule(after: max(.milliseconds(1), wakeUp - now)) { [self] in
                box.value.timer = nil
                step()
            }
        }
        publish()
    }

    private func note(_ endpoint: Int, failed: Bool, _ outcome: DeliveryOutcome) {
        let url = box.value.settings.alerting.endpoints[endpoint].shownURL
        if failed, box.value.failing.insert(endpoint).inserted {
            logger.warning(
                "alertmanager.failed",
                metadata: ["alertmanager": .string(url), "reason": .string(outcome.reason)]
            )
        } else if !failed, box.value.failing.remove(endpoint) != nil {
            logger.notice("alertmanager.recovered", metadata: ["alertmanager": .string(url)])
        }
    }

    private func publish() {
        let (statistics, box) = (box.value.forwarder.statistics, box.value)
        let peers = box.settings.alerting.endpoints.enumerated().map { index, endpoint in
            Peer(
                url: endpoint.shownURL,
                sent: statistics.sent[index],
                failedPosts: statistics.failedPosts[index],
                isFailing: box.failing.contains(index)
            )
        }
        published.withLock { $0 = (peers, statistics.dropped) }
    }
}

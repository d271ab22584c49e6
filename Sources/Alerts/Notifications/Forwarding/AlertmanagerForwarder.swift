// SPDX-License-Identifier: Apache-2.0

import JSONDocument
package import TimeSeries

/// One Alertmanager to which alerts are sent as Prometheus sends them.
package struct AlertmanagerEndpoint: Hashable, Sendable {
    /// Up to and including the path prefix, without a slash at the end: `http://host:9093/prefix`.
    package var baseURL: Secret
    package var http = HTTPOptions()

    package init(baseURL: Secret) { self.baseURL = baseURL }

    /// Without anything secret: the configuration takes no credentials in it.
    package var shownURL: String { baseURL.reveal() + "/api/v2/alerts" }

    /// Where it tells of itself and changes nothing.
    package var statusURL: Secret { Secret(baseURL.reveal() + "/api/v2/status") }

    var postURL: Secret { Secret(baseURL.reveal() + "/api/v2/alerts") }
}

/// Sends alerts to every Alertmanager: on change, and again each resend delay for as long as they fire and for a quarter
/// of an hour after they ended. An alert's end always lies a few delays ahead, so that a dead sender's alerts end by
/// themselves; nothing has to be stored.
///
/// A synchronous machine like the engine: hand it alerts, perform the posts it returns, report back.
package struct AlertmanagerForwarder: Sendable {
    package struct Configuration: Sendable {
        package var endpoints: [AlertmanagerEndpoint] = []
        /// Added to alerts that do not have them.
        package var externalLabels = Labels()
        package var resendDelay = Duration.seconds(60)
        package var evaluationInterval = Duration.seconds(1)
        package var alertsPerPost = 500
        /// Alerts remembered; the oldest ended ones go first, then newcomers are refused.
        package var limit = 20_000

        package init() {}
    }

    /// One request to one Alertmanager. Pass it back with the outcome.
    package struct Post: Sendable {
        package let endpoint: Int
        package let delivery: HTTPDelivery
        fileprivate let revisions: [UInt64: UInt64]
        fileprivate let sentAt: Timestamp
    }

    /// Counted since the start, by endpoint in the order of the configuration.
    package struct Statistics: Hashable, Sendable {
        package var sent: [UInt64] = []
        package var failedPosts: [UInt64] = []
        /// Refused because too many alerts are known already.
        package var dropped: UInt64 = 0
    }

    private struct Entry {
        var alert: Alert
        /// Counts the changes worth telling at once.
        var revision: UInt64
    }

    private struct Sent {
        var at: Timestamp
        var revision: UInt64
    }

    private struct Peer {
        var sent: [UInt64: Sent] = [:]
        var isBusy = false
        var failures = 0
        var nextAttempt = Timestamp.distantPast
    }

    /// How long an ended alert is repeated.
    static let resolvedRetention = Duration.seconds(900)

    private let configuration: Configuration
    private var entries: [UInt64: Entry] = [:]
    private var peers: [Peer]
    package private(set) var statistics = Statistics()

    package init(_ configuration: Configuration) {
        self.configuration = configuration
        peers = configuration.endpoints.map { _ in Peer() }
        statistics.sent = peers.map { _ in 0 }
        statistics.failedPosts = peers.map { _ in 0 }
    }

    /// Every alert that is known, in no order.
    package var alerts: [Alert] { entries.values.map(\.alert) }

    /// Takes alerts as they stand now: firing without an end, or ended.
    package mutating func update(_ alerts: [Alert], at now: Timestamp) {
        guard !peers.isEmpty else { return }
        for alert in alerts {
            let known = entries[alert.fingerprint]
            if known == nil {
                guard !alert.hasEnded(by: now - Self.resolvedRetention) else { continue }
                guard entries.count < configuration.limit else {
                    statistics.dropped += 1
                    continue
                }
            }
            let isChanged = known.map { $0.alert.endsAt != alert.endsAt || $0.alert.startsAt != alert.startsAt } ?? true
            entries[alert.fingerprint] = Entry(alert: alert, revision: (known?.revision ?? 0) + (isChanged ? 1 : 0))
        }
    }

    /// The posts that are due; at most one to each Alertmanager at a time.
    package mutating func tick(at now: Timestamp) -> [Post] {
        forget(at: now)
        var posts: [Post] = []
        for index in peers.indices where !peers[index].isBusy && peers[index].nextAttempt <= now {
            let due = entries.keys.filter { isDue($0, peers[index], at: now) }.sorted()
            guard !due.isEmpty else { continue }
            let batch = Array(due.prefix(max(configuration.alertsPerPost, 1)))
            peers[index].isBusy = true
            posts.append(
                Post(
                    endpoint: index,
                    delivery: HTTPDelivery(
                        url: configuration.endpoints[index].postURL,
                        headers: headers(configuration.endpoints[index].http),
                        body: body(batch, at: now),
                        options: configuration.endpoints[index].http
                    ),
                    revisions: Dictionary(uniqueKeysWithValues: batch.map { ($0, entries[$0]?.revision ?? 0) }),
                    sentAt: now
                )
            )
        }
        return posts
    }

    /// Reports what came of a post; call `tick` afterwards. `random` is 64 random bits, for the spread of waits.
    package mutating func complete(_ post: Post, _ outcome: DeliveryOutcome, random: UInt64, at now: Timestamp) {
        guard peers.indices.contains(post.endpoint) else { return }
        peers[post.endpoint].isBusy = false
        guard case .delivered = DeliveryVerdict.judge(outcome, .webhook, at: now) else {
            statistics.failedPosts[post.endpoint] += 1
            peers[post.endpoint].failures += 1
            let delay = RetrySchedule.delay(afterFailures: peers[post.endpoint].failures, random: random)
            peers[post.endpoint].nextAttempt = now + delay
            return
        }
        peers[post.endpoint].failures = 0
        peers[post.endpoint].nextAttempt = .distantPast
        statistics.sent[post.endpoint] += UInt64(post.revisions.count)
        for (fingerprint, revision) in post.revisions where entries[fingerprint] != nil {
            peers[post.endpoint].sent[fingerprint] = Sent(at: post.sentAt, revision: revision)
        }
    }

    package func nextWakeUp(at now: Timestamp) -> Timestamp? {
        var next: Timestamp?
        for peer in peers where !peer.isBusy {
            for (fingerprint, entry) in entries {
                let sent = peer.sent[fingerprint].flatMap { $0.revision == entry.revision ? $0 : nil }
                let time = max(sent.map { $0.at + configuration.resendDelay } ?? now, peer.nextAttempt)
                if time <= now { return time }
                next = min(next ?? time, time)
            }
        }
        return next
    }

    // MARK: Inside

    private func isDue(_ fingerprint: UInt64, _ peer: Peer, at now: Timestamp) -> Bool {
        guard let entry = entries[fingerprint] else { return false }
        guard let sent = peer.sent[fingerprint], sent.revision == entry.revision else { return true }
        return now - sent.at >= configuration.resendDelay
    }

    private mutating func forget(at now: Timestamp) {
        let limit = now - Self.resolvedRetention
        let gone = entries.filter { $0.value.alert.hasEnded(by: limit) }.map(\.key)
        for fingerprint in gone {
            entries[fingerprint] = nil
            for index in peers.indices { peers[index].sent[fingerprint] = nil }
        }
    }

    private func headers(_ options: HTTPOptions) -> [HTTPOptions.Header] {
        [
            HTTPOptions.Header("Content-Type", Secret("application/json")),
            HTTPOptions.Header("User-Agent", Secret("sidecar")),
        ] + options.allHeaders
    }

    private func body(_ fingerprints: [UInt64], at now: Timestamp) -> [UInt8] {
        let horizon = now + max(configuration.evaluationInterval, configuration.resendDelay) * 4
        var writer = JSONWriter(reservingCapacity: fingerprints.count * 512)
        writer.array(fingerprints.compactMap { entries[$0]?.alert }) { json, alert in
            var labels = alert.labels
            for pair in configuration.externalLabels.pairs where labels[pair.name] == nil {
                labels = labels.setting(pair.name, to: pair.value)
            }
            json.object { json in
                json.member("labels", strings: labels.pairs)
                json.member("annotations", strings: alert.annotations.pairs)
                json.member("startsAt", TimeText.format(alert.startsAt))
                json.member("endsAt", TimeText.format(alert.endsAt ?? horizon))
                json.member("generatorURL", alert.generatorURL)
            }
        }
        return writer.bytes
    }
}

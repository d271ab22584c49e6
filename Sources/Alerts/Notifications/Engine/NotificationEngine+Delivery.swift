// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

extension NotificationEngine {
    /// Books the outcome of one attempt.
    func finish(_ attempt: DeliveryAttempt, _ outcome: DeliveryOutcome, at now: Timestamp) {
        let kind = attempt.kind.rawValue
        let verdict = DeliveryVerdict.judge(outcome, attempt.kind, at: now)
        let error = errorText(outcome, attempt)
        let first = outbox.items[attempt.itemID]?.lastReason == nil
        guard let item = outbox.finish(attempt.itemID, verdict, error: error, random: random(), at: now) else { return }
        switch verdict {
        case .delivered:
            statistics.notifications.count(kind)
            statistics.latencyCount.count(kind)
            statistics.latencySeconds[kind, default: 0] += max((now - item.createdAt).inSeconds, 0)
            pending.append(.deleteItem(item.id))
            record(.sent, item, reason: item.reason.rawValue, detail: "attempt \(item.attempts)", at: now)
        case .retry, .refused, .gone:
            let failure = NotificationStatistics.Failure(integration: kind, reason: verdict.reason ?? "")
            statistics.requestsFailed.count(kind)
            statistics.notificationsFailed.count(failure)
            if item.deadSince != nil {
                bury(item, reason: verdict.reason ?? "", error: error ?? "", at: now)
            } else {
                pending.append(.updateItem(item))
                if first { record(.failed, item, reason: verdict.reason ?? "", detail: error ?? "", at: now) }
            }
        }
        retireUnneeded()
    }

    /// Keeps what could not be delivered, for people to look at and to replay.
    func bury(_ item: OutboxItem, reason: String, error: String, at now: Timestamp) {
        _ = outbox.abandon(item.id)
        var dead = item
        dead.deadSince = now
        dead.lastReason = reason
        dead.lastError = error
        deadLetters[dead.id] = dead
        pending.append(.updateItem(dead))
        statistics.deadLettered.count(Self.kind(of: dead.integration))
        record(.deadLetter, dead, reason: reason, detail: error, at: now)
        while deadLetters.count > configuration.limits.deadLetters, let oldest = deadLetters.keys.min() {
            deadLetters[oldest] = nil
            pending.append(.deleteItem(oldest))
        }
    }

    /// An outbox without bounds would take the disk: the oldest become dead letters.
    func limitOutbox(at now: Timestamp) {
        let limits = configuration.limits
        guard outbox.count > limits.outboxItems || outbox.bytes > limits.outboxBytes else { return }
        for id in outbox.items.keys.sorted() {
            guard outbox.count > limits.outboxItems || outbox.bytes > limits.outboxBytes else { return }
            guard let item = outbox.discard(id) else { continue }
            bury(item, reason: "outbox_full", error: "too many notifications wait", at: now)
        }
    }

    /// Puts a dead letter back into the outbox, with the id it had. false when there is none of that number.
    package func replay(_ id: Int64, at now: Timestamp) -> Bool {
        guard var item = deadLetters.removeValue(forKey: id) else { return false }
        item.deadSince = nil
        item.isAside = false
        item.attempts = 0
        item.firstAttemptAt = nil
        item.nextAttemptAt = now
        item.lastReason = nil
        item.lastError = nil
        _ = outbox.add(item, mayMerge: false)
        pending.append(.updateItem(item))
        record(.replayed, item, reason: "replayed", detail: "", at: now)
        commit(at: now)
        return true
    }

    // MARK: Where to

    func destination(of item: OutboxItem) -> ConfiguredIntegration? {
        destination(key: item.integration, target: item.target)
    }

    /// The integration that reaches `target`: the one of that key, any other that goes to the same place, one that a
    /// reload took away, and last the one of that key although it goes elsewhere now.
    func destination(key: String, target: String) -> ConfiguredIntegration? {
        if let current = integrations[key], current.target == target { return current }
        if let moved = integrations.values.first(where: { $0.target == target }) { return moved }
        if let gone = retired[target] { return gone }
        guard let current = integrations[Self.baseKey(key)], current.integration.kind.rawValue == Self.kind(of: key)
        else { return nil }
        return current
    }

    /// The configured key of one that a reload set apart: without `#target`.
    static func baseKey(_ key: String) -> String { String(key.prefix { $0 != "#" }) }

    /// `webhook` of `oncall/webhook[0]`
    static func kind(of key: String) -> String {
        guard let slash = key.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return String(key[key.utf8.index(after: slash)...].prefix { $0 != "[" })
    }

    /// Forgets integrations that are gone from the configuration and owe and hold nothing any more.
    func retireUnneeded() {
        guard !retired.isEmpty else { return }
        var needed: Set<String> = []
        for item in outbox.items.values { needed.insert(item.target) }
        for key in orphans { if let entry = log[key], !entry.owed.isEmpty { needed.insert(entry.target) } }
        retired = retired.filter { needed.contains($0.key) }
    }

    /// A text that is safe to show: the transport's own words or the beginning of the answer, every secret cut out.
    private func errorText(_ outcome: DeliveryOutcome, _ attempt: DeliveryAttempt) -> String? {
        var text: String
        switch outcome {
        case .accepted: return nil
        case .failed(let reason, let words), .refused(let reason, let words):
            text = words.isEmpty ? reason : "\(reason): \(words)"
        case .answered(let status, _, let body):
            guard !(200..<300).contains(status) || !body.isEmpty else { return nil }
            let words = String(decoding: body.prefix(1024), as: UTF8.self).unicodeScalars.filter {
                $0.value >= 0x20 && $0.value != 0x7f
            }
            text = "status \(status)" + (words.isEmpty ? "" : ": " + String(String.UnicodeScalarView(words)))
        }
        if let item = outbox.items[attempt.itemID], let found = destination(of: item) {
            for secret in found.integration.secrets { text = secret.removed(from: text) }
        }
        return shortened(text, to: 256)
    }
}

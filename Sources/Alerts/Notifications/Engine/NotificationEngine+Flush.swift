// SPDX-License-Identifier: Apache-2.0

import TimeSeries

extension NotificationEngine {
    /// Looks at one group: who is told what, and what becomes of its members.
    func flush(_ id: AlertGroup.ID, silences active: [Silence], at now: Timestamp) {
        guard var group = groups[id] else { return }
        let node = routes.nodes[id.node]
        guard !group.isDisposable(at: now) else {
            groups[id] = nil
            return
        }
        // In no order: what there is to tell is put in order, and most looks find nothing.
        let entries = group.members.compactMap { alerts[$0] }.map {
            AlertNotification.Entry(alert: $0, isResolved: $0.isResolved(at: now))
        }
        var held: [UInt64: HeldReason] = [:]
        for entry in entries {
            held[entry.alert.fingerprint] = heldReason(entry.alert, node: node, silences: active, at: now)
        }
        recordHeld(entries, held, before: group.held, node: node, groupKey: group.key, at: now)
        group.held = held
        groups[id] = group
        var notified = false
        for key in receiverKeys[node.receiver] ?? [] {
            guard let configured = integrations[key] else { continue }
            if notify(key, configured, group: group, entries: entries, held: held, node: node, at: now) {
                notified = true
            }
        }
        for fingerprint in entries.lazy.filter(\.isResolved).map(\.alert.fingerprint).sorted() {
            leave(id, fingerprint)
        }
        groups[id]?.flushed(at: now, node: node, notified: notified)
    }

    /// Decides for one integration and, where there is something to say, puts it into the outbox and answers true.
    private func notify(
        _ key: String,
        _ configured: ConfiguredIntegration,
        group: AlertGroup,
        entries: [AlertNotification.Entry],
        held: [UInt64: HeldReason],
        node: RouteTree.Node,
        at now: Timestamp
    ) -> Bool {
        let logKey = LogKey(integration: key, groupKey: group.key)
        let previous = log[logKey]
        let sendsResolved = configured.integration.sendsResolved
        // What is muted is not told, but whoever was told that it fires is told that it is over.
        let visible = entries.filter { entry in
            held[entry.alert.fingerprint] == nil
                || entry.isResolved && sendsResolved && previous?.owed.contains(entry.alert.fingerprint) == true
        }
        guard !visible.isEmpty else { return false }
        let firing = Set(visible.lazy.filter { !$0.isResolved }.map(\.alert.fingerprint))
        let resolved = Set(visible.lazy.filter(\.isResolved).map(\.alert.fingerprint))
        let decision = NotificationLogEntry.decide(
            previous,
            firing: firing,
            resolved: resolved,
            sendsResolved: sendsResolved,
            repeatInterval: node.repeatInterval,
            at: now
        )
        guard let reason = decision else { return false }
        var owed = previous?.owed ?? []
        if sendsResolved { owed.formUnion(firing) }
        owed.subtract(resolved)
        if !sendsResolved { owed = [] }
        let told = AlertNotification.inOrder(sendsResolved ? visible : visible.filter { !$0.isResolved })
        var entry = NotificationLogEntry(
            firing: firing,
            resolved: resolved,
            owed: owed,
            sentAt: now,
            notificationID: previous?.notificationID ?? "",
            receiver: configured.receiver,
            groupLabels: group.id.labels,
            target: configured.target
        )
        if told.isEmpty {
            recordNotSent(configured.receiver, key, group.key, reason: reason, at: now)
        } else {
            entry.notificationID = enqueue(
                told,
                key: key,
                configured,
                groupKey: group.key,
                groupLabels: group.id.labels,
                reason: reason,
                previousID: previous?.notificationID ?? "",
                at: now
            )
        }
        log[logKey] = entry
        pending.append(.saveLog(logKey, entry))
        return true
    }

    /// Sends the resolves that are owed where no live group does: after a route or receiver went away.
    func flushOrphans(at now: Timestamp) {
        for key in orphans.sorted(by: { ($0.integration, $0.groupKey) < ($1.integration, $1.groupKey) }) {
            guard var entry = log[key], !entry.owed.isEmpty else {
                orphans.remove(key)
                continue
            }
            let ended = entry.owed.filter { alerts[$0]?.isResolved(at: now) == true && !isServed($0, by: key) }
            guard !ended.isEmpty else { continue }
            let told = ended.compactMap { alerts[$0] }.inOrder()
            entry.owed.subtract(ended)
            entry.firing.subtract(ended)
            if let configured = destination(key: key.integration, target: entry.target),
                configured.integration.sendsResolved
            {
                entry.notificationID = enqueue(
                    told.map { AlertNotification.Entry(alert: $0, isResolved: true) },
                    key: key.integration,
                    ConfiguredIntegration(
                        receiver: entry.receiver,
                        integration: configured.integration,
                        target: entry.target
                    ),
                    groupKey: key.groupKey,
                    groupLabels: entry.groupLabels,
                    reason: entry.owed.isEmpty ? .allResolved : .someResolved,
                    previousID: entry.notificationID,
                    at: now
                )
            } else {
                recordNotSent(entry.receiver, key.integration, key.groupKey, reason: .allResolved, at: now)
            }
            log[key] = entry
            pending.append(.saveLog(key, entry))
            if entry.owed.isEmpty { orphans.remove(key) }
            for alert in told where memberships[alert.fingerprint] == nil {
                alerts[alert.fingerprint] = nil
                inhibitor.forget(alert)
                pending.append(.deleteAlert(alert.fingerprint))
            }
        }
    }

    /// Whether a live group will tell this integration about this alert.
    func isServed(_ fingerprint: UInt64, by key: LogKey) -> Bool {
        (memberships[fingerprint] ?? []).contains { id in
            groups[id]?.key == key.groupKey
                && receiverKeys[routes.nodes[id.node].receiver]?.contains(key.integration) == true
        }
    }

    // MARK: Into the outbox

    func enqueue(
        _ entries: [AlertNotification.Entry],
        key: String,
        _ configured: ConfiguredIntegration,
        groupKey: String,
        groupLabels: Labels,
        reason: NotificationReason,
        previousID: String,
        at now: Timestamp
    ) -> String {
        let seed = Self.identity(
            entries,
            key: key,
            target: configured.target,
            groupKey: groupKey,
            previousID: previousID
        )
        let id = { (part: Int) in Digest.uuid(Digest.sha256(seed + Array(String(part).utf8))) }
        let notification = AlertNotification(
            id: id(0),
            receiver: configured.receiver,
            groupKey: groupKey,
            groupLabels: groupLabels,
            reason: reason,
            externalURL: configuration.externalURL,
            entries: entries,
            createdAt: now
        )
        let rendered = NotificationRenderer.render(
            notification,
            configured.integration,
            key: key,
            templates: configuration.templates,
            id: id
        )
        for (part, message) in rendered.messages.enumerated() {
            let item = OutboxItem(
                id: nextItemID,
                notificationID: id(part),
                integration: key,
                receiver: configured.receiver,
                target: configured.target,
                groupKey: groupKey,
                alertName: message.entries.lazy.map(\.alert.name).min() ?? "",
                status: notification.status,
                reason: reason,
                firing: Set(message.entries.lazy.filter { !$0.isResolved }.map(\.alert.fingerprint)),
                resolved: Set(message.entries.lazy.filter(\.isResolved).map(\.alert.fingerprint)),
                body: message.body,
                createdAt: now,
                nextAttemptAt: now
            )
            nextItemID += 1
            // Parts of one notification do not replace each other.
            if let merged = outbox.add(item, mayMerge: part == 0) {
                pending.append(.deleteItem(merged.id))
                statistics.merged += 1
                record(.merged, merged, reason: "superseded", detail: "by \(item.notificationID)", at: now)
            }
            pending.append(.addItem(item))
            record(.queued, item, reason: reason.rawValue, detail: Self.summary(message.entries), at: now)
        }
        for failure in rendered.failures {
            statistics.templateFailures += 1
            var record = HistoryRecord(at: now, kind: .templateFailed)
            record.receiver = configured.receiver
            record.integration = key
            record.notificationID = notification.id
            record.reason = "template"
            record.detail = shortened(failure, to: 500)
            note(record)
        }
        return notification.id
    }

    /// What makes a notification this one and no other: deciding the same again, as after a crash that lost the
    /// decision, gives the same id.
    private static func identity(
        _ entries: [AlertNotification.Entry],
        key: String,
        target: String,
        groupKey: String,
        previousID: String
    ) -> [UInt8] {
        var text = [key, target, groupKey, previousID].joined(separator: "\u{0}")
        let told = entries.map { ($0.alert.fingerprint, $0.status, $0.alert.startsAt) }.sorted { $0.0 < $1.0 }
        for (fingerprint, status, startsAt) in told {
            text += "\u{0}\(status.rawValue) \(Alert.hexadecimal(fingerprint)) \(startsAt.milliseconds)"
        }
        return Digest.sha256(text.utf8)
    }

    private static func summary(_ entries: [AlertNotification.Entry]) -> String {
        let firing = entries.lazy.filter { !$0.isResolved }.count
        return "\(firing) firing, \(entries.count - firing) resolved"
    }
}

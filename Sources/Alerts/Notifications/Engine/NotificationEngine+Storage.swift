// SPDX-License-Identifier: Apache-2.0

import SQLiteClient
import TimeSeries

extension NotificationEngine {
    /// History lines kept while the disk takes none.
    private static let unsavedHistoryLimit = 1000
    /// Events kept between two calls of `takeEvents`.
    private static let eventLimit = 100
    private static let storageRetry = Duration.seconds(1)
    private static let pruneInterval = Duration.seconds(600)

    /// Writes what changed. When the disk refuses, the changes stay in memory and all of it is written as soon as it
    /// takes something again: alerting goes on.
    func commit(at now: Timestamp) {
        defer { pending.removeAll(keepingCapacity: true) }
        if storageError != nil {
            keepHistory()
            guard now >= nextStorageAttempt else { return }
            rewrite(at: now)
            return
        }
        guard !pending.isEmpty else { return }
        do {
            try storage.commit(pending)
            storedReceipt = receipt
        } catch {
            keepHistory()
            fail(error, at: now)
        }
    }

    /// Everything that memory holds, after a time without a store.
    private func rewrite(at now: Timestamp) {
        var operations: [StorageOperation] = alerts.values.map { .saveAlert($0) }
        operations += log.map { .saveLog($0.key, $0.value) }
        operations += outbox.items.values.map { .addItem($0) }
        operations += deadLetters.values.map { .addItem($0) }
        operations += silences.silences.values.map { .saveSilence($0) }
        operations.append(.saveReceipt(receipt))
        operations += unsavedHistory.map { .record($0) }
        do {
            try storage.replaceAll(operations)
            storageError = nil
            storedReceipt = receipt
            unsavedHistory.removeAll()
        } catch {
            fail(error, at: now)
        }
    }

    private func fail(_ error: SQLiteError, at now: Timestamp) {
        storageError = error
        statistics.storageFailures += 1
        nextStorageAttempt = now + Self.storageRetry
    }

    private func keepHistory() {
        for case .record(let record) in pending {
            if unsavedHistory.count < Self.unsavedHistoryLimit {
                unsavedHistory.append(record)
            } else {
                statistics.historyDropped += 1
            }
        }
    }

    // MARK: History

    func note(_ record: HistoryRecord) {
        pending.append(.record(record))
        switch record.kind {
        case .failed, .deadLetter, .dropped, .templateFailed:
            if events.count < Self.eventLimit { events.append(record) } else { statistics.eventsDropped += 1 }
        default: break
        }
    }

    /// What went wrong since the last call, for the log and the journal: first failures, dead letters, refused alerts,
    /// templates that failed. At most a hundred are kept in between.
    package func takeEvents() -> [HistoryRecord] {
        defer { events.removeAll() }
        return events
    }

    func record(_ kind: HistoryRecord.Kind, _ item: OutboxItem, reason: String, detail: String, at now: Timestamp) {
        var record = HistoryRecord(at: now, kind: kind)
        record.receiver = item.receiver
        record.integration = item.integration
        record.groupKey = item.groupKey
        record.notificationID = item.notificationID
        record.status = item.status.rawValue
        record.alertName = item.alertName
        record.reason = reason
        record.detail = detail
        note(record)
    }

    func recordNotSent(
        _ receiver: String,
        _ key: String,
        _ groupKey: String,
        reason: NotificationReason,
        at now: Timestamp
    ) {
        var record = HistoryRecord(at: now, kind: .notSent)
        record.receiver = receiver
        record.integration = key
        record.groupKey = groupKey
        record.status = OutboxItem.Status.resolved.rawValue
        record.reason = "send_resolved is off"
        record.detail = reason.rawValue
        note(record)
    }

    /// Notes alerts that are held now and were not, and the other way round.
    func recordHeld(
        _ entries: [AlertNotification.Entry],
        _ held: [UInt64: HeldReason],
        before: [UInt64: HeldReason],
        node: RouteTree.Node,
        groupKey: String,
        at now: Timestamp
    ) {
        guard !held.isEmpty || !before.isEmpty else { return }
        let changed = entries.filter { held[$0.alert.fingerprint] != before[$0.alert.fingerprint] }
        for entry in AlertNotification.inOrder(changed) {
            let fingerprint = entry.alert.fingerprint
            var record = HistoryRecord(at: now, kind: held[fingerprint] == nil ? .released : .held)
            record.receiver = node.receiver
            record.groupKey = groupKey
            record.fingerprint = entry.alert.fingerprintText
            record.alertName = entry.alert.name
            record.status = entry.status.rawValue
            let reason = held[fingerprint] ?? before[fingerprint]
            record.reason = reason?.word ?? ""
            record.detail = reason?.detail ?? ""
            note(record)
            if let word = held[fingerprint]?.word { statistics.suppressed.count(word) }
        }
    }

    // MARK: Upkeep

    func prune(at now: Timestamp) {
        guard now >= nextPrune else { return }
        nextPrune = now + Self.pruneInterval
        let limit = now - configuration.limits.retention
        for id in silences.removeExpired(before: limit) { pending.append(.deleteSilence(id)) }
        for (key, entry) in log where entry.sentAt < limit && entry.owed.isEmpty && entry.firing.isEmpty {
            log[key] = nil
            pending.append(.deleteLog(key))
        }
        for (id, item) in deadLetters where (item.deadSince ?? now) < limit {
            deadLetters[id] = nil
            pending.append(.deleteItem(id))
        }
        guard storageError == nil else { return }
        do {
            _ = try storage.pruneHistory(before: limit, keeping: configuration.limits.historyRows)
        } catch {
            // Nothing is lost: the rows stay for the next time. The failure shows at the next commit.
            statistics.storageFailures += 1
        }
    }

    func restore(_ state: StoredState, at now: Timestamp) {
        statistics.damagedRows += UInt64(state.damaged)
        for (key, entry) in state.log {
            var entry = entry
            // Where it went is not known any more; the integration of that name stands for it.
            if let current = integrations[key.integration] { entry.target = current.target }
            log[key] = entry
        }
        silences.restore(state.silences)
        (receipt, storedReceipt) = (state.receipt, state.receipt)
        outbox.restore(state.items, at: now)
        for item in state.deadLetters { deadLetters[item.id] = item }
        nextItemID = ((state.items + state.deadLetters).map(\.id).max() ?? 0) + 1
        for alert in state.alerts {
            alerts[alert.fingerprint] = alert
            inhibitor.note(alert)
            enterGroups(alert, at: now)
        }
        findOrphans()
    }
}

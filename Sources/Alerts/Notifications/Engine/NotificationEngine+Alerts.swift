// SPDX-License-Identifier: Apache-2.0

import TimeSeries

extension NotificationEngine {
    /// Takes one alert in: merges it with what is known, puts it into its groups, and notes what must be stored.
    func ingest(_ arrival: Alert, at now: Timestamp) {
        var arrival = arrival
        arrival.updatedAt = now
        if arrival.source != .api { arrival.arrived(at: now) }
        statistics.alertsReceived.count(arrival.isResolved(at: now) ? "resolved" : "firing")
        guard !arrival.labels.isEmpty else { return drop(arrival, reason: "no_labels", at: now) }
        let fingerprint = arrival.fingerprint
        var previous = alerts[fingerprint]
        // What was noted before the clock was set back is not the younger for it.
        if let updated = previous?.updatedAt { previous?.updatedAt = min(updated, now) }
        if previous == nil {
            // An ending of something nobody knows, and nobody is owed: nothing to do.
            if arrival.isResolved(at: now), !isOrphaned(fingerprint) { return }
            guard alerts.count < configuration.limits.alerts else { return drop(arrival, reason: "limit", at: now) }
        }
        // Two label sets with one fingerprint: the one that is known stays.
        if let previous, previous.labels != arrival.labels { return drop(arrival, reason: "collision", at: now) }
        let alert = previous.map { $0.merged(with: arrival) } ?? arrival
        alerts[fingerprint] = alert
        let wasResolved = previous?.isResolved(at: min(now, previous?.updatedAt ?? now))
        let isResolved = alert.isResolved(at: now)
        let isNews = previous == nil || wasResolved != isResolved || previous?.startsAt != alert.startsAt
        if previous == nil { inhibitor.note(alert) }
        if isNews || previous?.endsAt != alert.endsAt || previous?.isStale != alert.isStale {
            pending.append(.saveAlert(alert))
        }
        // What is over and told is in no group any more and does not come back.
        if isResolved ? isNews && memberships[fingerprint] != nil : isNews || memberships[fingerprint] == nil {
            enterGroups(alert, at: now)
        }
    }

    private func drop(_ alert: Alert, reason: String, at now: Timestamp) {
        statistics.alertsDropped.count(reason)
        var record = HistoryRecord(at: now, kind: .dropped)
        record.fingerprint = alert.fingerprintText
        record.alertName = alert.name
        record.reason = reason
        note(record)
    }

    /// Puts an alert into the groups of every route that takes it.
    func enterGroups(_ alert: Alert, at now: Timestamp) {
        var ids = memberships[alert.fingerprint] ?? []
        if ids.isEmpty {
            ids = routes.matches(alert.labels).map { node in
                AlertGroup.ID(node: node, labels: routes.groupLabels(of: alert.labels, node: node))
            }
            memberships[alert.fingerprint] = ids
        }
        for id in ids {
            let node = routes.nodes[id.node]
            var group =
                groups[id]
                ?? AlertGroup(
                    id: id,
                    key: routes.groupKey(node: id.node, groupLabels: id.labels),
                    at: now,
                    groupWait: node.groupWait
                )
            groups[id] = nil
            group.members.insert(alert.fingerprint)
            group.changed(alert, at: now, node: node)
            if let cached = cachedNextFlush { cachedNextFlush = min(cached, group.nextFlush) }
            groups[id] = group
        }
    }

    /// Takes an alert that is over and told out of a group, and forgets it with the last one.
    func leave(_ id: AlertGroup.ID, _ fingerprint: UInt64) {
        groups[id]?.members.remove(fingerprint)
        groups[id]?.held[fingerprint] = nil
        memberships[fingerprint]?.removeAll { $0 == id }
        guard memberships[fingerprint]?.isEmpty == true else { return }
        memberships[fingerprint] = nil
        guard !isOrphaned(fingerprint), let alert = alerts.removeValue(forKey: fingerprint) else { return }
        inhibitor.forget(alert)
        pending.append(.deleteAlert(fingerprint))
    }

    private func isOrphaned(_ fingerprint: UInt64) -> Bool {
        orphans.contains { log[$0]?.owed.contains(fingerprint) == true }
    }

    // MARK: What holds an alert back

    /// Why an alert in a group is not notified, in Alertmanager's order of asking.
    func heldReason(_ alert: Alert, node: RouteTree.Node, silences active: [Silence], at now: Timestamp) -> HeldReason?
    {
        if let found = inhibitor.inhibitor(of: alert, firing: { self.firing($0, at: now) }) {
            return .inhibited(by: found.fingerprint, rule: found.rule)
        }
        if let reason = mutedByTime(node, at: now) { return reason }
        let ids = active.filter { $0.matches(alert.labels) }.map(\.id)
        return ids.isEmpty ? nil : .silenced(by: ids)
    }

    /// Silences and maintenance windows that hold now.
    func muting(at now: Timestamp) -> [Silence] {
        silences.active(at: now) + maintenance.announced(at: now).filter { $0.state(at: now) == .active }
    }

    func mutedByTime(_ node: RouteTree.Node, at now: Timestamp) -> HeldReason? {
        if !node.activeTimeIntervals.isEmpty,
            !node.activeTimeIntervals.contains(where: { intervals[$0]?.contains(now) == true })
        {
            return .outsideActiveTime(node.activeTimeIntervals)
        }
        let muting = node.muteTimeIntervals.filter { intervals[$0]?.contains(now) == true }
        return muting.isEmpty ? nil : .mutedByTime(muting)
    }

    func firing(_ fingerprint: UInt64, at now: Timestamp) -> Alert? {
        guard let alert = alerts[fingerprint], !alert.isResolved(at: now) else { return nil }
        return alert
    }
}

extension Alert {
    /// Our own rules say what is, not what will be: when the clock was set back their timestamps may be ahead of it, and
    /// nobody is to wait for that.
    fileprivate mutating func arrived(at now: Timestamp) {
        endsAt = endsAt.map { min($0, now) }
        startsAt = min(startsAt, endsAt ?? now)
    }
}

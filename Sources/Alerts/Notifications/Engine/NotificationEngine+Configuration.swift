// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

extension NotificationEngine {
    /// Puts a new configuration in place at once. Alerts, log, silences and outbox stay; groups are made anew along the
    /// new routes; what was owed by routes or receivers that are gone is still sent.
    package func reload(_ new: NotificationConfiguration, at now: Timestamp) -> [DeliveryAttempt] {
        for configured in integrations.values { retired[configured.target] = configured }
        configuration = new
        routes = RouteTree(new.effectiveRoute)
        inhibitor = Inhibitor(rules: new.inhibitionRules)
        install(new)
        setApartMovedTargets()
        groups.removeAll()
        memberships.removeAll()
        cachedNextFlush = nil
        for alert in alerts.values.sorted(by: { $0.fingerprint < $1.fingerprint }) {
            inhibitor.note(alert)
            enterGroups(alert, at: now)
        }
        findOrphans()
        retireUnneeded()
        // New credentials or a new address may be what everything waited for.
        outbox.releaseAll(at: now)
        note(HistoryRecord(at: now, kind: .reloaded))
        return tick(at: now)
    }

    func install(_ configuration: NotificationConfiguration) {
        integrations.removeAll()
        receiverKeys.removeAll()
        for receiver in configuration.effectiveReceivers {
            for (key, integration) in receiver.keyed() {
                integrations[key] = ConfiguredIntegration(
                    receiver: receiver.name,
                    integration: integration,
                    target: integration.target
                )
                receiverKeys[receiver.name, default: []].append(key)
            }
        }
        maintenance = MaintenanceCalendar(configuration.maintenance)
        intervals = Dictionary(
            configuration.timeIntervals.map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// An integration that goes elsewhere now: what its old destination is owed stays owed there, under a key of its
    /// own, and the new one starts afresh.
    private func setApartMovedTargets() {
        for (key, entry) in log {
            guard let current = integrations[key.integration], current.target != entry.target else { continue }
            log[key] = nil
            pending.append(.deleteLog(key))
            guard !entry.owed.isEmpty, retired[entry.target] != nil else { continue }
            let apart = LogKey(integration: "\(key.integration)#\(entry.target)", groupKey: key.groupKey)
            log[apart] = entry
            pending.append(.saveLog(apart, entry))
        }
    }

    /// Which log entries owe a resolve that no live group will send.
    func findOrphans() {
        orphans = Set(
            log.filter { key, entry in
                entry.owed.contains { !isServed($0, by: key) }
            }.keys
        )
    }
}

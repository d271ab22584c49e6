// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// Which rules there are, and whose alerts are whose.
extension RuleManager {
    /// Reads the alerts that were on disk; call it once, before the first `load`. A store that cannot be read leaves
    /// rules to start anew and says so.
    ///
    /// - Parameter receipt: the number of the last news that the notifications have on their disk.
    package func restore(receipt: Int64 = 0) {
        confirmed = receipt
        lastNews = max(lastNews, receipt)
        guard let state else { return }
        do throws(AlertStateError) {
            restored = try state.load()
        } catch {
            noteStateFailure(error)
        }
        for row in restored { lastNews = max(lastNews, row.alert.news, row.departure?.number ?? 0) }
    }

    /// Replaces all groups. Rules that are the same ones keep their alerts; those that are gone owe their resolves, which
    /// are in the return value and stay on disk until they are confirmed. After a restart the return value begins with
    /// what fired by rules that are gone, or is over already, and may never have been told.
    ///
    /// - Parameter unreadable: files that are there and cannot be read now. What fired by their rules before a restart is
    ///   neither forgotten nor resolved: it waits until the file is good again.
    package func load(
        _ definitions: [RuleGroupDefinition],
        unreadable: Set<String> = [],
        context: RuleContext,
        at time: Timestamp
    ) -> [AlertTransition] {
        self.context = context
        var previous = Dictionary(groups.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        var orphans: [(group: RuleGroup, rule: AlertingRule)] = []
        groups = definitions.map { definition in
            var group = RuleGroup(definition)
            if let old = previous.removeValue(forKey: definition.key) {
                orphans += group.takeOver(from: old).map { (old, $0) }
            }
            return group
        }
        for old in previous.values {
            for entry in old.entries {
                if case .alerting(let rule) = entry.rule { orphans.append((old, rule)) }
            }
        }
        index = Dictionary(groups.indices.map { (groups[$0].key, $0) }, uniquingKeysWith: { first, _ in first })
        var changes = Loading(number: lastNews &+ 1)
        let writers = Set(groups.flatMap { $0.entries.map(\.writer) })
        for (group, rule) in orphans {
            let writer = group.entries.first { $0.definition.identity == rule.definition.identity }?.writer ?? ""
            dismiss(rule, writer: writer, of: group, at: time, &changes)
            if !writers.contains(writer) { environment.retire(rule: writer, at: time) }
        }
        let hasRestored = !restored.isEmpty
        let found = applyRestored(unreadable, at: time, forgetting: &changes.forgotten)
        dependencies.rebuild(groups)
        if hasRestored { dependencies.adoptRestored(groups, at: time) }
        for row in found.bereft { bury(row, at: time, &changes) }
        for row in found.untold { tellFirst(row, isKeptBack: isKeptBack(row), &changes) }
        if !changes.departed.isEmpty || !changes.resolved.isEmpty { lastNews = changes.number }
        departures += changes.departed
        if departures.count > Self.departureLimit {
            let excess = departures.prefix(departures.count - Self.departureLimit)
            noteStateFailure(AlertStateError("\(excess.count) alerts of rules that are gone are kept no longer"))
            changes.forgotten += excess.map(\.key)
            departures.removeFirst(excess.count)
        }
        persist(changes.departed, removing: changes.forgotten)
        return changes.fired + changes.resolved
    }

    /// What a change of the rules brings about.
    private struct Loading {
        /// Of the news that tells of it.
        let number: Int64
        var forgotten: [AlertStateRow.Key] = []
        var departed: [AlertStateRow] = []
        var fired: [AlertTransition] = []
        var resolved: [AlertTransition] = []
    }

    /// Alerts of rules that are gone and whose end is not confirmed; beyond that the oldest go.
    private static var departureLimit: Int { 10_000 }

    /// A rule is gone: what fires by it is over, and what is over is kept until it is known to be told.
    private func dismiss(
        _ rule: AlertingRule,
        writer: String,
        of group: RuleGroup,
        at time: Timestamp,
        _ changes: inout Loading
    ) {
        let origin = AlertChange.Origin(writer: writer, rule: rule.definition)
        for alert in rule.instances.values.sorted(by: { $0.labels < $1.labels }) {
            var change = AlertChange(change: .resolved, origin: origin, alert: alert)
            changes.forgotten.append(AlertStateRow.Key(writer: writer, labels: alert.labels))
            let isKeptBack = dependencies.forget(alert.labels) != nil
            if alert.phase == .firing {
                change.alert.end(at: time)
                changes.resolved.append(
                    AlertTransition(
                        kind: .resolved,
                        alert: AlertSnapshot(
                            change.alert,
                            rule: rule.definition,
                            group: group.definition,
                            context: context
                        )
                    )
                )
            } else if alert.phase == .pending || alert.news <= confirmed {
                continue
            }
            let row = AlertStateRow(change, group: group.definition, seenAt: time)
            changes.departed.append(row.departed(number: changes.number, isKeptBack: isKeptBack))
        }
    }

    /// Hands the alerts from disk to their rules. Returns those by rules that are no more, and those of which nobody else
    /// would tell that they fired: they are over, or wait.
    private func applyRestored(
        _ unreadable: Set<String>,
        at time: Timestamp,
        forgetting keys: inout [AlertStateRow.Key]
    ) -> (bereft: [AlertStateRow], untold: [AlertStateRow]) {
        var bereft: [AlertStateRow] = []
        var untold: [AlertStateRow] = []
        var waiting: [AlertStateRow] = []
        for row in restored {
            let isUntold = row.alert.news > confirmed
            if let departure = row.departure {
                if departure.number <= confirmed { keys.append(row.key) } else { bereft.append(row) }
            } else if let place = groups.indices.first(where: {
                groups[$0].entries.contains { $0.writer == row.writer }
            }) {
                _ = groups[place].restore(row.alert, writer: row.writer)
                let seen = lastSeen(row, before: time)
                let key = groups[place].key
                pendingShift[key] = max(pendingShift[key] ?? .distantPast, seen)
                if row.alert.phase == .resolved, isUntold { untold.append(row) }
            } else if unreadable.contains(row.file) {
                waiting.append(row)
                if row.alert.phase == .firing, isUntold { untold.append(row) }
            } else {
                keys.append(row.key)
                if row.alert.phase == .firing || row.alert.phase == .resolved && isUntold { bereft.append(row) }
            }
        }
        restored = waiting
        return (bereft, untold)
    }

    /// The last words about an alert whose rule is no more: that it fired, if the last process may have died before it told
    /// anybody, and that it is over.
    private func bury(_ row: AlertStateRow, at time: Timestamp, _ changes: inout Loading) {
        var row = row
        let isKeptBack = row.departure?.isKeptBack ?? isKeptBack(row)
        if row.alert.phase == .firing { row.alert.end(at: time) }
        tellFirst(row, isKeptBack: isKeptBack, &changes)
        changes.resolved.append(AlertTransition(kind: .resolved, alert: snapshot(row)))
        if row.departure == nil {
            changes.departed.append(row.departed(number: changes.number, isKeptBack: isKeptBack))
        } else {
            departures.append(row)
        }
    }

    private func tellFirst(_ row: AlertStateRow, isKeptBack: Bool, _ changes: inout Loading) {
        // States of before news had numbers may tell of anything.
        guard !isKeptBack, row.alert.news > confirmed || row.alert.news == 0 else { return }
        var fired = row
        fired.alert.phase = .firing
        (fired.alert.resolvedAt, fired.alert.valueAtResolve) = (nil, nil)
        changes.fired.append(AlertTransition(kind: .firing, alert: snapshot(fired)))
    }

    private func isKeptBack(_ row: AlertStateRow) -> Bool {
        dependencies.parent(ofRuleNamed: row.rule, groups) != nil
    }

    private func snapshot(_ row: AlertStateRow) -> AlertSnapshot {
        AlertSnapshot(
            row.alert,
            rule: row.rule,
            expression: row.expression,
            group: row.group,
            file: row.file,
            context: context
        )
    }

    /// The notifications have all news up to this number on their disk: what was kept for fear of a crash may go.
    package func confirm(news number: Int64) {
        guard number > confirmed else { return }
        confirmed = number
        let keys = departures.filter { ($0.departure?.number ?? 0) <= number }.map(\.key)
        guard !keys.isEmpty else { return }
        departures.removeAll { ($0.departure?.number ?? 0) <= number }
        persist([], removing: keys)
    }

    /// Alerts that fired before a restart and whose rule file cannot be read.
    package var waiting: [AlertSnapshot] { restored.filter { $0.alert.phase == .firing }.map(snapshot) }

    /// When somebody last evaluated the alert: the newest sample of its own series, or the row's note. A sample that tells
    /// of another beginning is of another time, before the clock was set, and says nothing.
    private func lastSeen(_ row: AlertStateRow, before time: Timestamp) -> Timestamp {
        let labels = row.alert.labels.setting(Labels.metricNameLabel, to: "ALERTS_FOR_STATE")
        let found = environment.lastWritten(labels, as: row.alert.stateSeconds, before: time)
        return found.map { max($0, row.seenAt) } ?? row.seenAt
    }
}

// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// All rule groups with their alerts, and the state on disk. Belongs to one thread, which evaluates rules.
///
/// It owns no loop: the wiring says when a group is due. Whatever changed of an alert is committed to the state store
/// before `evaluate` returns, so nobody is told of what a crash could forget.
package final class RuleManager {
    package private(set) var context: RuleContext
    private let environment: any RuleEnvironment
    private let state: (any AlertStateStoring)?
    /// In the order of the files and of the groups in them.
    package private(set) var groups: [RuleGroup] = []
    private var index: [String: Int] = [:]
    private var dependencies = AlertDependencies()
    private var restored: [AlertStateRow] = []
    private var pendingShift: [String: Timestamp] = [:]
    /// Failures to write the state; alerts go on from memory.
    package private(set) var stateFailures = 0
    package private(set) var lastStateError: String?
    /// The disk missed something: everything is written as soon as it takes something again.
    private var isBehind = false
    private var clocks = ClockComparison()

    package init(context: RuleContext, environment: any RuleEnvironment, state: (any AlertStateStoring)? = nil) {
        self.context = context
        self.environment = environment
        self.state = state
    }

    // MARK: Loading

    /// Reads the alerts that were on disk; call it once, before the first `load`. A store that cannot be read leaves
    /// rules to start anew and says so.
    package func restore() {
        guard let state else { return }
        do throws(AlertStateError) {
            restored = try state.load()
        } catch {
            noteStateFailure(error)
        }
    }

    /// Replaces all groups. Rules that are the same ones keep their alerts; those that are gone owe their resolves,
    /// which are in the return value and on disk as done.
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
        var gone: [AlertingRule] = []
        var orphans: [(group: RuleGroup, rule: AlertingRule)] = []
        groups = definitions.map { definition in
            var group = RuleGroup(definition)
            if let old = previous.removeValue(forKey: definition.key) {
                gone = group.takeOver(from: old)
                orphans += gone.map { (old, $0) }
            }
            return group
        }
        for old in previous.values {
            for entry in old.entries {
                if case .alerting(let rule) = entry.rule { orphans.append((old, rule)) }
            }
        }
        index = Dictionary(groups.indices.map { (groups[$0].key, $0) }, uniquingKeysWith: { first, _ in first })
        let writers = Set(groups.flatMap { $0.entries.map(\.writer) })
        var rows: [AlertStateRow.Key] = []
        var transitions: [AlertTransition] = []
        for (group, rule) in orphans {
            let writer = group.entries.first { $0.definition.identity == rule.definition.identity }?.writer ?? ""
            for alert in rule.instances.values.sorted(by: { $0.labels < $1.labels }) {
                rows.append(AlertStateRow.Key(writer: writer, labels: alert.labels))
                guard alert.phase == .firing else { continue }
                transitions.append(ended(alert, rule.definition, group: group.definition, at: time))
            }
            if !writers.contains(writer) { environment.retire(rule: writer, at: time) }
        }
        let hasRestored = !restored.isEmpty
        let bereft = applyRestored(unreadable, at: time, forgetting: &rows)
        persist([], removing: rows)
        dependencies.rebuild(groups)
        if hasRestored { dependencies.adoptRestored(groups, at: time) }
        return transitions + bereft.flatMap { obituary($0, at: time) }
    }

    /// Hands the alerts from disk to their rules. Returns those that fired by rules that are no more.
    private func applyRestored(
        _ unreadable: Set<String>,
        at time: Timestamp,
        forgetting rows: inout [AlertStateRow.Key]
    ) -> [AlertStateRow] {
        var bereft: [AlertStateRow] = []
        var waiting: [AlertStateRow] = []
        for row in restored {
            if let place = groups.indices.first(where: { groups[$0].entries.contains { $0.writer == row.writer } }) {
                _ = groups[place].restore(row.alert, writer: row.writer)
                let seen = lastSeen(row, before: time)
                let key = groups[place].key
                pendingShift[key] = max(pendingShift[key] ?? .distantPast, seen)
                continue
            }
            if unreadable.contains(row.file) {
                waiting.append(row)
                continue
            }
            rows.append(AlertStateRow.Key(writer: row.writer, labels: row.alert.labels))
            if row.alert.phase == .firing { bereft.append(row) }
        }
        restored = waiting
        return bereft
    }

    /// The last words about an alert whose rule is no more since the last process: that it fired, as that process may have
    /// died before it told anybody, and that it is over. Who knows of it hears nothing twice.
    private func obituary(_ row: AlertStateRow, at time: Timestamp) -> [AlertTransition] {
        var firing = snapshot(row)
        firing.suppressedBy = dependencies.parent(ofRuleNamed: row.rule, groups)
        var ended = row
        ended.alert.phase = .resolved
        ended.alert.resolvedAt = time
        return [
            AlertTransition(kind: .firing, alert: firing), AlertTransition(kind: .resolved, alert: snapshot(ended)),
        ]
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

    /// Alerts that fired before a restart and whose rule file cannot be read.
    package var waiting: [AlertSnapshot] { restored.filter { $0.alert.phase == .firing }.map(snapshot) }

    /// When somebody last evaluated the alert: the newest sample of its own series, or the row's note. A sample that tells
    /// of another beginning is of another time, before the clock was set, and says nothing.
    private func lastSeen(_ row: AlertStateRow, before time: Timestamp) -> Timestamp {
        let labels = row.alert.labels.setting(Labels.metricNameLabel, to: "ALERTS_FOR_STATE")
        let found = environment.lastWritten(labels, as: row.alert.stateSeconds, before: time)
        return found.map { max($0, row.seenAt) } ?? row.seenAt
    }

    private func ended(
        _ alert: AlertInstance,
        _ rule: RuleDefinition,
        group: RuleGroupDefinition,
        at time: Timestamp
    ) -> AlertTransition {
        var alert = alert
        alert.phase = .resolved
        alert.resolvedAt = time
        return AlertTransition(
            kind: .resolved,
            alert: AlertSnapshot(alert, rule: rule, group: group, context: context)
        )
    }

    // MARK: Evaluation

    /// Evaluates one group at a regular time.
    ///
    /// - Parameter steady: the moment on a clock that nobody sets. With it `for` and everything else that is measured goes on
    ///   when the wall clock is set, and a pause in which nobody looked does not count toward `for`.
    package func evaluate(group key: String, at time: Timestamp, steady: Duration? = nil) -> GroupEvaluation? {
        guard let place = index[key] else { return nil }
        followClock(at: time, steady)
        let interval = groups[place].interval(context)
        let gap = groups[place].gap(
            before: time,
            steady: steady,
            seen: pendingShift.removeValue(forKey: key),
            interval: interval
        )
        if let gap {
            if gap > .zero { groups[place].skip(gap) } else { groups[place].followClock(setBy: gap) }
            // The present evaluation has seen nothing yet: should it be the last, the next process must not think so.
            persist(activeRows(of: groups[place], at: time - interval), removing: [])
        }
        var evaluation = groups[place].evaluate(at: time, context: context, environment: environment)
        finish(&evaluation, group: place)
        return evaluation
    }

    private func followClock(at time: Timestamp, _ steady: Duration?) {
        guard let steady, let distance = clocks.setBy(at: time, steady: steady) else { return }
        for place in groups.indices { groups[place].followClock(setBy: distance) }
        dependencies.followClock(setBy: distance)
        persist(groups.flatMap { activeRows(of: $0, at: $0.lastEvaluation ?? time) }, removing: [])
    }

    private func activeRows(of group: RuleGroup, at time: Timestamp) -> [AlertStateRow] {
        group.entries.flatMap { entry -> [AlertStateRow] in
            guard case .alerting(let rule) = entry.rule else { return [] }
            let origin = AlertChange.Origin(writer: entry.writer, rule: rule.definition)
            return rule.instances.values.map { alert in
                let change = AlertChange(change: .noted, origin: origin, alert: alert)
                return AlertStateRow(change, group: group.definition, seenAt: time)
            }
        }
    }

    /// True when some alerting rule can read one of these metrics; answered from an index.
    package func alertsRead(anyOf metrics: Set<String>) -> Bool { dependencies.reads(anyOf: metrics) }

    /// An extra evaluation at an edge: only alerting rules that can read one of `metrics`, at its own time. Iterations,
    /// recording rules and schedules are untouched. Empty when no rule reads them.
    package func evaluateEdge(
        at time: Timestamp,
        steady: Duration? = nil,
        metrics: Set<String>
    ) -> [GroupEvaluation] {
        guard alertsRead(anyOf: metrics) else { return [] }
        followClock(at: time, steady)
        var evaluations: [GroupEvaluation] = []
        for place in groups.indices {
            var evaluation = groups[place].evaluate(
                at: time,
                onlyReading: metrics,
                context: context,
                environment: environment
            )
            guard evaluation.rules > 0 else { continue }
            finish(&evaluation, group: place)
            evaluations.append(evaluation)
        }
        return evaluations
    }

    /// Commits what changed, then makes the transitions that people are told.
    private func finish(_ evaluation: inout GroupEvaluation, group place: Int) {
        let group = groups[place]
        var rows: [AlertStateRow] = []
        var removed: [AlertStateRow.Key] = []
        rows.reserveCapacity(evaluation.changes.count)
        for change in evaluation.changes {
            if change.change == .forgotten {
                removed.append(AlertStateRow.Key(writer: change.origin.writer, labels: change.alert.labels))
            } else {
                rows.append(AlertStateRow(change, group: group.definition, seenAt: evaluation.time))
            }
        }
        if isBehind { catchUp(at: evaluation.time) } else { persist(rows, removing: removed) }
        evaluation.transitions = evaluation.changes.compactMap { change in
            let kind: AlertTransition.Kind
            switch change.change {
            case .firing: kind = .firing
            case .resolved: kind = .resolved
            case .flapping: kind = .flapping
            case .none, .noted, .pending, .forgotten: return nil
            }
            var snapshot = AlertSnapshot(
                change.alert,
                rule: change.origin.rule,
                group: group.definition,
                context: context
            )
            snapshot.suppressedBy = dependencies.suppressor(
                of: snapshot,
                rule: change.origin.rule,
                groups: groups,
                at: evaluation.time
            )
            return AlertTransition(kind: kind, alert: snapshot)
        }
        evaluation.transitions += dependencies.released(groups: groups, context: context, at: evaluation.time)
    }

    private func persist(_ rows: [AlertStateRow], removing keys: [AlertStateRow.Key]) {
        guard let state, !isBehind, !rows.isEmpty || !keys.isEmpty else { return }
        do throws(AlertStateError) {
            try state.save(rows, removing: keys)
        } catch {
            noteStateFailure(error)
            isBehind = true
        }
    }

    /// Writes everything that memory holds, once an evaluation until the disk takes it.
    private func catchUp(at time: Timestamp) {
        guard let state else { return }
        do throws(AlertStateError) {
            try state.replaceAll(with: restored + groups.flatMap { activeRows(of: $0, at: time) })
            isBehind = false
        } catch {
            noteStateFailure(error)
        }
    }

    private func noteStateFailure(_ error: AlertStateError) {
        stateFailures += 1
        lastStateError = error.description
    }

    // MARK: Looking

    /// Alerts that are pending, firing or lately resolved, sorted by labels.
    package func alerts(includingResolved: Bool = false) -> [AlertSnapshot] {
        groups.flatMap { group in
            group.entries.flatMap { entry in alerts(of: entry, in: group, includingResolved: includingResolved) }
        }.sorted { $0.labels < $1.labels }
    }

    /// The alerts of one rule, sorted by labels.
    package func alerts(
        of entry: RuleGroup.Entry,
        in group: RuleGroup,
        includingResolved: Bool = false
    ) -> [AlertSnapshot] {
        guard case .alerting(let rule) = entry.rule else { return [] }
        return rule.instances.values.filter { includingResolved || $0.isActive }.map { alert in
            var snapshot = AlertSnapshot(alert, rule: rule.definition, group: group.definition, context: context)
            snapshot.suppressedBy = dependencies.current(alert.labels)
            return snapshot
        }.sorted { $0.labels < $1.labels }
    }

    /// How long a group took; the caller has the clock.
    package func note(duration: Duration, ofGroup key: String) {
        if let place = index[key] { groups[place].lastDuration = duration }
    }

    /// The scheduler skipped iterations of a group.
    package func note(missed: Int, ofGroup key: String) {
        if let place = index[key] { groups[place].missedIterations += missed }
    }

    func evaluateForExplanation(_ query: RuleQuery, at time: Timestamp) throws(RuleQueryError) -> [RuleSample] {
        try environment.evaluate(query, at: time)
    }

    func sources(of query: RuleQuery, at time: Timestamp) -> [RuleSource] { environment.sources(of: query, at: time) }

    /// Looks for rules whose selectors match nothing; now and then is enough.
    package func noteMatches(at time: Timestamp) {
        for place in groups.indices { groups[place].noteMatches(at: time, environment: environment) }
    }
}

extension AlertSnapshot {
    init(_ alert: AlertInstance, rule: RuleDefinition, group: RuleGroupDefinition, context: RuleContext) {
        self.init(
            alert,
            rule: rule.name,
            expression: rule.query.text,
            link: rule.query.link,
            group: group.name,
            file: group.file,
            context: context
        )
        series = rule.query.series(for: alert.sourceLabels)
    }

    init(
        _ alert: AlertInstance,
        rule: String,
        expression: String,
        link: String? = nil,
        group: String,
        file: String,
        context: RuleContext
    ) {
        self.group = group
        self.file = file
        self.rule = rule
        self.expression = expression
        labels = alert.labels
        annotations = alert.annotations
        state = alert.phase
        value = alert.value
        valueAtResolve = alert.valueAtResolve
        peak = alert.peak
        activeAt = alert.activeAt
        firedAt = alert.firedAt
        resolvedAt = alert.resolvedAt
        keepFiringSince = alert.keepFiringSince
        heldSince = alert.heldSince
        isFlapping = alert.isFlapping
        suppressedBy = nil
        generatorURL = context.externalURL + (link ?? RuleLinks.table(expression))
        series = []
    }
}

// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// All rule groups with their alerts, and the state on disk. Belongs to one thread, which evaluates rules.
///
/// It owns no loop: the wiring says when a group is due. Whatever changed of an alert is committed to the state store
/// before `evaluate` returns, so nobody is told of what a crash could forget.
package final class RuleManager {
    package internal(set) var context: RuleContext
    let environment: any RuleEnvironment
    let state: (any AlertStateStoring)?
    /// In the order of the files and of the groups in them.
    package internal(set) var groups: [RuleGroup] = []
    var index: [String: Int] = [:]
    var dependencies = AlertDependencies()
    /// From disk, and waiting for their file.
    var restored: [AlertStateRow] = []
    /// Of rules that are gone, until it is known that people are told.
    var departures: [AlertStateRow] = []
    /// The number of the last news, and of the last one that the notifications have on their disk. By these numbers a new
    /// process knows what the last one died of telling.
    package internal(set) var lastNews: Int64 = 0
    var confirmed: Int64 = 0
    var pendingShift: [String: Timestamp] = [:]
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
        var evaluation = groups[place].evaluate(
            at: time,
            news: lastNews &+ 1,
            context: context,
            environment: environment
        )
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
                news: lastNews &+ 1,
                context: context,
                environment: environment
            )
            guard evaluation.rules > 0 else { continue }
            finish(&evaluation, group: place)
            evaluations.append(evaluation)
        }
        return evaluations
    }

    /// Commits what changed, with the transitions that people are told.
    private func finish(_ evaluation: inout GroupEvaluation, group place: Int) {
        let group = groups[place]
        evaluation.transitions = evaluation.changes.compactMap { transition($0, group, at: evaluation.time) }
        let released = dependencies.released(groups: groups, context: context, at: evaluation.time)
        evaluation.transitions += released
        if !evaluation.transitions.isEmpty {
            lastNews = lastNews &+ 1
            evaluation.news = lastNews
        }
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
        if !released.isEmpty { rows += renumbered(released, at: evaluation.time) }
        if isBehind { catchUp(at: evaluation.time) } else { persist(rows, removing: removed) }
    }

    private func transition(_ change: AlertChange, _ group: RuleGroup, at time: Timestamp) -> AlertTransition? {
        let kind: AlertTransition.Kind
        switch change.change {
        case .firing: kind = .firing
        case .resolved: kind = .resolved
        case .flapping: kind = .flapping
        case .none, .noted, .pending, .forgotten: return nil
        }
        let rule = change.origin.rule
        var snapshot = AlertSnapshot(change.alert, rule: rule, group: group.definition, context: context)
        snapshot.suppressedBy = dependencies.suppressor(of: snapshot, rule: rule, groups: groups, at: time)
        return AlertTransition(kind: kind, alert: snapshot)
    }

    /// Alerts that were kept back are news only now.
    private func renumbered(_ released: [AlertTransition], at time: Timestamp) -> [AlertStateRow] {
        let labels = Set(released.map(\.alert.labels))
        return groups.indices.flatMap { place in
            let changes = groups[place].renumber(labels, news: lastNews)
            return changes.map { AlertStateRow($0, group: groups[place].definition, seenAt: time) }
        }
    }

    func persist(_ rows: [AlertStateRow], removing keys: [AlertStateRow.Key]) {
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
            try state.replaceAll(with: restored + departures + groups.flatMap { activeRows(of: $0, at: time) })
            isBehind = false
        } catch {
            noteStateFailure(error)
        }
    }

    func noteStateFailure(_ error: AlertStateError) {
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

    func sources(of query: RuleQuery, at time: Timestamp) -> [RuleSource] {
        environment.sources(of: query, at: time, now: time)
    }

    /// Looks for rules whose selectors match nothing; now and then is enough.
    package func noteMatches(at time: Timestamp) {
        for place in groups.indices { groups[place].noteMatches(at: time, environment: environment) }
    }
}

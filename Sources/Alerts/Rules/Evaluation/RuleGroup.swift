// SPDX-License-Identifier: Apache-2.0

import PromQL
package import TimeSeries

/// A group with the state of its rules. A value; it reads no clock and starts nothing.
package struct RuleGroup: Sendable {
    /// A rule and how it fared.
    package struct Entry: Sendable {
        package enum Rule: Sendable {
            case alerting(AlertingRule)
            case recording(RuleDefinition)
        }

        package enum Health: String, Sendable { case unknown, ok, err }

        package var rule: Rule
        package var health = Health.unknown
        package var lastError: String?
        package var lastEvaluation: Timestamp?
        /// Set by the caller, who has a clock.
        package var evaluationDuration: Duration = .zero
        package var samples = 0
        /// Writes that the store refused.
        package var writeFailures = 0
        /// Alerts that the limit keeps out at present.
        package var dropped = 0
        package var failures = 0
        /// False until its selectors have matched a series: a rule that stays so is dead.
        package var hasMatched = false
        /// Names its series among the writers of the store.
        package let writer: String

        package var definition: RuleDefinition {
            switch rule {
            case .alerting(let rule): rule.definition
            case .recording(let definition): definition
            }
        }
    }

    package private(set) var definition: RuleGroupDefinition
    package private(set) var entries: [Entry]
    package private(set) var lastEvaluation: Timestamp?
    /// The same on a clock that nobody sets.
    private var lastSteady: Duration?
    package var lastDuration: Duration = .zero
    package var iterations = 0
    /// Counted by the scheduler.
    package var missedIterations = 0

    package init(_ definition: RuleGroupDefinition) {
        self.definition = definition
        var uses: [String: Int] = [:]
        entries = definition.rules.map { rule in
            let identity = rule.identity
            let use = uses[identity, default: 0]
            uses[identity] = use + 1
            let writer = "\(definition.key);\(rule.name);\(Self.hash(identity));\(use)"
            return Entry(
                rule: rule.kind == .alerting ? .alerting(AlertingRule(rule)) : .recording(rule),
                writer: writer
            )
        }
    }

    /// How far an edge's time may lie beyond the tick that is evaluated after it.
    private static let edgeLead: Duration = .seconds(5)

    private static func hash(_ text: String) -> String {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        return String(hash, radix: 16)
    }

    package var key: String { definition.key }
    package func interval(_ context: RuleContext) -> Duration { definition.interval ?? context.evaluationInterval }

    /// Takes the state of the rules that are the same ones in `previous`; returns the alerting rules that are no more.
    mutating func takeOver(from previous: RuleGroup) -> [AlertingRule] {
        var old: [String: [Entry]] = [:]
        for entry in previous.entries.reversed() { old[entry.definition.identity, default: []].append(entry) }
        for index in entries.indices {
            let definition = entries[index].definition
            guard var entry = old[definition.identity]?.popLast() else { continue }
            switch entry.rule {
            case .alerting(var rule):
                rule.adopt(definition)
                entry.rule = .alerting(rule)
            case .recording: entry.rule = .recording(definition)
            }
            entries[index] = entry
        }
        lastEvaluation = previous.lastEvaluation
        lastSteady = previous.lastSteady
        lastDuration = previous.lastDuration
        iterations = previous.iterations
        missedIterations = previous.missedIterations
        return old.values.flatMap { $0 }.compactMap { entry in
            if case .alerting(let rule) = entry.rule { rule } else { nil }
        }
    }

    mutating func restore(_ alert: AlertInstance, writer: String) -> Bool {
        for index in entries.indices where entries[index].writer == writer {
            guard case .alerting(var rule) = entries[index].rule else { return false }
            rule.restore(alert)
            entries[index].rule = .alerting(rule)
            return true
        }
        return false
    }

    /// Notes a regular evaluation and answers how much longer than an interval nobody had looked before it; nil when there
    /// is nothing to leave out, negative when the clock was set back while no process ran.
    ///
    /// - Parameter seen: when the last process looked, at the first evaluation of this one; only the wall clock outlives it.
    mutating func gap(before time: Timestamp, steady: Duration?, seen: Timestamp?, interval: Duration) -> Duration? {
        defer { lastSteady = steady ?? lastSteady }
        if let seen {
            // Less than an interval is what it is: nothing to leave out, and nothing to give.
            let gap = time - seen - interval
            return gap > .zero || gap < .zero - interval ? gap : nil
        }
        guard let steady, let lastSteady else { return nil }
        let gap = steady - lastSteady - interval
        return gap > interval ? gap : nil
    }

    /// Gives alerts that are told only now the number of that news, and answers how they changed.
    mutating func renumber(_ labels: Set<Labels>, news: Int64) -> [AlertChange] {
        var changes: [AlertChange] = []
        for index in entries.indices {
            guard case .alerting(var rule) = entries[index].rule else { continue }
            let origin = AlertChange.Origin(writer: entries[index].writer, rule: rule.definition)
            changes += rule.renumber(labels, news: news).map { AlertChange(change: .noted, origin: origin, alert: $0) }
            entries[index].rule = .alerting(rule)
        }
        return changes
    }

    mutating func skip(_ pause: Duration) { forEachRule { $0.forEachAlert { $0.skip(pause) } } }

    mutating func followClock(setBy distance: Duration) {
        lastEvaluation = lastEvaluation.map { $0 + distance }
        for index in entries.indices {
            entries[index].lastEvaluation = entries[index].lastEvaluation.map { $0 + distance }
        }
        forEachRule { $0.followClock(setBy: distance) }
    }

    private mutating func forEachRule(_ body: (inout AlertingRule) -> Void) {
        for index in entries.indices {
            guard case .alerting(var rule) = entries[index].rule else { continue }
            body(&rule)
            entries[index].rule = .alerting(rule)
        }
    }

    /// Runs the rules in order at one timestamp. With `onlyReading` it is an edge: just the alerting rules that can read
    /// one of those metrics run, and nothing is counted as an iteration.
    mutating func evaluate(
        at time: Timestamp,
        onlyReading metrics: Set<String>? = nil,
        news: Int64 = 0,
        context: RuleContext,
        environment: any RuleEnvironment
    ) -> GroupEvaluation {
        var evaluation = GroupEvaluation(group: key, at: time)
        let offset = definition.queryOffset ?? context.queryOffset
        let isEdge = metrics != nil
        for index in entries.indices {
            if let metrics {
                guard case .alerting = entries[index].rule, entries[index].definition.query.reads(anyOf: metrics) else {
                    continue
                }
            }
            // An edge was here already, at a later time: what that saw is not undone by older data. A clock that was set
            // back is another matter.
            if case .alerting = entries[index].rule, let last = entries[index].lastEvaluation, last >= time,
                last - time <= Self.edgeLead
            {
                continue
            }
            evaluation.rules += 1
            do throws(RuleQueryError) {
                try evaluate(
                    index,
                    at: time,
                    offset: offset,
                    isEdge: isEdge,
                    news: news,
                    context,
                    environment,
                    &evaluation
                )
                entries[index].health = .ok
                entries[index].lastError = nil
            } catch {
                entries[index].health = .err
                entries[index].lastError = error.message
                entries[index].failures += 1
                evaluation.failures.append((entries[index].definition.name, error.message))
            }
            entries[index].lastEvaluation = time
        }
        if !isEdge {
            lastEvaluation = time
            iterations += 1
        }
        return evaluation
    }

    private mutating func evaluate(
        _ index: Int,
        at time: Timestamp,
        offset: Duration,
        isEdge: Bool,
        news: Int64,
        _ context: RuleContext,
        _ environment: any RuleEnvironment,
        _ evaluation: inout GroupEvaluation
    ) throws(RuleQueryError) {
        let writer = entries[index].writer
        let limit = definition.limit
        switch entries[index].rule {
        case .recording(let rule):
            let samples = try Self.record(rule, at: time - offset, limit: limit, environment)
            entries[index].samples = samples.count
            if !samples.isEmpty { entries[index].hasMatched = true }
            evaluation.samples += try environment.write(samples, rule: writer, at: time - offset)
        case .alerting(var rule):
            // The entry lets go of the rule meanwhile, so that its alerts are changed in place and not copied.
            entries[index].rule = .recording(rule.definition)
            defer { entries[index].rule = .alerting(rule) }
            let ceiling = limit > 0 ? min(limit, context.alertLimit) : context.alertLimit
            let outcome = try rule.evaluate(
                at: time,
                queryOffset: offset,
                limit: ceiling,
                news: news,
                context: context,
                environment: environment
            )
            entries[index].samples = outcome.samples.count
            entries[index].dropped = outcome.dropped
            if !outcome.changes.isEmpty { entries[index].hasMatched = true }
            evaluation.dropped += outcome.dropped
            evaluation.held += outcome.held
            if !outcome.changes.isEmpty {
                let origin = AlertChange.Origin(writer: writer, rule: rule.definition)
                evaluation.changes += outcome.changes.lazy.map {
                    AlertChange(change: $0.change, origin: origin, alert: $0.alert)
                }
            }
            do throws(RuleQueryError) {
                evaluation.samples += try environment.write(outcome.samples, rule: writer, at: time - offset)
            } catch {
                // People are told of alerts whose own series cannot be stored.
                entries[index].writeFailures += 1
                evaluation.writeFailures.append((rule.definition.name, error.message))
            }
            if outcome.dropped > 0 {
                let total = rule.instances.values.count { $0.isActive } + outcome.dropped
                throw RuleQueryError("exceeded limit of \(ceiling) with \(total) alerts")
            }
        }
    }

    private static func record(
        _ rule: RuleDefinition,
        at time: Timestamp,
        limit: Int,
        _ environment: any RuleEnvironment
    ) throws(RuleQueryError) -> [RuleSample] {
        var samples = try environment.evaluate(rule.query, at: time)
        var seen: Set<Labels> = []
        for index in samples.indices {
            var labels = samples[index].labels.setting(Labels.metricNameLabel, to: rule.name)
            for label in rule.labels { labels = labels.setting(label.name, to: label.value) }
            guard seen.insert(labels).inserted else {
                throw RuleQueryError("vector contains metrics with the same labelset after applying rule labels")
            }
            samples[index].labels = labels
        }
        if limit > 0, samples.count > limit {
            throw RuleQueryError("exceeded limit of \(limit) with \(samples.count) series")
        }
        return samples
    }

    /// Marks the rules whose selectors match something; asked now and then, as it costs a look into the index.
    mutating func noteMatches(at time: Timestamp, environment: any RuleEnvironment) {
        for index in entries.indices where !entries[index].hasMatched {
            let query = entries[index].definition.query
            if query.expression.selectors.isEmpty || !environment.sources(of: query, at: time, now: time).isEmpty {
                entries[index].hasMatched = true
            }
        }
    }
}

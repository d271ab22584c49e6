// SPDX-License-Identifier: Apache-2.0

import AlertRules
import Notifications
import SidecarServer
import TestSupport
import TimeSeries

/// Ticks, scrapes and evaluations, as the program's conductor runs them.
extension Simulation {
    func armTick() {
        let mine = generation
        guard let next = life?.schedule.nextTick else { return }
        agenda.add(after: next - now) { [self] in
            guard mine == generation, let life else { return }
            if let tick = life.schedule.advance(to: now) { run(tick, life) }
            if mine == generation { armTick() }
        }
    }

    private func run(_ tick: TickSchedule<Duration>.Tick, _ life: Life) {
        let mine = generation
        let timestamp = life.clock.timestamp(of: tick.at)
        flush()
        guard mine == generation else { return }
        life.pending = (tick.due, timestamp)
        // Every tick of two seconds is one of one second, too: all instances are scraped with each.
        if life.barrier.begin(tick: tick.at, inputs: Scenario.instances) { flush() }
        agenda.add(after: EvaluationBarrier<String>.patience) { [self] in
            guard mine == generation, life.barrier.expire(tick: tick.at) else { return }
            flush()
        }
        for instance in Scenario.instances { scrape(instance, at: timestamp, life) }
    }

    private func scrape(_ instance: String, at timestamp: Timestamp, _ life: Life) {
        let mine = generation
        let weather = world.weather[instance] ?? .fine
        guard weather != .silent else { return }
        let took = Int64.random(in: weather == .late ? 101...700 : 1...30, using: &random)
        agenda.add(after: .milliseconds(took)) { [self] in
            guard mine == generation else { return }
            guard let changed = commit(instance, isDown: weather == .down, at: timestamp, life) else { return }
            switch life.barrier.finish(instance) {
            case .none: break
            case .evaluate: flush()
            case .late: if changed { evaluateEdge(life) }
            }
        }
    }

    /// Commits what the instance shows now. Answers whether `up` changed; nil when nothing was stored, or the process died.
    private func commit(_ instance: String, isDown: Bool, at timestamp: Timestamp, _ life: Life) -> Bool? {
        let values = isDown ? nil : world.values[instance]
        let lost = life.lostCommits
        let changed = life.commit(instance, values, at: timestamp)
        detail(
            "\(instance) at \(timestamp): \(values.map { "\($0.sorted { $0.key < $1.key }.map(\.value))" } ?? "down")"
        )
        guard survives() else {
            world.samplesMayBeLost(at: now)
            return nil
        }
        guard let changed else { return nil }
        // A clock that was set since the tick leaves the samples where no rule looks.
        let isInSight = wall >= timestamp && wall - timestamp < .seconds(60)
        let isLogged = life.lostCommits == lost
        world.committed(instance, values, at: now, isInSight: isInSight, isLogged: isLogged)
        return changed
    }

    /// Something breaks, and an extra scrape shows it at once.
    func breakOne(_ life: Life) {
        let instance = Scenario.instances.randomElement(using: &random) ?? ""
        world.set(["m0", "m4"].randomElement(using: &random) ?? "", of: instance, to: 1)
        _ = commit(instance, isDown: false, at: life.clock.timestampNow, life)
    }

    private func flush() {
        guard let life, let (intervals, at) = life.pending else { return }
        life.pending = nil
        let mine = generation
        for group in life.runner.manager.groups where intervals.contains(group.interval(life.runner.manager.context)) {
            guard let (evaluation, news) = life.runner.evaluate(group: group.key, at: at, steady: now) else { continue }
            check(evaluation, life)
            guard survives(), mine == generation else { return }
            hand(news)
        }
        hand(life.runner.reconcile(at: wall))
    }

    func evaluateEdge(_ life: Life) {
        let metrics = Set(Scenario.metrics)
        for (evaluation, news) in life.runner.evaluateEdge(metrics: metrics, at: life.clock.timestampNow, steady: now) {
            check(evaluation, life)
            guard survives() else { return }
            hand(news)
        }
    }

    // MARK: What has to be true

    /// Looks at one evaluation with the world's eyes.
    private func check(_ evaluation: GroupEvaluation, _ life: Life) {
        detail("evaluated \(evaluation.group) at \(evaluation.time), pending \(life.pendingAlerts)")
        for failure in evaluation.failures { ledger.complain("\(failure.rule) failed: \(failure.message)") }
        guard evaluation.group.hasSuffix(";alerts") else { return }
        let isCertain = !disk.isDead
        let rules = Scenario.rulesByName[life.edition]
        wait(rules)
        for transition in evaluation.transitions {
            let alert = AlertID(transition.alert.labels)
            guard let rule = rules[alert.rule] else {
                ledger.complain("\(alert) changes, and its rule is no more")
                continue
            }
            switch transition.kind {
            case .firing: begin(alert, rule, transition.alert, isCertain: isCertain)
            case .resolved: end(alert, rule, isCertain: isCertain)
            case .flapping, .released: break
            }
            if !isCertain { doubtful.insert(alert) }
        }
        world.evaluated(isCertain: isCertain)
        guard isCertain else { return }
        if life.firing != firing { ledger.complain("fires \(life.firing), should \(firing)") }
        for (alert, age) in patience where firing[alert] == nil {
            guard let rule = rules[alert.rule] else { continue }
            // An edition that waits longer counts from the same beginning.
            if age >= .seconds(rule.hold) + .seconds(4) {
                ledger.complain("\(alert) true for \(age), for: \(rule.hold) s")
            }
        }
    }

    /// Counts how long each condition has held before the rules' eyes: pauses do not count, missing data does not end it.
    private func wait(_ rules: [String: RuleUnderTest]) {
        let step = lastEvaluation.map { min(now - $0, .seconds(1)) } ?? .zero
        lastEvaluation = now
        for rule in rules.values {
            for instance in Scenario.instances {
                let alert = AlertID(rule: rule.name, instance: instance)
                guard let reading = world.latest(instance) else {
                    patience[alert] = nil
                    continue
                }
                if world.unseenSince[instance] != nil {
                    // Out of sight: what was counted stays, or nothing does; and the newest value may be seen all the same.
                    let mayHaveEnded = reading.values?[rule.metric].map { !rule.holds($0) } ?? false
                    if mayHaveEnded || rule.onNoData == .resolve || holdIsOver(rule, instance) { patience[alert] = nil }
                } else if let value = reading.values?[rule.metric] {
                    patience[alert] = rule.holds(value) ? (patience[alert] ?? .zero) + step : nil
                } else if rule.onNoData == .resolve || holdIsOver(rule, instance) {
                    patience[alert] = nil
                } else {
                    // Held: what was counted stays.
                    patience[alert] = patience[alert]
                }
            }
        }
    }

    private func holdIsOver(_ rule: RuleUnderTest, _ instance: String) -> Bool {
        guard rule.onNoData == .hold, let since = world.withoutDataSince(instance) else { return false }
        // A process that starts knows from the wall clock alone how long nobody has looked.
        let leaps = leapsWhileDead.filter { $0.at >= since }.reduce(Duration.zero) { $0 + $1.distance }
        return now - since + max(.zero, leaps) >= .seconds(rule.holdMaximum) - .seconds(1)
    }

    private func begin(_ alert: AlertID, _ rule: RuleUnderTest, _ snapshot: AlertSnapshot, isCertain: Bool) {
        let firedAt = snapshot.firedAt ?? snapshot.activeAt
        note("\(alert) fires")
        if firing[alert] != nil { ledger.complain("\(alert) fires twice") }
        firing[alert] = firedAt
        // Before the end of the last time could be told: the receivers hear of one time that goes on.
        let lastEnd = max(endedByReload[alert] ?? .seconds(-1), ended[alert] ?? .seconds(-1))
        let isMerged = now - lastEnd < Self.tellingTime || untoldEnds.remove(alert) != nil
        if isMerged, let last = ledger.episodes[alert]?.indices.last {
            ledger.episodes[alert]?[last].endMayBeMerged = true
        }
        let startsAt = min(firedAt, wall).milliseconds
        let parentFires = rule.parent != nil
        ledger.episodes[alert, default: []].append(
            Ledger.Episode(
                startsAt: startsAt,
                firedAt: firedAt,
                isCertain: isCertain,
                mayBeKeptBack: parentFires || isMerged
            )
        )
        guard let reading = world.latest(alert.instance) else { return }
        if let value = reading.values?[rule.metric] {
            guard rule.holds(value) else { return ledger.complain("\(alert) fires at \(value)") }
        } else if rule.onNoData != .fire {
            return ledger.complain("\(alert) fires without data")
        }
        let since = world.since(alert.instance, rule.metric, rule.holds)
        if rule.hold > 0, let since, now - since < .seconds(rule.hold) - .milliseconds(800) {
            ledger.complain("\(alert) fires after \(now - since), for: \(rule.hold) s")
        }
    }

    private func end(_ alert: AlertID, _ rule: RuleUnderTest, isCertain: Bool) {
        note("\(alert) resolves")
        ended[alert] = now
        if firing.removeValue(forKey: alert) == nil { ledger.complain("\(alert) resolves and did not fire") }
        finish(alert)
        if world.unseenSince[alert.instance] != nil, rule.onNoData == .resolve || holdIsOver(rule, alert.instance) {
            return
        }
        guard let reading = world.latest(alert.instance) else { return }
        guard let value = reading.values?[rule.metric] else {
            if rule.onNoData != .resolve, !holdIsOver(rule, alert.instance) {
                ledger.complain("\(alert) resolves without data")
            }
            return
        }
        guard rule.mayResolve(at: value) else { return ledger.complain("\(alert) resolves at \(value)") }
        if rule.keep > 0, let since = world.since(alert.instance, rule.metric, { !rule.holds($0) }),
            now - since < .seconds(rule.keep) - .seconds(2)
        {
            ledger.complain("\(alert) resolves after \(now - since), keep_firing_for: \(rule.keep) s")
        }
    }

    private func finish(_ alert: AlertID) {
        guard let last = ledger.episodes[alert]?.indices.last else { return }
        ledger.episodes[alert]?[last].hasEnded = true
    }

    // MARK: Loading

    /// Rules were replaced: what fired by one that is no more ends.
    func change(_ news: [RuleRunner.News], isFirst: Bool) {
        let names = Set(Scenario.rules(edition: edition).map(\.name))
        for case .alerts(let alerts, _) in news {
            for told in alerts where told.isResolved(at: wall) {
                let alert = AlertID(told.labels)
                if isFirst, firing[alert] == nil { continue }
                note("\(alert) ends with its rule")
                if disk.isDead { doubtful.insert(alert) }
                firing[alert] = nil
                endedByReload[alert] = now
                finish(alert)
                if let last = ledger.episodes[alert]?.indices.last {
                    ledger.episodes[alert]?[last].endMayBeMerged = true
                }
            }
        }
        // Another expression starts anew, also under the old name.
        for alert in Array(patience.keys) where !names.contains(alert.rule) || alert.rule == "Plain" {
            patience[alert] = nil
        }
        if !isFirst, !disk.isDead, let life, life.firing != firing {
            ledger.complain("after a reload fires \(life.firing), should \(firing)")
        }
        if !disk.isDead { hand(news) }
    }

    /// A new process: what it found on the disk has to be what the last one left.
    func adopt(_ news: [RuleRunner.News], _ life: Life) {
        // It died of loading: what it did may be written or not, and the next one will show.
        guard !disk.isDead else {
            for case .alerts(let alerts, _) in news {
                let ended = alerts.filter { $0.isResolved(at: wall) }.map { AlertID($0.labels) }
                doubtful.formUnion(ended.filter { firing[$0] != nil })
            }
            return
        }
        for alert in doubtful.sorted() {
            // The process died of this change, so either is right.
            let found = life.firing[alert]
            firing[alert] = found
            if found == nil {
                finish(alert)
                untoldEnds.insert(alert)
            }
            if let found, let last = ledger.episodes[alert]?.lastIndex(where: { $0.firedAt == found }) {
                ledger.episodes[alert]?[last].isCertain = true
                ledger.episodes[alert]?[last].hasEnded = false
            }
        }
        doubtful.removeAll()
        change(news, isFirst: true)
        if !disk.isDead, life.firing != firing { ledger.complain("wakes up firing \(life.firing), should \(firing)") }
    }
}

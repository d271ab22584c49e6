// SPDX-License-Identifier: Apache-2.0

import AlertRules
import SQLiteClient
import Testing
import TimeSeries

@Suite struct AlertStateTests {
    private func rules(hold: Int, keep: Int) -> String {
        """
        groups:
          - name: g
            rules:
              - {alert: A, expr: x > 0, for: \(hold)s, keep_firing_for: \(keep)s, x_sidecar: {on_no_data: resolve}}
        """
    }

    /// Random presence, absence, errors, jumps of time, reloads and restarts, against the second writing of the rules.
    @Test func randomHistoriesAgreeWithTheOracle() throws {
        for seed in UInt64(1)...2000 {
            var random = SeededRandom(seed)
            let hold = [0, 0, 1, 3, 10, 60][random.next(6)]
            let keep = [0, 0, 2, 15][random.next(4)]
            var oracle = AlertOracle(hold: hold, keep: keep)
            let environment = ScriptedEnvironment()
            let definitions = try groups(rules(hold: hold, keep: keep))
            let manager = RuleManager(context: RuleContext(), environment: environment)
            _ = manager.load(definitions, context: RuleContext(), at: time(0))
            let key = manager.groups[0].key
            var now = random.next(1000)
            var present: [String: Double] = [:]
            for step in 0..<40 {
                now += random.chance(4) ? 500 + random.next(800) : 1 + random.next(3)
                for name in ["a", "b", "c"] where random.chance(25) {
                    present[name] = present[name] == nil ? Double(random.next(100)) : nil
                }
                if random.chance(8) {
                    environment.failures["x > 0"] = "store is on fire"
                    let evaluation = try #require(manager.evaluate(group: key, at: time(Double(now))))
                    #expect(evaluation.transitions.isEmpty && evaluation.failures.count == 1)
                    environment.failures = [:]
                    continue
                }
                if random.chance(10) { _ = manager.load(definitions, context: RuleContext(), at: time(Double(now))) }
                environment.results["x > 0"] = present.map { sample([("i", $0.key)], $0.value) }
                let evaluation = try #require(manager.evaluate(group: key, at: time(Double(now))))
                let expected = oracle.step(now, present)
                let told = Set(evaluation.transitions.map { "\($0.kind.rawValue) \($0.alert.labels["i"] ?? "")" })
                try #require(told == expected, "seed \(seed), step \(step)")
                let series = try #require(environment.written.values.first)
                var seen: [String: String] = [:]
                for sample in series {
                    guard case .float(let value) = sample.value, let name = sample.labels["i"] else { continue }
                    if sample.labels["__name__"] == "ALERTS" {
                        seen[name, default: ""] += (sample.labels["alertstate"] ?? "") + " "
                    } else {
                        seen[name, default: ""] += "\(Int(value))"
                    }
                }
                let wanted = oracle.series.mapValues { "\($0.state.rawValue) \($0.activeAt)" }
                try #require(seen == wanted, "seed \(seed), step \(step)")
                let kept = Set(manager.alerts(includingResolved: true).compactMap { $0.labels["i"] })
                try #require(kept == Set(oracle.alerts.keys), "seed \(seed), step \(step)")
            }
        }
    }

    /// The process dies at any moment and comes back: pending timers lose only the time nobody looked, firing alerts
    /// are firing, nothing resolves that is still true, nothing is told twice.
    @Test func restartsKeepEveryAlert() throws {
        for seed in UInt64(1)...300 {
            var random = SeededRandom(seed)
            let hold = [0, 3, 20][random.next(3)]
            let definitions = try groups(rules(hold: hold, keep: 0))
            let environment = ScriptedEnvironment()
            let store = MemoryAlertState()
            var manager = RuleManager(context: RuleContext(), environment: environment, state: store)
            _ = manager.load(definitions, context: RuleContext(), at: time(0))
            let key = manager.groups[0].key
            var oracle = AlertOracle(hold: hold, keep: 0)
            var present: [String: Double] = [:]
            var offset = 0
            var now = 0
            for step in 0..<60 {
                now += 1
                for name in ["a", "b", "c"] where random.chance(12) { present[name] = present[name] == nil ? 1 : nil }
                if random.chance(10) {
                    // The oracle does not live through the outage: its clock stands still meanwhile.
                    let outage = random.next(50)
                    now += outage
                    offset += outage
                    let told = manager.lastNews
                    manager = RuleManager(context: RuleContext(), environment: environment, state: store)
                    manager.restore(receipt: told)
                    #expect(manager.load(definitions, context: RuleContext(), at: time(Double(now))).isEmpty)
                }
                environment.results["x > 0"] = present.map { sample([("i", $0.key)], $0.value) }
                let evaluation = try #require(manager.evaluate(group: key, at: time(Double(now))))
                let told = Set(evaluation.transitions.map { "\($0.kind.rawValue) \($0.alert.labels["i"] ?? "")" })
                try #require(told == oracle.step(now - offset, present), "seed \(seed), step \(step)")
            }
        }
    }

    @Test func stateRoundTripsThroughSQLite() throws {
        let database = try SQLiteDatabase(path: nil)
        let store = try AlertStateStore(database)
        let environment = ScriptedEnvironment()
        let definitions = try groups(rules(hold: 2, keep: 0))
        let manager = RuleManager(context: RuleContext(), environment: environment, state: store)
        _ = manager.load(definitions, context: RuleContext(), at: time(0))
        let key = manager.groups[0].key
        environment.results["x > 0"] = [sample([("i", "a:1\n\"é")], .nan), sample([("i", "b")], 1)]
        _ = manager.evaluate(group: key, at: time(1))
        #expect(try store.load().map(\.alert.phase) == [.pending, .pending])
        _ = manager.evaluate(group: key, at: time(3))
        environment.results["x > 0"] = [sample([("i", "a:1\n\"é")], .nan)]
        _ = manager.evaluate(group: key, at: time(4))
        let rows = try store.load().sorted { $0.alert.labels < $1.alert.labels }
        #expect(rows.map(\.alert.phase) == [.firing, .resolved])
        #expect(rows.first?.alert.labels["i"] == "a:1\n\"é")
        #expect(rows.first?.alert.firedAt == time(3) && rows.first?.alert.value.isNaN == true)
    }

    @Test func aBrokenDiskDoesNotStopAlerts() throws {
        let store = MemoryAlertState()
        store.isBroken = true
        let environment = ScriptedEnvironment()
        environment.results["x > 0"] = [sample([("i", "a")], 1)]
        let manager = RuleManager(context: RuleContext(), environment: environment, state: store)
        manager.restore()
        _ = manager.load(try groups(rules(hold: 0, keep: 0)), context: RuleContext(), at: time(0))
        #expect(manager.evaluate(group: manager.groups[0].key, at: time(1))?.transitions.count == 1)
        #expect(manager.stateFailures == 2 && manager.lastStateError == "disk full")
    }

    @Test func reloadsResolveWhatIsGoneAndKeepWhatIsTheSame() throws {
        let environment = ScriptedEnvironment()
        environment.results["x > 0"] = [sample([("i", "a")], 1)]
        let manager = RuleManager(context: RuleContext(), environment: environment)
        _ = manager.load(try groups(rules(hold: 0, keep: 0)), context: RuleContext(), at: time(0))
        let key = manager.groups[0].key
        #expect(manager.evaluate(group: key, at: time(1))?.transitions.count == 1)
        // Another annotation and a longer `for` are the same rule; what fires stays firing, as people were told so.
        #expect(manager.load(try groups(rules(hold: 60, keep: 0)), context: RuleContext(), at: time(2)).isEmpty)
        #expect(manager.evaluate(group: key, at: time(3))?.transitions.isEmpty == true)
        #expect(manager.alerts().map(\.state) == [.firing])
        #expect(manager.evaluate(group: key, at: time(61))?.transitions.isEmpty == true)
        // Another expression is another rule.
        let changed = try groups(rules(hold: 0, keep: 0).replacingOccurrences(of: "x > 0", with: "x > 1"))
        let owed = manager.load(changed, context: RuleContext(), at: time(62))
        #expect(owed.map(\.kind) == [.resolved])
        #expect(environment.retired.count == 1)
        #expect(manager.alerts().isEmpty)
    }
}

extension String {
    func replacingOccurrences(of text: String, with other: String) -> String {
        split(separator: text, omittingEmptySubsequences: false).joined(separator: other)
    }
}

/// State on a disk that lives as long as the test.
final class MemoryAlertState: AlertStateStoring {
    var rows: [AlertStateRow.Key: AlertStateRow] = [:]
    var isBroken = false
    /// So many more are taken; nil: as many as come.
    var savesLeft: Int?

    func load() throws(AlertStateError) -> [AlertStateRow] {
        if isBroken { throw AlertStateError("disk full") }
        return rows.values.sorted { $0.alert.labels < $1.alert.labels }
    }

    func save(_ rows: [AlertStateRow], removing keys: [AlertStateRow.Key]) throws(AlertStateError) {
        if isBroken || savesLeft == 0 { throw AlertStateError("disk full") }
        savesLeft = savesLeft.map { $0 - 1 }
        for key in keys { self.rows[key] = nil }
        for row in rows { self.rows[row.key] = row }
    }

    func replaceAll(with rows: [AlertStateRow]) throws(AlertStateError) {
        if isBroken { throw AlertStateError("disk full") }
        self.rows = [:]
        try save(rows, removing: [])
    }
}

// SPDX-License-Identifier: Apache-2.0

import AlertRules
import SQLiteClient
import Testing
import TimeSeries

/// What becomes of alerts whose rule goes before the notifications have heard of them.
@Suite struct DepartureTests {
    private static let rules = """
        groups:
          - name: g
            rules:
              - {alert: A, expr: x > 0, x_sidecar: {on_no_data: resolve}}
        """

    private let environment = ScriptedEnvironment()
    private let store: AlertStateStore

    init() throws { store = try AlertStateStore(try SQLiteDatabase(path: nil)) }

    /// A process that knows the notifications to have everything up to `receipt`.
    private func process(receipt: Int64) -> RuleManager {
        let manager = RuleManager(context: RuleContext(), environment: environment, state: store)
        manager.restore(receipt: receipt)
        return manager
    }

    /// An alert `a` that fires by the first news, and `b` that fires by the first and ends by the second.
    private func fire() throws -> RuleManager {
        let manager = process(receipt: 0)
        _ = manager.load(try groups(Self.rules), context: RuleContext(), at: time(0))
        environment.results["x > 0"] = [sample([("i", "a")], 1), sample([("i", "b")], 1)]
        #expect(manager.evaluate(group: manager.groups[0].key, at: time(1))?.news == 1)
        environment.results["x > 0"] = [sample([("i", "a")], 1)]
        #expect(manager.evaluate(group: manager.groups[0].key, at: time(2))?.news == 2)
        return manager
    }

    private func told(_ transitions: [AlertTransition]) -> [String] {
        transitions.map { "\($0.kind.rawValue) \($0.alert.labels["i"] ?? "")" }
    }

    @Test func `an alert whose rule went with the process before anybody was told is told by the next one`() throws {
        _ = try fire()
        // Each process dies before the notifications have heard of it.
        for moment in [9.0, 10, 11] {
            let transitions = process(receipt: 0).load([], context: RuleContext(), at: time(moment))
            #expect(told(transitions) == ["firing a", "firing b", "resolved a", "resolved b"])
            #expect(transitions.map(\.alert.state) == [.firing, .firing, .resolved, .resolved])
            #expect(transitions[0].alert.firedAt == time(1) && transitions[0].alert.resolvedAt == nil)
            // It ended with its rule, not with each start.
            #expect(transitions[2].alert.resolvedAt == time(9) && transitions[3].alert.resolvedAt == time(2))
        }
        // This one lives until they have.
        let last = process(receipt: 0)
        #expect(last.load([], context: RuleContext(), at: time(12)).count == 4)
        last.confirm(news: last.lastNews)
        #expect(try store.load().isEmpty)
        #expect(process(receipt: last.lastNews).load([], context: RuleContext(), at: time(13)).isEmpty)
    }

    @Test func `what the notifications have is not said again`() throws {
        _ = try fire()
        // They know that both fired, not that one is over.
        let transitions = process(receipt: 1).load([], context: RuleContext(), at: time(9))
        #expect(told(transitions) == ["firing b", "resolved a", "resolved b"])
        // They know that, too, and nothing of the rule's end: what they know already is harmless.
        let ends = ["resolved a", "resolved b"]
        #expect(told(process(receipt: 2).load([], context: RuleContext(), at: time(9))) == ends)
        // They have the last words, and the process died before it knew: nothing is left to say or to keep.
        #expect(process(receipt: 3).load([], context: RuleContext(), at: time(9)).isEmpty)
        #expect(try store.load().isEmpty)
    }

    @Test func `an alert that a reload ends is kept until its end is confirmed`() throws {
        let manager = try fire()
        manager.confirm(news: 1)
        #expect(told(manager.load([], context: RuleContext(), at: time(3))) == ["resolved a"])
        // The end of `b` may not have been heard either.
        #expect(try store.load().count == 2)
        manager.confirm(news: 2)
        #expect(try store.load().count == 2)

        // The rule comes again, and the alert with it, before the end of the first time was confirmed.
        _ = manager.load(try groups(Self.rules), context: RuleContext(), at: time(4))
        #expect(manager.evaluate(group: manager.groups[0].key, at: time(5))?.news == 4)
        let next = process(receipt: 2)
        let transitions = next.load(try groups(Self.rules), context: RuleContext(), at: time(6))
        #expect(told(transitions) == ["resolved a", "resolved b"])
        #expect(next.alerts().map(\.firedAt) == [time(5)])
        next.confirm(news: next.lastNews)
        #expect(try store.load().map(\.alert.phase) == [.firing])
    }

    @Test func `an alert that is over before anybody heard of it is told as firing first`() throws {
        _ = try fire()
        let definitions = try groups(Self.rules)
        #expect(told(process(receipt: 1).load(definitions, context: RuleContext(), at: time(3))) == ["firing b"])
        #expect(process(receipt: 2).load(definitions, context: RuleContext(), at: time(3)).isEmpty)
    }

    @Test func `a disk that takes nothing loses no departure`() throws {
        let disk = MemoryAlertState()
        environment.results["x > 0"] = [sample([("i", "a")], 1)]
        let manager = RuleManager(context: RuleContext(), environment: environment, state: disk)
        _ = manager.load(try groups(Self.rules), context: RuleContext(), at: time(0))
        _ = manager.evaluate(group: manager.groups[0].key, at: time(1))
        disk.isBroken = true
        let other = try groups(Self.rules.replacingOccurrences(of: "x > 0", with: "x > 1"))
        #expect(told(manager.load(other, context: RuleContext(), at: time(2))) == ["resolved a"])
        #expect(manager.stateFailures == 1)
        disk.isBroken = false
        _ = manager.evaluate(group: manager.groups[0].key, at: time(3))
        #expect(disk.rows.values.map(\.departure?.number) == [2])
        manager.confirm(news: 2)
        #expect(disk.rows.isEmpty)
    }
}

// SPDX-License-Identifier: Apache-2.0

import AlertRules
import PromQL
import SQLiteClient
import Testing
import TimeSeries

/// A wall clock that is set, pauses, restarts and full disks: what an alert measures goes on.
@Suite struct AlertClockTests {
    private func manager(
        _ rule: String,
        _ environment: any RuleEnvironment,
        state: (any AlertStateStoring)? = nil,
        at now: Double = 0
    ) throws -> RuleManager {
        let manager = RuleManager(context: RuleContext(), environment: environment, state: state)
        manager.restore()
        let text = "groups: [ { name: g, interval: 1s, rules: [ { alert: A, expr: 'x > 1', \(rule) } ] } ]"
        _ = manager.load(try groups(text), context: RuleContext(), at: time(now))
        return manager
    }

    /// Evaluates at a wall time and a steady one; the kinds of what is told.
    private func tick(_ manager: RuleManager, _ wall: Double, steady: Double) -> [AlertTransition.Kind] {
        let key = manager.groups[0].key
        return manager.evaluate(group: key, at: time(wall), steady: .seconds(steady))?.transitions.map(\.kind) ?? []
    }

    @Test(arguments: [3_600.0, -3_600, 86_400]) func `for ends after its real time whatever the clock is set to`(
        jump: Double
    ) throws {
        let environment = ScriptedEnvironment()
        let manager = try manager("for: 20s", environment)
        environment.results["x > 1"] = [sample([("job", "a")], 5)]
        for second in 0..<20 {
            let wall = 10_000 + Double(second) + (second < 10 ? 0 : jump)
            #expect(tick(manager, wall, steady: Double(second)).isEmpty, "second \(second)")
        }
        #expect(tick(manager, 10_020 + jump, steady: 20) == [.firing])
        let fired = manager.alerts().first?.firedAt
        // Set again while it fires: it stays firing, since when it was told.
        #expect(tick(manager, 10_021 - jump, steady: 21).isEmpty)
        #expect(manager.alerts().first?.state == .firing && manager.alerts().first?.firedAt == fired)
    }

    @Test func `keep_firing_for goes by the steady clock`() throws {
        let environment = ScriptedEnvironment()
        let manager = try manager("keep_firing_for: 10s", environment)
        environment.results["x > 1"] = [sample([("job", "a")], 5)]
        #expect(tick(manager, 100, steady: 0) == [.firing])
        environment.results["x > 1"] = []
        environment.results["x"] = [sample([("job", "a")], 0)]
        for second in 1...10 { #expect(tick(manager, 100 + Double(second) + 3_600, steady: Double(second)).isEmpty) }
        #expect(tick(manager, 3_711, steady: 11) == [.resolved])
    }

    @Test func `a pause in which nobody looked does not count`() throws {
        let environment = ScriptedEnvironment()
        let manager = try manager("for: 20s", environment)
        environment.results["x > 1"] = [sample([("job", "a")], 5)]
        for second in 0..<5 { #expect(tick(manager, Double(second), steady: Double(second)).isEmpty) }
        // Stopped for a minute.
        for second in 64..<79 { #expect(tick(manager, Double(second), steady: Double(second)).isEmpty, "\(second)") }
        #expect(tick(manager, 79, steady: 79) == [.firing])
    }

    /// A scrape of the one series.
    private func scrape(_ target: SeriesAppender, _ value: Double, at now: Double) throws {
        target.append(try target.series(Labels([("__name__", "x"), ("job", "a")])), value)
        _ = try target.commit(at: time(now))
    }

    @Test func `what an alert has waited before a restart counts after it`() throws {
        let store = TimeSeriesStore()
        let database = try SQLiteDatabase(path: nil)
        let target = store.appender(source: "a")
        let first = try start("for: 10s", store, database, at: 0)
        for second in 1...6 {
            try scrape(target, 5, at: Double(second))
            #expect(tick(first, Double(second), steady: Double(second)).isEmpty)
        }
        // Five seconds are behind it, and five are left, whenever the next process comes.
        let second = try start("for: 10s", store, database, at: 60)
        for step in 0..<4 {
            try scrape(target, 5, at: 60 + Double(step))
            #expect(tick(second, 60 + Double(step), steady: Double(step)).isEmpty, "\(step) s")
        }
        try scrape(target, 5, at: 64)
        #expect(tick(second, 64, steady: 4) == [.firing])
    }

    @Test func `processes that follow each other within an interval give no time away`() throws {
        let store = TimeSeriesStore()
        let database = try SQLiteDatabase(path: nil)
        let target = store.appender(source: "a")
        for process in 0...15 {
            let now = 100 + Double(process) * 0.2
            let manager = try start("for: 3s", store, database, at: now)
            try scrape(target, 5, at: now)
            #expect(tick(manager, now, steady: 0) == (process == 15 ? [.firing] : []), "\(now - 100) s")
        }
    }

    @Test func `an evaluation that its process did not live to end has seen nothing`() throws {
        let environment = ScriptedEnvironment()
        let state = MemoryAlertState()
        environment.results["x > 1"] = [sample([("job", "a")], 5)]
        let first = try manager("for: 2s", environment, state: state, at: 100)
        #expect(tick(first, 100, steady: 0).isEmpty)
        // Two more processes; the first of them dies after it noted the pause, and before it noted anything that it saw.
        let second = try manager("for: 2s", environment, state: state, at: 200)
        state.savesLeft = 1
        environment.results["x > 1"] = []
        environment.results["x"] = [sample([("job", "a")], 0)]
        environment.sources = [RuleSource(labels: Labels([("__name__", "x"), ("job", "a")]), state: .live)]
        _ = tick(second, 200, steady: 0)
        state.savesLeft = nil
        environment.results["x > 1"] = [sample([("job", "a")], 5)]
        let third = try manager("for: 2s", environment, state: state, at: 300)
        #expect(tick(third, 300, steady: 0).isEmpty)
        #expect(tick(third, 301, steady: 1) == [.firing])
    }

    @Test func `a start without an evaluation does not count the outage before it`() throws {
        let store = TimeSeriesStore()
        let database = try SQLiteDatabase(path: nil)
        let target = store.appender(source: "a")
        let first = try start("for: 10s", store, database, at: 100)
        for second in 100...105 {
            try scrape(target, 5, at: Double(second))
            #expect(tick(first, Double(second), steady: Double(second)).isEmpty)
        }
        // The second process ends what nobody writes any more, and dies at once.
        store.appender(source: "rule " + first.groups[0].entries[0].writer).retire(at: time(700))
        let third = try start("for: 10s", store, database, at: 710)
        for step in 0...3 {
            try scrape(target, 5, at: 710 + Double(step))
            #expect(tick(third, 710 + Double(step), steady: Double(step)).isEmpty, "\(step)")
        }
        try scrape(target, 5, at: 714)
        #expect(tick(third, 714, steady: 4) == [.firing])
    }

    @Test func `clocks that are set back twice between three processes shorten no hold`() throws {
        let environment = ScriptedEnvironment()
        let state = MemoryAlertState()
        let rule = "x_sidecar: { hold_max: 10m }"
        environment.results["x > 1"] = [sample([("job", "a")], 5)]
        let first = try manager(rule, environment, state: state, at: 10_000)
        #expect(tick(first, 10_000, steady: 0) == [.firing])
        // What that process wrote stays where it is, ahead of the two that come.
        let written = environment.seriesTimes
        environment.results["x > 1"] = []
        for (start, name) in [(8_000.0, "second"), (4_000, "third")] {
            let next = try manager(rule, environment, state: state, at: start)
            for step in 0..<5 {
                #expect(tick(next, start + Double(step), steady: Double(step)).isEmpty, "\(name), \(step) s")
            }
            environment.seriesTimes = written
        }
    }

    /// A process over the samples and the states that the last one left.
    private func start(
        _ rule: String,
        _ store: TimeSeriesStore,
        _ database: SQLiteDatabase,
        at now: Double
    ) throws -> RuleManager {
        let environment = StoreRuleEnvironment(store: store, engine: QueryEngine())
        return try manager(rule, environment, state: try AlertStateStore(database), at: now)
    }

    @Test(arguments: [(before: 0.0, after: 5.0), (before: 5, after: 0)])
    func `what stands before a clock's leap forward and back says nothing`(before: Double, after: Double) throws {
        let store = TimeSeriesStore()
        let target = store.appender(source: "a")
        let manager = try manager("for: 0s", StoreRuleEnvironment(store: store, engine: QueryEngine()), at: 1_000)
        func told(_ value: Double) -> [AlertTransition.Kind] { value > 1 ? [.firing] : [.resolved] }
        try scrape(target, before, at: 1_000)
        #expect(tick(manager, 1_000, steady: 0) == (before > 1 ? [.firing] : []))
        // An hour ahead it is the other way round.
        try scrape(target, after, at: 5_000)
        #expect(tick(manager, 5_000, steady: 1) == told(after))
        // Back again, and a minute after the first moment nothing new has come: all stays as it is.
        #expect(tick(manager, 1_060, steady: 2).isEmpty)
        #expect(tick(manager, 1_061, steady: 3).isEmpty)
        try scrape(target, before, at: 1_062)
        #expect(tick(manager, 1_062, steady: 4) == told(before))
    }

    @Test func `the worst value and running timers survive the process`() throws {
        let environment = ScriptedEnvironment()
        let database = try SQLiteDatabase(path: nil)
        let first = try manager("keep_firing_for: 10s", environment, state: try AlertStateStore(database))
        environment.results["x > 1"] = [sample([("job", "a")], 5)]
        #expect(tick(first, 100, steady: 0) == [.firing])
        environment.results["x > 1"] = [sample([("job", "a")], 9)]
        _ = tick(first, 101, steady: 1)
        environment.results["x > 1"] = [sample([("job", "a")], 4)]
        _ = tick(first, 102, steady: 2)
        environment.results["x > 1"] = []
        environment.results["x"] = [sample([("job", "a")], 0)]
        environment.sources = [RuleSource(labels: Labels([("__name__", "x"), ("job", "a")]), state: .live)]
        for second in 3...8 { #expect(tick(first, 100 + Double(second), steady: Double(second)).isEmpty) }

        let second = try manager("keep_firing_for: 10s", environment, state: try AlertStateStore(database), at: 109)
        #expect(second.alerts().first?.peak == 9 && second.alerts().first?.keepFiringSince == time(103))
        #expect(tick(second, 109, steady: 0).isEmpty)
        for step in 1...3 { #expect(tick(second, 109 + Double(step), steady: Double(step)).isEmpty) }
        #expect(tick(second, 113, steady: 4) == [.resolved])
    }

    @Test func `what a full disk missed is written when it takes something again`() throws {
        let environment = ScriptedEnvironment()
        let state = MemoryAlertState()
        let manager = try manager("for: 5s", environment, state: state)
        environment.results["x > 1"] = [sample([("job", "a")], 5)]
        state.isBroken = true
        for second in 0..<5 { _ = tick(manager, Double(second), steady: Double(second)) }
        #expect(tick(manager, 5, steady: 5) == [.firing])
        #expect(state.rows.isEmpty && manager.stateFailures > 0)
        state.isBroken = false
        // Nothing changes any more, and still it is written.
        _ = tick(manager, 6, steady: 6)
        #expect(state.rows.values.map(\.alert.phase) == [.firing])
    }
}

// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import Testing

@Suite struct CheckSchedulerTests {
    private func starts(_ actions: [CheckScheduler.Action]) -> [CheckScheduler.Attempt] {
        actions.compactMap { if case .start(let attempt) = $0 { attempt } else { nil } }
    }

    @Test func aRegularAttemptNamesItsTickExactly() throws {
        var scheduler = CheckScheduler(epoch: .milliseconds(300))
        scheduler.schedule("a", settings: CheckSettings(interval: .seconds(1)), at: .milliseconds(1_500))
        var ticks: [Duration] = []
        var now = Duration.milliseconds(1_500)
        for _ in 0..<5 {
            now = try #require(scheduler.nextDeadline)
            for attempt in starts(scheduler.advance(to: now)) {
                ticks.append(attempt.tick)
                #expect(now - attempt.tick < .milliseconds(ticks.count == 1 ? 500 : 3))
                #expect(scheduler.finish(attempt, at: now) == true)
            }
        }
        #expect(ticks == [1_300, 2_300, 3_300, 4_300, 5_300].map { .milliseconds($0) })
    }

    @Test func aRunningCheckIsNotStartedAgainAndTheTicksAreCounted() throws {
        var scheduler = CheckScheduler(epoch: .zero)
        let settings = CheckSettings(interval: .seconds(1), timeout: .milliseconds(500))
        scheduler.schedule("slow", settings: settings, at: .zero)
        let attempt = try #require(starts(scheduler.advance(to: .milliseconds(5))).first)
        #expect(scheduler.advance(to: .milliseconds(554)) == [])
        #expect(scheduler.advance(to: .milliseconds(555)) == [.abandon(attempt)])
        for second in 1...5 { #expect(scheduler.advance(to: .milliseconds(second * 1_000 + 5)) == []) }
        #expect(scheduler.skippedTicks(of: "slow") == 5)
        #expect(scheduler.finish(attempt, at: .milliseconds(5_500)) == false, "a timeout was recorded in its place")
        let next = try #require(starts(scheduler.advance(to: .milliseconds(6_005))).first)
        #expect(next.tick == .seconds(6))
        #expect(next.number != attempt.number)
    }

    @Test func missedTicksAreCountedNotMadeUpFor() throws {
        var scheduler = CheckScheduler(epoch: .zero)
        scheduler.schedule("a", settings: CheckSettings(interval: .seconds(1)), at: .zero)
        let first = try #require(starts(scheduler.advance(to: .milliseconds(10))).first)
        #expect(scheduler.finish(first, at: .milliseconds(11)) == true)
        let late = starts(scheduler.advance(to: .milliseconds(7_500)))
        #expect(late.map(\.tick) == [.seconds(7)])
        #expect(scheduler.skippedTicks(of: "a") == 6)
    }

    @Test func aRecheckStartsAtOnceAndKeepsTheGrid() throws {
        var scheduler = CheckScheduler(epoch: .zero)
        scheduler.schedule("a", settings: CheckSettings(interval: .seconds(1)), at: .zero)
        let first = try #require(starts(scheduler.advance(to: .milliseconds(10))).first)
        #expect(scheduler.finish(first, at: .milliseconds(20)) == true)
        scheduler.hurry("a", at: .milliseconds(20))
        let again = try #require(starts(scheduler.advance(to: .milliseconds(20))).first)
        #expect(again.tick == .milliseconds(20))
        #expect(scheduler.finish(again, at: .milliseconds(30)) == true)
        let regular = try #require(starts(scheduler.advance(to: .milliseconds(1_010))).first)
        #expect(regular.tick == .seconds(1))
        #expect(scheduler.skippedTicks(of: "a") == 0)
    }

    @Test func aRefusedLoginWaitsHalfAMinute() throws {
        var scheduler = CheckScheduler(epoch: .zero)
        scheduler.schedule("db", settings: CheckSettings(interval: .seconds(1)), at: .zero)
        let first = try #require(starts(scheduler.advance(to: .milliseconds(10))).first)
        #expect(scheduler.finish(first, at: .milliseconds(20), forbidsQuickRetry: true) == true)
        scheduler.hurry("db", at: .milliseconds(30))
        var tries = 0
        for tenth in 1...600 { tries += starts(scheduler.advance(to: .milliseconds(tenth * 100))).count }
        #expect(tries == 1)
    }

    @Test func aFewChecksAreNotSpread() throws {
        for count in [1, 10, 200] {
            var scheduler = CheckScheduler(epoch: .zero)
            for number in 0..<count {
                scheduler.schedule("check-\(number)", settings: CheckSettings(interval: .seconds(2)), at: .zero)
            }
            for attempt in starts(scheduler.advance(to: .milliseconds(500))) {
                #expect(scheduler.finish(attempt, at: .milliseconds(500)) == true)
            }
            var last = Duration.zero
            while let next = scheduler.nextDeadline, next < .milliseconds(2_500) {
                last = next
                for attempt in starts(scheduler.advance(to: next)) {
                    #expect(attempt.tick == .seconds(2))
                    #expect(scheduler.finish(attempt, at: next) == true)
                }
            }
            let limit = min(.milliseconds(1) * max(count - 10, 0), .milliseconds(100))
            #expect(last - .seconds(2) <= limit, "\(count) checks")
            #expect((last > .seconds(2)) == (count > 10), "\(count) checks")
        }
    }

    /// Whatever happens, a check never runs twice at once, every tick is started or counted, and ticks lie on the grid.
    @Test(arguments: 0..<300)
    func invariantsHoldUnderAnyTiming(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let epoch = Duration.milliseconds(Int.random(in: 0...900, using: &random))
        var scheduler = CheckScheduler(epoch: epoch)
        var now = epoch
        var running: [String: (CheckScheduler.Attempt, until: Duration)] = [:]
        var lastTick: [String: Duration] = [:]
        var rechecks: Set<Duration> = []
        for number in 0..<4 {
            let interval = [100, 250, 1_000, 3_000].randomElement(using: &random) ?? 100
            let settings = CheckSettings(interval: .milliseconds(interval), timeout: .milliseconds(interval / 2))
            scheduler.schedule("c\(number)", settings: settings, at: now)
        }
        for _ in 0..<400 {
            now += .milliseconds(Int.random(in: 1...400, using: &random))
            for (check, entry) in running where now >= entry.until {
                running[check] = nil
                _ = scheduler.finish(entry.0, at: now)
                if Bool.random(using: &random) {
                    scheduler.hurry(check, at: now)
                    rechecks.insert(now)
                }
            }
            for attempt in starts(scheduler.advance(to: now)) {
                #expect(running[attempt.check] == nil, "seed \(seed): started twice")
                if !rechecks.contains(attempt.tick) {
                    #expect(
                        (attempt.tick - epoch) / .milliseconds(50)
                            == ((attempt.tick - epoch) / .milliseconds(50)).rounded()
                    )
                    if let last = lastTick[attempt.check] {
                        #expect(attempt.tick > last, "seed \(seed): tick repeated")
                    }
                    lastTick[attempt.check] = attempt.tick
                }
                let length = Duration.milliseconds(Int.random(in: 0...2_000, using: &random))
                running[attempt.check] = (attempt, now + length)
            }
            if let next = scheduler.nextDeadline { #expect(next > now, "seed \(seed): a due check was left") }
        }
    }
}

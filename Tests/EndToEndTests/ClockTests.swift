// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The wall clock jumps, stands far off, or the whole process is put to sleep: the watching goes on by the monotonic
/// clock, and nobody is told what is not so.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ClockTests {
    @Test(arguments: [3_600, -3_600]) func `an hour's jump changes no alert, no timer and no rhythm`(_ seconds: Int)
        async throws
    {
        let clock = try await ShiftedClock()
        let watch = try await BrokenWatch(environment: clock.environment)
        _ = await waitUntil { await watch.isAtWork() }
        // In the middle of `for`.
        watch.target.isBroken = true
        let began = ContinuousClock.now
        try await Task.sleep(for: .seconds(1))
        try clock.set(by: seconds)
        let isTold = await waitUntil { !watch.notes.isEmpty }
        let took = (watch.notes.first?.at ?? .now) - began
        #expect(isTold && took >= .milliseconds(1_700) && took <= .seconds(4), "\(took)")
        // While it fires.
        try clock.set(by: 0)
        let rhythm = try await watch.scrapesInASecond()
        #expect((6...13).contains(rhythm), "\(rhythm) scrapes in the second after the jump")
        try clock.set(by: seconds)
        try await Task.sleep(for: .seconds(1))
        #expect(await watch.isAtWork(), "\(seconds)")
        #expect(watch.notes.count == 1, "\(watch.notes)")
        try await watch.recovers()
        #expect(try await watch.breaks() >= .milliseconds(1_700))
        await watch.end()
    }

    @Test func `a start in 1970 works, and the jump to the present too`() async throws {
        let clock = try await ShiftedClock(by: -Int(Date().timeIntervalSince1970) + 60)
        let watch = try await BrokenWatch(environment: clock.environment, hold: "1s")
        let works = await waitUntil { await watch.isAtWork() }
        #expect(works, "\(watch.sidecar.process.errorOutput)")
        _ = try await watch.breaks()
        try clock.set(by: 0)
        try await Task.sleep(for: .seconds(1))
        #expect(await watch.isAtWork())
        // It may be told once more: by the clock, the last time is half a century ago.
        #expect(watch.notes.filter { !$0.isFiring }.isEmpty)
        try await watch.recovers()
        await watch.end()
    }

    @Test(.enabled(if: getuid() == 0)) func `timers work on a machine that is up for ten years, and near 2^31 seconds`()
        async throws
    {
        for seconds in [315_360_000, 2_147_483_640 - Int(ProcessInfo.processInfo.systemUptime)] {
            let watch = try await BrokenWatch(
                wrapper: ["unshare", "--time", "--monotonic", "\(seconds)", "--boottime", "\(seconds)"],
                hold: "1s"
            )
            let took = try await watch.breaks()
            #expect(took >= .milliseconds(900) && took < .seconds(4), "\(took)")
            try await watch.recovers()
            let rhythm = try await watch.scrapesInASecond()
            #expect((6...13).contains(rhythm), "\(rhythm) scrapes a second")
            await watch.end()
        }
    }

    @Test func `who sleeps misses ticks, counts them, and tells nobody of the gap`() async throws {
        let watch = try await BrokenWatch(hold: "0s")
        _ = await waitUntil { await watch.isAtWork() }
        watch.sidecar.process.send(SIGSTOP)
        let asleep = ContinuousClock.now
        try await Task.sleep(for: .seconds(4))
        let before = watch.target.receiver.requests.count
        watch.sidecar.process.send(SIGCONT)
        let slept = ContinuousClock.now - asleep
        let rhythm = try await watch.scrapesInASecond()
        #expect(rhythm <= 13, "\(rhythm) scrapes in the first second after \(before)")
        let missed = try await watch.sidecar.query("sum(sidecar_rule_iterations_missed_total)").first?.value ?? 0
        let expected = slept / .milliseconds(100)
        #expect(abs(missed - expected) <= 3, "\(missed) missed, asleep for \(slept)")
        #expect(watch.notes.isEmpty)
        await watch.end()
    }
}

extension BrokenWatch {
    /// The target breaks; returns how long it took until somebody was told.
    fileprivate func breaks() async throws -> Duration {
        let before = notes.count
        let began = ContinuousClock.now
        target.isBroken = true
        let isTold = await waitUntil { self.notes.count > before }
        #expect(isTold && notes.last?.isFiring == true, "\(sidecar.process.errorOutput)")
        return (notes.last?.at ?? .now) - began
    }

    fileprivate func recovers() async throws {
        let before = notes.count
        target.isBroken = false
        let isTold = await waitUntil { self.notes.count > before }
        let last = notes.last
        #expect(isTold && last?.isFiring == false, "\(sidecar.process.errorOutput)")
        #expect(last.map { $0.startsAt <= $0.endsAt } == true, "\(String(describing: last))")
    }

    /// Scrapes in the next second, by the target's own count.
    fileprivate func scrapesInASecond() async throws -> Int {
        let before = target.receiver.requests.count
        try await Task.sleep(for: .seconds(1))
        return target.receiver.requests.count - before
    }

    /// Whether what was scraped can be read at the present, as the process's own clock has it.
    fileprivate func isAtWork() async -> Bool { (try? await sidecar.query("broken"))?.count == 1 }

    fileprivate func end() async { #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0)) }
}

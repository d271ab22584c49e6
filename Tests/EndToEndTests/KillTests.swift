// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The real program is killed at random moments while an alert is pending, firing, resolving. What people are told has to
/// be what they would have been told without.
enum KillScenario {
    /// One whole life of an alert with `kills` kills in it.
    static func run(kills: Int, seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let watch = try await BrokenWatch(hold: "1s")
        var left = kills
        while left > 0 {
            let began = ContinuousClock.now
            let before = Set(watch.notes.map(\.id))
            func told(firing: Bool) -> [Note] {
                watch.notes.filter { $0.isFiring == firing && !before.contains($0.id) }
            }
            watch.target.isBroken = true
            // Pending for a second, then firing.
            var alive: [Range<ContinuousClock.Instant>] = []
            var since = began
            for _ in 0..<min(left, 2) {
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...1_300, using: &generator)))
                alive.append(since..<ContinuousClock.now)
                try await watch.restart()
                since = .now
                left -= 1
            }
            let fired = await waitUntil(deadline: .seconds(10)) { !told(firing: true).isEmpty }
            #expect(fired, "seed \(seed): the alert was lost")
            let firstFiring = try #require(told(firing: true).first)
            // Time that nobody evaluated does not count toward `for`, and what was pending goes on.
            #expect(firstFiring.at - began >= .milliseconds(900), "seed \(seed): fired too soon")
            alive.append(since..<max(since, firstFiring.at))
            let watched = alive.map { min($0.upperBound, max($0.lowerBound, firstFiring.at)) - $0.lowerBound }
            // A second of being watched, and a little for each start and tick.
            #expect(watched.reduce(.zero, +) <= .milliseconds(2_300), "seed \(seed): began anew, \(watched)")
            #expect(told(firing: false).isEmpty, "seed \(seed): resolved while it was broken")
            watch.target.isBroken = false
            if left > 0 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...250, using: &generator)))
                try await watch.restart()
                left -= 1
            }
            let resolved = await waitUntil(deadline: .seconds(10)) { !told(firing: false).isEmpty }
            #expect(resolved, "seed \(seed): never resolved")
            for isFiring in [true, false] {
                let ids = Set(told(firing: isFiring).map(\.id))
                #expect(ids.count == 1, "seed \(seed): told twice with different ids: \(ids)")
            }
        }
        await watch.kill()
    }
}

@Suite(.serialized, .timeLimit(.minutes(3)))
struct KillTests {
    @Test func `twenty kills lose nothing, resolve nothing falsely and repeat nothing under another id`() async throws {
        let seed = UInt64.random(in: 1...UInt64.max)
        print("seed \(seed)")
        try await KillScenario.run(kills: 20, seed: seed)
    }

    @Test func `what an alert has waited before a kill counts after it`() async throws {
        let watch = try await BrokenWatch(hold: "5s")
        watch.target.isBroken = true
        let isPending = try await waitUntil {
            try await watch.sidecar.query(#"ALERTS{alertname="Broken", alertstate="pending"}"#).count == 1
        }
        #expect(isPending)
        try await Task.sleep(for: .seconds(3))
        try await watch.restart()
        let began = ContinuousClock.now
        #expect(await waitUntil { !watch.notes.isEmpty })
        // Two of the five seconds are left.
        let left = ContinuousClock.now - began
        #expect(left >= .milliseconds(1_200) && left <= .seconds(3), "\(left)")
        await watch.kill()
    }
}

@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1"), .timeLimit(.minutes(60)))
struct KillChaosTests {
    @Test func `a thousand kills`() async throws {
        let seed = UInt64.random(in: 1...UInt64.max)
        print("seed \(seed)")
        for round in 0..<50 { try await KillScenario.run(kills: 20, seed: seed &+ UInt64(round)) }
    }
}

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
        let target = try MetricsTarget()
        let receiver = try HTTPReceiver()
        let directory = try TemporaryDirectory("kill")
        let rules = try directory.write(
            """
            groups:
              - name: g
                rules:
                  - { alert: Broken, expr: broken == 1, for: 1s }
            """,
            to: "rules.yml"
        )
        let configuration = """
            global: { scrape_interval: 100ms, evaluation_interval: 100ms }
            self_watch: false
            scrape_configs: [ { job_name: t, static_configs: [ { targets: [ "127.0.0.1:\(target.port)" ] } ] } ]
            rule_files: [ "\(rules)" ]
            route: { receiver: hook, group_by: [ "..." ], group_wait: 0s, group_interval: 50ms, repeat_interval: 4h }
            receivers: [ { name: hook, webhook_configs: [ { url: "\(receiver.url)/", send_resolved: true } ] } ]
            """
        var sidecar = try await RunningSidecar(configuration: configuration, directory: directory)
        var left = kills
        while left > 0 {
            let began = ContinuousClock.now
            let before = Set(Note.all(receiver).map(\.id))
            func told(firing: Bool) -> [Note] {
                Note.all(receiver).filter { $0.isFiring == firing && !before.contains($0.id) }
            }
            target.isBroken = true
            // Pending for a second, then firing.
            for _ in 0..<min(left, 2) {
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...1_300, using: &generator)))
                sidecar = try await restart(sidecar, configuration, directory)
                left -= 1
            }
            let fired = await waitUntil(deadline: .seconds(10)) { !told(firing: true).isEmpty }
            #expect(fired, "seed \(seed): the alert was lost")
            let firstFiring = try #require(told(firing: true).first)
            // Time that nobody evaluated does not count toward `for`, and what was pending goes on.
            #expect(firstFiring.at - began >= .milliseconds(900), "seed \(seed): fired too soon")
            #expect(told(firing: false).isEmpty, "seed \(seed): resolved while it was broken")
            target.isBroken = false
            if left > 0 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...250, using: &generator)))
                sidecar = try await restart(sidecar, configuration, directory)
                left -= 1
            }
            let resolved = await waitUntil(deadline: .seconds(10)) { !told(firing: false).isEmpty }
            #expect(resolved, "seed \(seed): never resolved")
            for isFiring in [true, false] {
                let ids = Set(told(firing: isFiring).map(\.id))
                #expect(ids.count == 1, "seed \(seed): told twice with different ids: \(ids)")
            }
        }
        sidecar.process.send(SIGKILL)
        _ = await sidecar.process.wait()
    }

    private static func restart(_ sidecar: RunningSidecar, _ configuration: String, _ directory: TemporaryDirectory)
        async throws -> RunningSidecar
    {
        sidecar.process.send(SIGKILL)
        _ = await sidecar.process.wait()
        return try await RunningSidecar(configuration: configuration, directory: directory)
    }
}

@Suite(.serialized, .timeLimit(.minutes(3)))
struct KillTests {
    @Test func `twenty kills lose nothing, resolve nothing falsely and repeat nothing under another id`() async throws {
        let seed = UInt64.random(in: 1...UInt64.max)
        print("seed \(seed)")
        try await KillScenario.run(kills: 20, seed: seed)
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

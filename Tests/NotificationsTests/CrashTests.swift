// SPDX-License-Identifier: Apache-2.0

import Foundation
import Notifications
import SQLiteClient
import TestSupport
import Testing
import TimeSeries

/// The engine and its outbox on a SQLite file whose disk stops in the middle.
@Suite(.timeLimit(.minutes(2))) struct CrashTests {
    /// `SIDECAR_SEEDS` runs more of them.
    static let seeds: Range<UInt64> = {
        let count = ProcessInfo.processInfo.environment["SIDECAR_SEEDS"].flatMap { UInt64($0) } ?? 40
        return 1..<(1 + count)
    }()

    @Test func killedAtAnyWriteNothingIsLostAndNothingFalselyResolved() throws {
        var restarts = 0, messages = 0
        for seed in Self.seeds {
            let simulation = try CrashSimulation(seed: seed)
            try simulation.run(steps: 60)
            simulation.audit()
            #expect(simulation.complaints.isEmpty, "seed \(seed): \(simulation.complaints.prefix(3))")
            restarts += simulation.restarts - 1
            messages += simulation.messages.count
        }
        #expect(
            restarts > Self.seeds.count && messages > Self.seeds.count * 5,
            "\(restarts) kills, \(messages) messages"
        )
    }

    @Test func failingDiskDoesNotStopAlerting() throws {
        var messages = 0
        for seed in Self.seeds {
            let simulation = try CrashSimulation(seed: seed, withDiskErrors: true)
            try simulation.run(steps: 60)
            simulation.audit()
            #expect(simulation.complaints.isEmpty, "seed \(seed): \(simulation.complaints.prefix(3))")
            messages += simulation.messages.count
        }
        #expect(messages > Self.seeds.count * 5)
    }

    /// Every write of one fixed story, one after the other.
    @Test func killedAtEveryWriteOfOneStory() throws {
        var limit = 0
        while true {
            let disk = VirtualDisk(seed: 1, losesPower: false)
            disk.fault = .death(after: limit)
            let (told, reached) = story(disk)
            guard disk.isDead else { break }
            disk.crash(power: false)
            let (rest, _) = story(disk, from: reached)
            let statuses = told + rest
            #expect(statuses.contains { $0.hasPrefix("firing") }, "killed after \(limit) writes: \(statuses)")
            #expect(statuses.last?.hasPrefix("resolved") == true, "killed after \(limit) writes: \(statuses)")
            #expect(Set(statuses).count == 2, "killed after \(limit) writes: \(statuses)")
            limit += 1
        }
        #expect(limit > 20)
    }

    /// Fires at 0, ends at 100; what the receiver got, as status and id, and the event in which the process died.
    private func story(_ disk: VirtualDisk, from first: Int = 0) -> (told: [String], reached: Int) {
        var configuration = SQLiteDatabase.Configuration()
        configuration.fileSystem = disk.fileSystem.name
        guard let database = try? SQLiteDatabase(path: "story.db", configuration: configuration),
            let engine = try? NotificationEngine(
                configuration: NotificationsTests.configuration(),
                database: database,
                random: { 0 },
                at: seconds(0)
            )
        else { return ([], first) }
        var told: [String] = []
        let events = [(0.0, alert([("alertname", "A")])), (100.0, alert([("alertname", "A")], until: 100))]
        for (index, (now, event)) in events.enumerated().dropFirst(first) {
            var attempts = engine.process([event], at: seconds(now))
            while !disk.isDead, !attempts.isEmpty {
                for attempt in attempts {
                    guard case .http(let delivery) = attempt.action else { continue }
                    let isFiring = String(decoding: delivery.body, as: UTF8.self).contains(#""status":"firing""#)
                    told.append((isFiring ? "firing " : "resolved ") + attempt.notificationID)
                    engine.complete(attempt, .answered(status: 200, retryAfter: nil, body: []), at: seconds(now))
                }
                attempts = engine.tick(at: seconds(now))
            }
            if disk.isDead { return (told, index) }
        }
        return (told, events.count)
    }
}

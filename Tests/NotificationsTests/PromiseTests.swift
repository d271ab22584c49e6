// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import Notifications
import SQLiteClient
import TestSupport
import Testing
import TimeSeries

/// Whoever got firing gets resolved, nothing accepted is lost, ids stay the same.
@Suite struct PromiseTests {
    private let labels = [("alertname", "Down"), ("severity", "critical")]

    private func silence(_ bench: Bench, at now: Double, for duration: Double = 3600) throws -> String {
        try bench.engine.setSilence(
            Silence(
                matchers: [try matcher("alertname=Down")],
                startsAt: seconds(now),
                endsAt: seconds(now + duration),
                createdBy: "me",
                comment: "test"
            ),
            at: seconds(now)
        )
    }

    @Test func firesAtOnceAndResolves() throws {
        let bench = try Bench(configuration())
        bench.process([alert(labels)], at: 0)
        #expect(bench.story == ["firing: Down=firing"])
        bench.run(until: 300)
        bench.process([alert(labels, until: 300)], at: 300)
        #expect(bench.story == ["firing: Down=firing", "resolved: Down=resolved"])
        #expect(bench.delivered.map(\.reason) == ["first notification", "all alerts resolved"])
        #expect(bench.delivered[1].at == seconds(300))
        bench.run(until: 100_000)
        #expect(bench.delivered.count == 2)
        #expect(bench.engine.currentAlerts.isEmpty)
    }

    @Test func whatHasNothingToSayIsSeldomLookedAtAndStillHeardAtOnce() throws {
        let bench = try Bench(configuration(interval: 0.01))
        bench.process([alert(labels)], at: 0)
        bench.run(until: 5)
        var looks = 0
        while let next = bench.engine.nextWakeUp, next <= seconds(65), looks < 10_000 {
            looks += 1
            bench.perform(bench.engine.tick(at: next), at: next)
        }
        #expect(looks <= 70)
        #expect(bench.delivered.count == 1)
        bench.process([alert(labels, until: 65.2)], at: 65.2)
        bench.run(until: 65.3)
        #expect(bench.story == ["firing: Down=firing", "resolved: Down=resolved"])
        #expect(bench.delivered[1].at <= seconds(65.22))
    }

    @Test func anEndThatWaitsForItsGroupIsToldThoughTheClockWasSetBack() throws {
        let bench = try Bench(configuration(interval: 60))
        bench.process([alert(labels)], at: 2_000)
        bench.process([alert(labels, until: 2_010)], at: 2_010)
        #expect(bench.story == ["firing: Down=firing"])
        // Set back by half an hour before the group's interval was over: the end now lies in the future.
        bench.run(until: 300)
        bench.run(until: 370)
        #expect(bench.story == ["firing: Down=firing", "resolved: Down=resolved"])
    }

    @Test func anEndIsToldThoughTheClockWasSetBack() throws {
        let bench = try Bench(configuration())
        bench.process([alert(labels)], at: 0)
        bench.process([alert(labels)], at: 2_000)
        bench.process([alert(labels, until: 500)], at: 500)
        bench.run(until: 600)
        #expect(bench.story == ["firing: Down=firing", "resolved: Down=resolved"])
    }

    @Test func whatWaitsBehindAnotherIsNotPutOffByAClockThatIsSetBack() throws {
        let bench = try Bench(configuration(interval: 5))
        bench.answer = { _ in .failed(reason: "connect_refused", text: "") }
        bench.process([alert(labels)], at: 4_000)
        bench.process([alert(labels, until: 4_010)], at: 4_010)
        #expect(bench.delivered.isEmpty && bench.engine.outboxItems.count == 2)
        bench.answer = { _ in .answered(status: 200, retryAfter: nil, body: []) }
        bench.run(until: 100)
        bench.run(until: 170)
        #expect(bench.story == ["firing: Down=firing", "resolved: Down=resolved"])
        #expect(bench.delivered.allSatisfy { $0.at <= seconds(165) })
    }

    @Test func resolveWaitsForTheGroupInterval() throws {
        let bench = try Bench(configuration(interval: 60))
        bench.process([alert(labels)], at: 0)
        bench.process([alert(labels, until: 10)], at: 10)
        #expect(bench.delivered.count == 1)
        bench.run(until: 59.9)
        #expect(bench.delivered.count == 1)
        bench.run(until: 60)
        #expect(bench.story == ["firing: Down=firing", "resolved: Down=resolved"])
    }

    @Test func silencedAfterFiringStillResolvesOnce() throws {
        let bench = try Bench(configuration())
        bench.process([alert(labels)], at: 0)
        _ = try silence(bench, at: 10)
        bench.run(until: 200)
        bench.process([alert(labels, until: 200)], at: 200)
        bench.run(until: 5000)
        #expect(bench.story == ["firing: Down=firing", "resolved: Down=resolved"])
        #expect(try bench.history(.held).map(\.reason) == ["silence"])
    }

    @Test func silencedBeforeFiringSaysNothing() throws {
        let bench = try Bench(configuration())
        _ = try silence(bench, at: 0)
        bench.process([alert(labels, from: 1)], at: 1)
        bench.process([alert(labels, from: 1, until: 100)], at: 100)
        bench.run(until: 10_000)
        #expect(bench.delivered.isEmpty)
    }

    @Test func silenceThatEndsLetsTheAlertOut() throws {
        let bench = try Bench(configuration())
        _ = try silence(bench, at: 0, for: 100)
        bench.process([alert(labels, from: 1)], at: 1)
        bench.run(until: 200)
        #expect(bench.story == ["firing: Down=firing"])
        #expect(bench.delivered.first?.at == seconds(121))
    }

    @Test func inhibitedAfterFiringStillResolves() throws {
        var configuration = configuration()
        configuration.inhibitionRules = [
            InhibitionRule(
                sourceMatchers: [try matcher("alertname=Host")],
                targetMatchers: [try matcher("alertname=Down")]
            )
        ]
        let bench = try Bench(configuration)
        bench.process([alert(labels)], at: 0)
        bench.process([alert([("alertname", "Host")], from: 5)], at: 5)
        bench.process([alert(labels, until: 100)], at: 100)
        bench.run(until: 300)
        #expect(bench.story == ["firing: Down=firing", "firing: Host=firing", "resolved: Down=resolved"])
    }

    @Test func mutedByTimeAfterFiringStillResolves() throws {
        var configuration = configuration(
            routes: [
                RouteConfiguration(matchers: [try matcher("alertname=Down")], muteTimeIntervals: ["evening"])
            ]
        )
        var interval = CalendarInterval()
        // The bench's zero is midnight.
        interval.times = [CalendarInterval.Minutes(start: 1, end: 600)]
        configuration.timeIntervals = [NamedTimeInterval(name: "evening", intervals: [interval])]
        let bench = try Bench(configuration)
        bench.process([alert(labels)], at: 0)
        bench.process([alert(labels, until: 600)], at: 600)
        bench.run(until: 1000)
        #expect(bench.story == ["firing: Down=firing", "resolved: Down=resolved"])
    }

    @Test func reroutedAfterFiringResolvesAtTheOldReceiverToo() throws {
        let old = webhook("old", url: "http://127.0.0.1:1/old"), new = webhook("new", url: "http://127.0.0.1:1/new")
        let bench = try Bench(configuration(receivers: [old, new]))
        bench.process([alert(labels)], at: 0)
        bench.reload(configuration(receivers: [new]), at: 50)
        #expect(bench.delivered.map(\.integration) == ["old/webhook[0]", "new/webhook[0]"])
        bench.process([alert(labels, until: 300)], at: 300)
        bench.run(until: 600)
        #expect(bench.delivered.dropFirst(2).map(\.integration).sorted() == ["new/webhook[0]", "old/webhook[0]"])
        #expect(bench.delivered.dropFirst(2).allSatisfy { $0.status == "resolved" })
        guard case .http(let delivery)? = bench.attempts.last(where: { $0.integration.hasPrefix("old") })?.action else {
            Issue.record("no attempt to the old receiver")
            return
        }
        #expect(delivery.url.reveal().hasSuffix("/old"))
        #expect(bench.engine.currentAlerts.isEmpty)
    }

    @Test func changedAddressResolvesAtBoth() throws {
        let bench = try Bench(configuration(receivers: [webhook("a", url: "http://127.0.0.1:1/1")]))
        bench.process([alert(labels)], at: 0)
        bench.reload(configuration(receivers: [webhook("a", url: "http://127.0.0.1:1/2")]), at: 50)
        bench.process([alert(labels, until: 300)], at: 300)
        bench.run(until: 900)
        let urls = bench.attempts.map { attempt in
            if case .http(let delivery) = attempt.action { String(delivery.url.reveal().suffix(2)) } else { "" }
        }
        #expect(urls.prefix(2) == ["/1", "/2"])
        #expect(urls.dropFirst(2).sorted() == ["/1", "/2"])
    }

    @Test func routeChangeWithinOneReceiverResolvesBothGroups() throws {
        let bench = try Bench(configuration(groupBy: .labels(["alertname"])))
        bench.process([alert(labels)], at: 0)
        bench.reload(configuration(groupBy: .labels(["severity"])), at: 50)
        bench.process([alert(labels, until: 300)], at: 300)
        bench.run(until: 900)
        let keys = bench.delivered.map { "\($0.status) \($0.groupKey)" }
        #expect(
            keys.sorted() == [
                #"firing {}:{alertname="Down"}"#, #"firing {}:{severity="critical"}"#,
                #"resolved {}:{alertname="Down"}"#, #"resolved {}:{severity="critical"}"#,
            ]
        )
    }

    @Test func firesAndResolvesWhileTheReceiverIsDown() throws {
        let bench = try Bench(configuration(interval: 1))
        bench.answer = { _ in .failed(reason: "connect_refused", text: "") }
        bench.process([alert(labels)], at: 0)
        bench.process([alert(labels, until: 5)], at: 5)
        bench.run(until: 14)
        #expect(bench.delivered.isEmpty)
        #expect(bench.engine.outboxItems.count == 2)
        bench.answer = { _ in .answered(status: 200, retryAfter: nil, body: []) }
        bench.run(until: 60)
        #expect(bench.story == ["firing: Down=firing", "resolved: Down=resolved"])
    }

    @Test func idsAndBodiesAreEqualOnEveryAttempt() throws {
        let bench = try Bench(configuration())
        var count = 0
        bench.answer = { _ in
            count += 1
            return .answered(status: count < 8 ? 503 : 204, retryAfter: nil, body: [])
        }
        bench.process([alert(labels)], at: 0)
        bench.run(until: 3600)
        #expect(bench.attempts.count == 8 && bench.delivered.count == 1)
        #expect(Set(bench.attempts.map(\.notificationID)).count == 1)
        var bodies: Set<[UInt8]> = []
        for case .http(let delivery) in bench.attempts.map(\.action) {
            bodies.insert(delivery.body)
            let ids = delivery.headers.filter { ["Idempotency-Key", "webhook-id"].contains($0.name) }.map {
                $0.value.reveal()
            }
            #expect(ids == [bench.attempts[0].notificationID, bench.attempts[0].notificationID])
        }
        #expect(bodies.count == 1)
        #expect(bench.delivered[0].json["notificationId"]?.string == bench.attempts[0].notificationID)
    }

    @Test func twoReceiversDoNotWaitForEachOther() throws {
        let receiver = Receiver(
            name: "oncall",
            integrations: ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"].map {
                Integration(.webhook(WebhookSettings(url: Secret($0))))
            }
        )
        let bench = try Bench(configuration(receivers: [receiver]))
        bench.answer = {
            $0.integration.hasSuffix("[0]")
                ? .failed(reason: "timeout_first_byte", text: "") : .answered(status: 200, retryAfter: nil, body: [])
        }
        bench.process([alert(labels)], at: 0)
        bench.process([alert(labels, until: 100)], at: 100)
        #expect(bench.story == ["firing: Down=firing", "resolved: Down=resolved"])
        #expect(bench.delivered.allSatisfy { $0.integration == "oncall/webhook[1]" })
    }

    @Test func sendResolvedOffTellsNoResolve() throws {
        let bench = try Bench(configuration(receivers: [webhook(sendsResolved: false)]))
        bench.process([alert(labels)], at: 0)
        bench.process([alert(labels, until: 100)], at: 100)
        bench.process([alert(labels, from: 500)], at: 500)
        #expect(bench.story == ["firing: Down=firing", "firing: Down=firing"])
        #expect(bench.delivered.map(\.reason) == ["first notification", "first notification"])
        #expect(try bench.history(.notSent).count == 1)
    }

    @Test func repeatsAfterTheRepeatInterval() throws {
        let bench = try Bench(configuration(interval: 60, repeatInterval: 600))
        bench.process([alert(labels)], at: 0)
        bench.run(until: 1500)
        #expect(
            bench.delivered.map(\.reason) == [
                "first notification", "repeat interval elapsed", "repeat interval elapsed",
            ]
        )
        #expect(Set(bench.delivered.map(\.id)).count == 3)
    }

    @Test func alertWithoutRuleEndsAtReconciliation() throws {
        let database = try SQLiteDatabase(path: nil)
        let bench = try Bench(configuration(), database: database)
        bench.process([alert(labels), alert([("alertname", "Other")])], at: 0)
        let other = alert([("alertname", "Other")]).fingerprint
        let again = try Bench(configuration(), database: database, at: seconds(100))
        again.perform(again.engine.reconcile(source: .rules, active: [other], at: seconds(100)), at: seconds(100))
        #expect(again.story == ["resolved: Down=resolved"])
    }

    @Test func storedStateSurvivesAndIsNotToldAgain() throws {
        let database = try SQLiteDatabase(path: nil)
        let bench = try Bench(configuration(), database: database)
        bench.process([alert(labels)], at: 0)
        let again = try Bench(configuration(), database: database, at: seconds(100))
        again.run(until: 1000)
        #expect(again.delivered.isEmpty)
        again.process([alert(labels, until: 1000)], at: 1000)
        again.run(until: 1100)
        #expect(again.story == ["resolved: Down=resolved"])
    }

    @Test func theNumberOfTheNewsIsOnDiskWithWhatCameOfIt() throws {
        let disk = VirtualDisk(seed: 1, losesPower: false)
        func open() throws -> Bench {
            var settings = SQLiteDatabase.Configuration()
            settings.fileSystem = disk.fileSystem.name
            return try Bench(configuration(), database: try SQLiteDatabase(path: "n.db", configuration: settings))
        }
        let bench = try open()
        bench.perform(bench.engine.process([alert(labels)], number: 7, at: seconds(0)), at: seconds(0))
        #expect(bench.engine.storedReceipt == 7)
        // What is said again has no number, and what is older than what is known changes nothing.
        bench.process([alert(labels)], at: 1)
        bench.perform(bench.engine.process([], number: 3, at: seconds(1)), at: seconds(1))
        #expect(bench.engine.storedReceipt == 7)
        disk.fault = .failing(1)
        bench.perform(bench.engine.process([alert(labels, until: 2)], number: 8, at: seconds(2)), at: seconds(2))
        #expect(bench.engine.storedReceipt == 7)
        disk.fault = .none
        bench.run(until: 10)
        #expect(bench.engine.storedReceipt == 8)
        disk.crash(power: false)
        #expect(try open().engine.storedReceipt == 8)
    }
}

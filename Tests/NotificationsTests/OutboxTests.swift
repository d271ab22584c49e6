// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import Notifications
import SQLiteClient
import TestSupport
import Testing
import TimeSeries

/// When what failed is tried again, and when it is given up.
@Suite struct OutboxTests {
    private let down = [alert([("alertname", "Down")])]

    private func bench(_ answer: @escaping (Int) -> DeliveryOutcome) throws -> Bench {
        let bench = try Bench(configuration(repeatInterval: 1_000_000))
        var count = 0
        bench.answer = { _ in
            count += 1
            return answer(count)
        }
        bench.process(down, at: 0)
        return bench
    }

    private func waits(_ bench: Bench) -> [Double] {
        let times = bench.attempts.map { Double($0.startedAt.milliseconds - seconds(0).milliseconds) / 1000 }
        return zip(times.dropFirst(), times).map { $0 - $1 }
    }

    /// The bench's randomness stands in the middle, so that the spread is nothing.
    @Test(
        arguments: [
            .failed(reason: "connect_refused", text: ""), .answered(status: 500, retryAfter: nil, body: []),
            .answered(status: 503, retryAfter: "nonsense", body: []),
            .answered(status: 429, retryAfter: "-1", body: []),
            .answered(status: 408, retryAfter: nil, body: []), .answered(status: 302, retryAfter: nil, body: []),
            .answered(status: 307, retryAfter: nil, body: []), .answered(status: 100, retryAfter: nil, body: []),
        ] as [DeliveryOutcome]
    )
    func whatMayPassIsTriedWithoutEnd(outcome: DeliveryOutcome) throws {
        let bench = try bench { _ in outcome }
        bench.run(until: 600)
        #expect(Array(waits(bench).prefix(8)) == [1, 2, 5, 10, 30, 60, 60, 60])
        bench.run(until: 3 * 86_400)
        #expect(bench.engine.outboxItems.count == 1 && bench.engine.deadLetterItems.isEmpty)
    }

    @Test(arguments: [("30", 30.0), ("1", 1), ("0", 1), ("99999", 3600), ("1000000000000000000", 3600)])
    func retryAfterWins(text: String, wait: Double) throws {
        let bench = try bench { $0 == 1 ? .answered(status: 429, retryAfter: text, body: []) : .accepted }
        bench.run(until: 4000)
        #expect(waits(bench) == [wait])
    }

    @Test func retryAfterMayBeADate() throws {
        // The bench begins on Tuesday, 1 September 2026, 00:00 UTC.
        let bench = try bench {
            $0 == 1 ? .answered(status: 503, retryAfter: "Tue, 01 Sep 2026 00:00:45 GMT", body: []) : .accepted
        }
        bench.run(until: 4000)
        #expect(waits(bench) == [45])
    }

    @Test(arguments: [400, 401, 403, 404, 413, 422])
    func refusedIsAskedEveryMinuteAndGivenUpAfterADay(status: Int) throws {
        let bench = try bench { _ in .answered(status: status, retryAfter: nil, body: Array("no".utf8)) }
        bench.run(until: 86_400 - 1)
        #expect(bench.engine.deadLetterItems.isEmpty)
        #expect(Set(waits(bench)) == [60])
        bench.run(until: 86_400 + 120)
        let dead = try #require(bench.engine.deadLetterItems.first)
        #expect(dead.lastReason == (status == 400 || status > 404 ? "http_4xx" : "http_\(status)"))
        #expect(dead.lastError == "status \(status): no")
        #expect(bench.engine.outboxItems.isEmpty)
        #expect(try bench.history(.deadLetter).count == 1)
        #expect(try bench.history(.failed).count == 1)
        #expect(bench.engine.takeEvents().map(\.kind) == [.failed, .deadLetter])
        #expect(bench.engine.takeEvents().isEmpty)
    }

    @Test func repeatingDoesNotPutOffTheEnd() throws {
        let bench = try Bench(configuration(repeatInterval: 3600))
        bench.answer = { _ in .answered(status: 401, retryAfter: nil, body: []) }
        bench.process(down, at: 0)
        bench.run(until: 86_400 + 120)
        #expect(bench.engine.deadLetterItems.count == 1)
        #expect(bench.attempts.count <= 1443)
    }

    @Test func goneIsADeadLetterAtOnceAndCanBeReplayed() throws {
        let bench = try bench { $0 == 1 ? .answered(status: 410, retryAfter: nil, body: []) : .accepted }
        let dead = try #require(bench.engine.deadLetterItems.first)
        #expect(dead.lastReason == "http_410" && bench.attempts.count == 1)
        #expect(bench.engine.replay(dead.id, at: seconds(10)))
        bench.run(until: 11)
        #expect(bench.attempts.count == 2 && bench.attempts[1].notificationID == dead.notificationID)
        #expect(bench.engine.deadLetterItems.isEmpty && !bench.engine.replay(dead.id, at: seconds(12)))
    }

    @Test func refusedBodyDoesNotHoldUpTheResolve() throws {
        let bench = try Bench(configuration())
        var count = 0
        bench.answer = { _ in
            count += 1
            return count == 1
                ? .answered(status: 400, retryAfter: nil, body: []) : .answered(status: 200, retryAfter: nil, body: [])
        }
        bench.process(down, at: 0)
        bench.process([alert([("alertname", "Down")], until: 100)], at: 100)
        bench.run(until: 400)
        #expect(Set(bench.story) == ["firing: Down=firing", "resolved: Down=resolved"])
    }

    @Test func slackSaysNoWithStatus200AndNobodyElseDoes() throws {
        let slack = Integration(.slack(SlackSettings(url: Secret("https://hooks.example/x"))))
        for receiver in [Receiver(name: "s", integrations: [slack]), webhook()] {
            let bench = try Bench(configuration(receivers: [receiver]))
            let body = Array(#"{"ok":false,"error":"channel_not_found"}"#.utf8)
            bench.answer = { _ in .answered(status: 200, retryAfter: nil, body: body) }
            bench.process(down, at: 0)
            #expect(bench.engine.outboxItems.map(\.lastReason) == (receiver.name == "s" ? ["refused"] : []))
        }
    }

    @Test func newsReplaceWhatTheyRepeatButNeverAFiringByItsResolve() throws {
        let bench = try Bench(configuration(groupBy: .labels([]), interval: 1))
        bench.answer = { _ in .failed(reason: "connect_refused", text: "") }
        bench.process([alert([("alertname", "A")])], at: 0)
        bench.process([alert([("alertname", "B")], from: 2)], at: 2)
        bench.process([alert([("alertname", "C")], from: 4)], at: 4)
        #expect(bench.engine.outboxItems.map { $0.firing.count } == [3])
        bench.process(["A", "B", "C"].map { alert([("alertname", $0)], until: 6) }, at: 6)
        #expect(bench.engine.outboxItems.map { "\($0.status)" } == ["firing", "resolved"])
        bench.answer = { _ in .answered(status: 200, retryAfter: nil, body: []) }
        bench.run(until: 120)
        #expect(bench.story == ["firing: A=firing B=firing C=firing", "resolved: A=resolved B=resolved C=resolved"])
        #expect(try bench.history(.merged).count == 2)
    }

    @Test func aDestinationThatFailsIsAskedByOneAtATime() throws {
        let bench = try Bench(configuration(groupBy: .all))
        bench.answer = { _ in .failed(reason: "connect_refused", text: "") }
        bench.process((0..<200).map { alert([("alertname", "A"), ("n", "\($0)")]) }, at: 0)
        bench.run(until: 60)
        #expect(bench.attempts.count < 40, "\(bench.attempts.count) attempts")
        bench.answer = { _ in .answered(status: 200, retryAfter: nil, body: []) }
        bench.run(until: 80)
        #expect(bench.delivered.count == 200)
    }

    @Test func fortyEventsArriveInOrderAfterAnOutage() throws {
        let bench = try Bench(configuration(groupBy: .all, interval: 1))
        bench.answer = { _ in .failed(reason: "connect_refused", text: "") }
        for number in 0..<30 {
            bench.process([alert([("alertname", "A\(number)")], from: Double(number))], at: Double(number))
        }
        for number in 0..<10 {
            bench.process([alert([("alertname", "A\(number)")], from: Double(number), until: 300)], at: 300)
        }
        bench.run(until: 600)
        bench.answer = { _ in .answered(status: 200, retryAfter: nil, body: []) }
        bench.run(until: 630)
        #expect(bench.delivered.count == 40)
        for number in 0..<10 {
            let own = bench.story.filter { $0.contains(" A\(number)=") }
            #expect(own == ["firing: A\(number)=firing", "resolved: A\(number)=resolved"])
        }
    }

    @Test func fullOutboxGivesUpTheOldest() throws {
        var configuration = configuration(groupBy: .all)
        configuration.limits.outboxItems = 10
        configuration.limits.deadLetters = 5
        let bench = try Bench(configuration)
        bench.answer = { _ in .failed(reason: "connect_refused", text: "") }
        bench.process((0..<30).map { alert([("alertname", "A"), ("n", "\($0)")]) }, at: 0)
        #expect(bench.engine.outboxItems.count == 10 && bench.engine.deadLetterItems.count == 5)
        #expect(bench.engine.statistics.deadLettered["webhook"] == 20)
    }

    @Test func alertsBeyondTheLimitAreRefusedAndCounted() throws {
        var configuration = configuration()
        configuration.limits.alerts = 3
        let bench = try Bench(configuration)
        bench.process((0..<5).map { alert([("alertname", "A\($0)")]) }, at: 0)
        #expect(bench.delivered.count == 3)
        #expect(bench.engine.statistics.alertsDropped["limit"] == 2)
        #expect(try bench.history(.dropped).count == 2)
    }

    @Test func aClockSetBackDelaysNothing() throws {
        let bench = try Bench(configuration())
        bench.answer = { _ in .failed(reason: "connect_refused", text: "") }
        bench.process(down, at: 0)
        bench.perform(bench.engine.tick(at: seconds(-7200)), at: seconds(-7200))
        bench.answer = { _ in .answered(status: 200, retryAfter: nil, body: []) }
        bench.run(until: -7200 + 61)
        #expect(bench.story == ["firing: Down=firing"])
        bench.process([alert([("alertname", "Down")], until: -7100)], at: -7100)
        bench.run(until: -7000)
        #expect(bench.story.last == "resolved: Down=resolved")
    }

    @Test func tenThousandAlertsAreHandedOverWhole() throws {
        let folder = try TemporaryDirectory("storm")
        for grouping in [RouteConfiguration.Grouping.labels(["alertname"]), .all] {
            let database = try SQLiteDatabase(path: folder.path("\(grouping == .all).db"))
            let bench = try Bench(configuration(groupBy: grouping), database: database)
            let alerts = (0..<10_000).map {
                alert([("alertname", "Storm"), ("instance", "host-\($0)"), ("severity", "page")])
            }
            #expect(!bench.engine.process(alerts, at: seconds(0)).isEmpty)
            let items = bench.engine.outboxItems
            #expect(items.reduce(0) { $0 + $1.firing.count } == 10_000, "none twice")
            #expect(items.reduce(into: Set<UInt64>()) { $0.formUnion($1.firing) }.count == 10_000, "none lost")
        }
    }
}

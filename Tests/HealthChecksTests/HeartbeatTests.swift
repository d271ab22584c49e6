// SPDX-License-Identifier: Apache-2.0

import Calendar
import Foundation
import HealthChecks
import Testing

@Suite struct HeartbeatTests {
    private let hour: Int64 = 3_600_000

    @Test func aJobWithAPeriodGoesOverGraceToDown() {
        var beat = HeartbeatMachine(schedule: .period(.seconds(3_600)), grace: .seconds(600))
        #expect(beat.advance(to: 100 * hour) == nil, "never heard of is not late")
        #expect(beat.receive(.success, at: 0)?.to == .up)
        #expect(beat.advance(to: hour - 1) == nil)
        #expect(beat.advance(to: hour)?.to == .grace)
        #expect(beat.advance(to: hour + 599_999) == nil)
        #expect(beat.advance(to: hour + 600_000)?.to == .down)
        #expect(beat.receive(.success, at: 2 * hour)?.from == .down)
    }

    @Test func aFailureIsDownAtOnceAndALogChangesNothing() throws {
        var beat = HeartbeatMachine(schedule: .period(.seconds(3_600)), grace: .seconds(600))
        #expect(beat.receive(.log, at: 0) == nil)
        #expect(beat.state == .new)
        _ = beat.receive(.exitStatus(0), at: 1)
        #expect(beat.state == .up)
        let answer = beat.receive(.exitStatus(2), at: 2)
        let failed = try #require(answer)
        #expect(failed.to == .down && failed.wasReported)
        #expect(beat.receive(.failure, at: 3) == nil, "down already")
    }

    @Test func aRunThatDoesNotEndInTimeIsDown() {
        var beat = HeartbeatMachine(schedule: .period(.seconds(86_400)), grace: .seconds(600))
        _ = beat.receive(.success, at: 0)
        _ = beat.receive(.start, at: hour)
        #expect(beat.advance(to: hour + 599_999) == nil)
        #expect(beat.advance(to: hour + 600_000)?.to == .down)
        _ = beat.receive(.start, at: 2 * hour)
        _ = beat.receive(.success, at: 2 * hour + 5_000)
        #expect(beat.state == .up && beat.lastDuration == .seconds(5))
    }

    @Test func overlappingRunsAreTimedEach() {
        var beat = HeartbeatMachine(schedule: .period(.seconds(86_400)), grace: .seconds(600))
        _ = beat.receive(.start, run: "a", at: 0)
        _ = beat.receive(.start, run: "b", at: 1_000)
        _ = beat.receive(.success, run: "a", at: 3_000)
        #expect(beat.lastDuration == .seconds(3))
        _ = beat.receive(.success, run: "b", at: 9_000)
        #expect(beat.lastDuration == .seconds(8))
    }

    @Test(arguments: [
        ("/ping/a", HeartbeatRequest.Name.id("a"), HeartbeatSignal.success),
        ("/ping/0cb9aa22-2e0b-4d62-9f3b-111111111111/start", .id("0cb9aa22-2e0b-4d62-9f3b-111111111111"), .start),
        ("/ping/a/fail", .id("a"), .failure), ("/ping/a/log", .id("a"), .log), ("/ping/a/0", .id("a"), .exitStatus(0)),
        ("/ping/a/255", .id("a"), .exitStatus(255)),
        ("/ping/key/nightly", .slug(key: "key", slug: "nightly"), .success),
        ("/ping/key/nightly/3", .slug(key: "key", slug: "nightly"), .exitStatus(3)),
    ])
    func addressesAreRead(target: String, name: HeartbeatRequest.Name, signal: HeartbeatSignal) throws {
        let request = try HeartbeatRequest(target: target)
        #expect(request.name == name && request.signal == signal)
    }

    @Test(arguments: [
        ("/ping/a/256", HeartbeatRequest.Problem.invalid), ("/ping/a?rid=nope", .invalid), ("/ping/", .notFound),
        ("/pong/a", .notFound), ("/ping/a/b/c/d", .notFound), ("/ping//start", .notFound),
        ("/ping/k/s/later", .notFound),
        ("/ping/a/99999999999999999999", .invalid), ("", .notFound),
    ])
    func wrongAddressesAreRefused(target: String, problem: HeartbeatRequest.Problem) {
        #expect(throws: problem) { try HeartbeatRequest(target: target) }
    }

    @Test func aRunIdentifierPairsRequests() throws {
        let request = try HeartbeatRequest(target: "/ping/a/start?rid=0CB9AA22-2e0b-4d62-9f3b-111111111111&x=1")
        #expect(request.run == "0cb9aa22-2e0b-4d62-9f3b-111111111111")
    }
}

@Suite struct CronScheduleTests {
    private static func seconds(_ text: String) throws -> Int64 {
        Int64(try Date(text, strategy: .iso8601).timeIntervalSince1970)
    }

    private static func berlin() throws -> TimeZoneRules {
        let data = try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Berlin"))
        return try TimeZoneRules(tzif: Array(data))
    }

    @Test(arguments: [
        ("*/15 * * * *", "2026-05-01T10:07:30Z", "2026-05-01T10:15:00Z"),
        ("0 2 * * *", "2026-05-01T02:00:00Z", "2026-05-02T02:00:00Z"),
        ("30 4 1 * 5", "2026-05-02T00:00:00Z", "2026-05-08T04:30:00Z"),
        ("0 0 29 feb *", "2026-05-02T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 12 L * *", "2026-02-01T00:00:00Z", "2026-02-28T12:00:00Z"),
        ("0 9 * * fri#2", "2026-05-01T00:00:00Z", "2026-05-08T09:00:00Z"),
        ("0 0 * * 7", "2026-05-01T00:00:00Z", "2026-05-03T00:00:00Z"),
        ("5,35 8-10/2 * * mon-fri", "2026-05-01T10:35:00Z", "2026-05-04T08:05:00Z"),
        ("@monthly", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
        ("0 0 13 * */2", "2026-05-01T00:00:00Z", "2026-06-13T00:00:00Z"),
    ])
    func theNextTimeInUTC(expression: String, after: String, expected: String) throws {
        let next = try CronSchedule(expression).next(after: Self.seconds(after), in: .utc)
        #expect(try next == Self.seconds(expected))
    }

    @Test(arguments: [
        // the clock goes from 02:00 to 03:00 on 2026-03-29
        ("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("30 2 * * *", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"),
        ("30 * * * *", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),
        // and from 03:00 back to 02:00 on 2026-10-25
        ("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("30 * * * *", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        // far beyond the transitions that files list
        ("0 12 * * *", "2089-07-01T12:00:00Z", "2089-07-02T10:00:00Z"),
        ("0 12 * * *", "2089-01-01T12:00:00Z", "2089-01-02T11:00:00Z"),
    ])
    func clockChangesAreSurvived(expression: String, after: String, expected: String) throws {
        let next = try CronSchedule(expression).next(after: Self.seconds(after), in: Self.berlin())
        #expect(
            try next == Self.seconds(expected),
            "\(next.map { Date(timeIntervalSince1970: Double($0)) } ?? .distantPast)"
        )
    }

    @Test(arguments: [
        "", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *",
        "*/x * * * *", "1,,2 * * * *", "* * * * mon#6", "a * * * *", "- * * * *", "/ * * * *",
    ])
    func wrongExpressionsAreRefused(expression: String) {
        #expect(throws: CronSchedule.Problem.self) { try CronSchedule(expression) }
    }

    @Test func anExpressionThatNeverMatchesEnds() throws {
        #expect(try CronSchedule("0 0 31 feb *").next(after: 1_800_000_000, in: .utc) == nil)
    }

    @Test(arguments: [
        "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC",
        "Africa/Casablanca", "Pacific/Apia", "America/St_Johns", "Europe/Dublin",
    ])
    func offsetsAreThoseOfFoundation(zone: String) throws {
        let path = "/usr/share/zoneinfo/\(zone)"
        let rules = try TimeZoneRules(tzif: Array(Data(contentsOf: URL(fileURLWithPath: path))))
        let expected = try #require(TimeZone(identifier: zone))
        var random = SeededRandom(seed: 7)
        for _ in 0..<2_000 {
            let time = Int64.random(in: 0...2_100_000_000, using: &random)
            let offset = expected.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time)))
            #expect(rules.offset(at: time) == Int64(offset), "\(zone) at \(time)")
        }
    }

    @Test func brokenZoneFilesAreRefused() throws {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Berlin")))
        for length in 0..<(bytes.count - 40) {
            #expect(throws: TimeZoneRules.Unreadable.self) { try TimeZoneRules(tzif: Array(bytes.prefix(length))) }
        }
        var random = SeededRandom(seed: 11)
        for _ in 0..<2_000 {
            var broken = bytes
            for _ in 0..<8 {
                broken[Int.random(in: 0..<broken.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let rules = try? TimeZoneRules(tzif: broken) {
                _ = rules.offset(at: Int64.random(in: 0...4_000_000_000, using: &random))
            }
        }
    }
}

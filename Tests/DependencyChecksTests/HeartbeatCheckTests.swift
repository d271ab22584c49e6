// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import HealthChecks
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HeartbeatCheckTests {
    private final class Time: Sendable {
        let seconds = Mutex(1_000_000.0)
    }

    private let fixture: CheckFixture
    private let board = HeartbeatBoard()
    private let time = Time()

    init() throws {
        fixture = try CheckFixture()
    }

    private var environment: CheckEnvironment {
        var environment = fixture.environment
        environment.heartbeats = board
        environment.unixTime = { [time] in time.seconds.withLock { $0 } }
        return environment
    }

    private func definition(_ name: String, key: String? = nil) -> HeartbeatDefinition {
        HeartbeatDefinition(name: name, key: key, schedule: .period(.seconds(60)), grace: .seconds(30))
    }

    private func send(_ target: String, after seconds: Double = 0) throws -> HeartbeatBoard.Reception {
        let now = time.seconds.withLock { now in
            now += seconds
            return now
        }
        return board.receive(try HeartbeatRequest(target: target), body: [], at: Int64(now * 1_000))
    }

    @Test
    func `a job is unknown, in time, late, missing, failed and back`() async throws {
        let check = try HeartbeatCheck(definition("backup"), in: environment)
        #expect(await check.check(deadline: .seconds(1)).reason == .pending)
        _ = try send("/ping/backup/start")
        #expect(await check.check(deadline: .seconds(1)).value("hc_check_started", ["name": "backup"]) == 1)
        _ = try send("/ping/backup", after: 12)
        let good = await check.check(deadline: .seconds(1))
        #expect(good.verdict == .up)
        #expect(good.value("hc_check_up") == 1)
        #expect(good.value("heartbeat_last_duration_seconds") == 12)
        #expect(good.value("heartbeat_due_timestamp_seconds") == 1_000_072)
        time.seconds.withLock { $0 += 61 }
        #expect(await check.check(deadline: .seconds(1)).verdict == .degraded)
        time.seconds.withLock { $0 += 30 }
        let missing = await check.check(deadline: .seconds(1))
        #expect(missing.reason == .heartbeat)
        #expect(missing.text == "overdue beyond its grace")
        #expect(missing.value("hc_check_up") == 0)
        _ = try send("/ping/backup/3")
        #expect(await check.check(deadline: .seconds(1)).text == "reported failure")
        _ = try send("/ping/backup/0")
        #expect(await check.check(deadline: .seconds(1)).verdict == .up)
    }

    @Test
    func `keys, names and strangers are told apart`() throws {
        for name in ["a", "b"] { _ = try HeartbeatCheck(definition(name, key: "shared"), in: environment) }
        _ = try HeartbeatCheck(definition("c", key: "s3cret"), in: environment)
        #expect(try send("/ping/shared") == .ambiguous)
        guard case .accepted("a", _) = try send("/ping/shared/a") else { throw Unexpected() }
        guard case .accepted("c", _) = try send("/ping/s3cret/fail") else { throw Unexpected() }
        #expect(try send("/ping/c") == .unknown, "a job with a key has no other address")
        #expect(try send("/ping/nobody") == .unknown)
        #expect(board.refusedSignals == 2)
        #expect("\(definition("c", key: "s3cret"))" == "heartbeat c")
    }

    @Test
    func `what is known outlives a reload and a restart`() async throws {
        let first = try HeartbeatCheck(definition("backup"), in: environment)
        guard case .accepted(_, let record) = try send("/ping/backup") else { throw Unexpected() }
        var changed = definition("backup")
        changed.grace = .seconds(5)
        let second = try HeartbeatCheck(changed, in: environment)
        first.close()
        #expect(await second.check(deadline: .seconds(1)).verdict == .up)
        time.seconds.withLock { $0 += 66 }
        #expect(await second.check(deadline: .seconds(1)).verdict == .down, "the new grace counts")

        let later = HeartbeatBoard()
        later.restore(["backup": record])
        var environment = environment
        environment.heartbeats = later
        let restarted = try HeartbeatCheck(definition("backup"), in: environment)
        #expect(await restarted.check(deadline: .seconds(1)).verdict == .degraded, "6 s late, and told so at once")
    }

    private struct Unexpected: Error {}
}

// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Foundation
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct QueueCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    @Test
    func `a list in Redis is counted, and its oldest job tells its age`() async throws {
        let server = try await RedisServer()
        let then = Date.now.timeIntervalSince1970 - 90
        try await server.command(["LPUSH", "jobs", #"{"id":1,"created_at":\#(then)}"#])
        try await server.command(["LPUSH", "jobs", #"{"id":2,"created_at":\#((then + 60) * 1_000)}"#, "no JSON"])
        try await server.command(["SADD", "workers", "a", "b"])
        try await server.command(["SET", "failures", "7"])
        let check = try redis(server) {
            $0.active = "running"
            $0.failed = "failures"
            $0.workers = "workers"
            $0.time = "created_at"
        }
        let result = await check.check(deadline: .seconds(2))
        #expect(result.verdict == .up, "\(result.text)")
        #expect(result.value("queue_up") == 1)
        #expect(result.value("queue_jobs", ["queue": "mail", "state": "waiting"]) == 3)
        #expect(result.value("queue_jobs", ["state": "active"]) == 0)
        #expect(result.value("queue_jobs", ["state": "failed"]) == 7)
        #expect(result.value("queue_workers") == 2)
        let age = try #require(result.value("queue_oldest_job_age_seconds"))
        #expect((90..<95).contains(age))
        await server.stop()
    }

    @Test
    func `a sorted set's score is a job's time, and limits have a reason`() async throws {
        let server = try await RedisServer()
        let then = Date.now.timeIntervalSince1970 - 600
        try await server.command(["ZADD", "jobs", "\(then)", "a", "\(then + 500)", "b"])
        func verdict(_ change: (inout QueueCheckConfiguration) -> Void) async throws -> CheckResult {
            try await redis(server, change) { $0.time = "score" }.check(deadline: .seconds(2))
        }
        #expect(try await verdict { $0.maximumAge = .seconds(700) }.verdict == .up)
        let late = try await verdict { $0.maximumAge = .seconds(300) }
        #expect(late.reason == .threshold)
        #expect(late.text.hasPrefix("the oldest job waits for 60"))
        #expect(try await verdict { $0.warningAge = .seconds(300) }.verdict == .degraded)
        #expect(try await verdict { $0.maximumWaiting = 1 }.reason == .threshold)
        #expect(try await verdict { $0.warningWaiting = 1 }.verdict == .degraded)
        #expect(
            try await verdict { $0.minimumWorkers = 1 }.verdict == .up,
            "workers that nobody counts are not missing"
        )
        await server.stop()
    }

    @Test
    func `a stream's group knows what waits, what is under way and who works`() async throws {
        let server = try await RedisServer()
        for index in 1...5 { try await server.command(["XADD", "jobs", "\(index)000-0", "n", "\(index)"]) }
        try await server.command(["XGROUP", "CREATE", "jobs", "mailers", "0"])
        try await server.command(["XREADGROUP", "GROUP", "mailers", "one", "COUNT", "2", "STREAMS", "jobs", ">"])
        let check = try redis(server) { $0.group = "mailers" }
        let result = await check.check(deadline: .seconds(2))
        #expect(result.verdict == .up, "\(result.text)")
        #expect(result.value("queue_jobs", ["state": "waiting"]) == 3)
        #expect(result.value("queue_jobs", ["state": "active"]) == 2)
        #expect(result.value("queue_workers") == 1)
        let age = try #require(result.value("queue_oldest_job_age_seconds"))
        #expect(abs(age - (Date.now.timeIntervalSince1970 - 3)) < 5, "the third entry is the oldest that waits")
        await server.stop()
    }

    @Test
    func `a missing key is an empty queue, a dead server is not`() async throws {
        let server = try await RedisServer()
        let check = try redis(server) { _ in
        } _: { _ in
        }
        let empty = await check.check(deadline: .seconds(2))
        #expect(empty.verdict == .up)
        #expect(empty.value("queue_jobs", ["state": "waiting"]) == 0)
        await server.stop()
        #expect(await waitUntil(every: .milliseconds(1)) { !fixture.edgeNames.isEmpty })
        let dead = await check.check(deadline: .seconds(1))
        #expect(dead.reason == .connectRefused)
        #expect(dead.value("queue_up") == 0)
    }

    @Test
    func `a query tells what a table holds, and a wrong one is told`() async throws {
        let server = try await PostgresServer()
        try await server.execute(
            """
            CREATE TABLE job (state text, at timestamptz DEFAULT now() - interval '30 s');
            INSERT INTO job (state) VALUES ('waiting'), ('waiting'), ('failed')
            """
        )
        func result(_ query: String, _ change: (inout QueueCheckConfiguration) -> Void = { _ in }) async throws
            -> CheckResult
        {
            let source = QueueCheckConfiguration.PostgresQueue(dsn: server.url, query: query)
            var configuration = QueueCheckConfiguration(queue: "mail", source: .postgres(source))
            change(&configuration)
            let check = try QueueCheck(name: "jobs", configuration, in: fixture.environment)
            defer { check.close() }
            return await check.check(deadline: .seconds(2))
        }
        let query = """
            SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting,
                count(*) FILTER (WHERE state = 'failed') AS failed,
                extract(epoch FROM now() - min(at)) AS oldest_seconds, 'x' AS unknown FROM job
            """
        let good = try await result(query)
        #expect(good.verdict == .up, "\(good.text)")
        #expect(good.value("queue_jobs", ["state": "waiting"]) == 2)
        #expect(good.value("queue_jobs", ["state": "failed"]) == 1)
        #expect(try #require(good.value("queue_oldest_job_age_seconds")) >= 30)
        #expect(try await result(query) { $0.maximumFailed = 0 }.reason == .threshold)
        #expect(try await result("SELECT 1 AS one").reason == .queryFailed)
        #expect(try await result("SELECT nothing FROM nowhere").reason == .queryFailed)
        #expect(try await result("SELECT pg_sleep(5), 1 AS waiting").reason == .timeout)
        #expect(
            try await result("DELETE FROM job RETURNING 1 AS waiting").reason == .readOnly,
            "a check changes nothing"
        )
        await server.stop()
    }

    private func redis(
        _ server: RedisServer,
        _ change: (inout QueueCheckConfiguration) -> Void = { _ in },
        _ keys: (inout QueueCheckConfiguration.RedisQueue) -> Void
    ) throws -> QueueCheck {
        var source = QueueCheckConfiguration.RedisQueue(url: server.url, waiting: "jobs")
        keys(&source)
        var configuration = QueueCheckConfiguration(queue: "mail", source: .redis(source))
        change(&configuration)
        return try QueueCheck(name: "jobs", configuration, in: fixture.environment)
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Faults that last, and what they must not cause meanwhile.
@Suite(
    .serialized,
    .timeLimit(.minutes(10)),
    .enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1", "only in `make chaos`")
)
struct DependencyFaultChaosTests {
    @Test func `a postmaster that is frozen for a minute is found by the next login, and nothing piles up`()
        async throws
    {
        let server = try await PostgresServer()
        let watch = try await FaultWatch("postgres: { dsn: \"\(server.url)\" }")
        server.suspend()
        let frozen = ContinuousClock.now
        // its backend still answers: that nobody gets in is seen when the next login is due, after 10 s at the latest
        let isTold = await waitUntil(deadline: .seconds(15), every: .milliseconds(20)) {
            await watch.seen()?.reason == "timeout"
        }
        #expect(isTold)
        #expect(ContinuousClock.now - frozen < .seconds(11))
        var most = 0
        while ContinuousClock.now - frozen < .seconds(60) {
            let words = ["-Htn", "state", "established", "dport", "= :\(server.port)"]
            let sockets = try await ChildProcess.run("ss", words).output.split(separator: "\n").count
            most = max(most, sockets)
            #expect(await watch.seen()?.state == "unhealthy")
            #expect(await statusCode(watch.sidecar.url + "/livez") == 200)
            try await Task.sleep(for: .milliseconds(500))
        }
        #expect(most <= 2, "\(most) connections")
        server.resume()
        let resumed = ContinuousClock.now
        #expect(await waitUntil { await watch.seen()?.state == "healthy" })
        #expect(ContinuousClock.now - resumed < FaultWatch.interval * 2)
        await watch.stop()
        await server.stop()
    }

    @Test func `a wrong password is tried twice a minute, and the right one is found`() async throws {
        let hba = "local all all trust\nhost all all all scram-sha-256\n"
        let server = try await PostgresServer(hba: hba)
        try await server.execute("CREATE ROLE plain LOGIN PASSWORD 'right'")
        let watch = try await FaultWatch(
            "postgres: { dsn: \"postgresql://plain:right@127.0.0.1:\(server.port)/postgres\" }"
        )
        try await server.execute("ALTER ROLE plain PASSWORD 'other'")
        try await server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sidecar'"
        )
        #expect(await waitUntil { await watch.seen()?.reason == "auth" })
        func refusals() -> Int { server.log.components(separatedBy: "password authentication failed").count - 1 }
        let before = refusals()
        try await Task.sleep(for: .seconds(61))
        #expect(refusals() - before <= 2, "\(refusals() - before) in a minute")
        #expect(refusals() - before >= 1, "it is tried again")
        try await server.execute("ALTER ROLE plain PASSWORD 'right'")
        #expect(await waitUntil(deadline: .seconds(31)) { await watch.seen()?.state == "healthy" })
        await watch.stop()
        await server.stop()
    }

    @Test func `twenty immediate restarts are each seen and over within 5 s`() async throws {
        let server = try await PostgresServer()
        let watch = try await FaultWatch("postgres: { dsn: \"\(server.url)\" }")
        for round in 0..<20 {
            await server.stop(SIGQUIT)
            #expect(await waitUntil { await watch.seen()?.state == "unhealthy" }, "round \(round)")
            try await server.start()
            let started = ContinuousClock.now
            #expect(await waitUntil { await watch.seen()?.state == "healthy" }, "round \(round)")
            #expect(ContinuousClock.now - started < .seconds(5), "round \(round)")
        }
        await watch.stop()
        await server.stop()
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Dependencies that refuse, hang and flap, and what probes say meanwhile.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct HangingDependencyTests {
    @Test func `while PostgreSQL and Redis hang, probes answer and nothing piles up`() async throws {
        try await HangingDependencies(seconds: 3).run()
    }

    @Test func `a refused dependency fails readiness within a second, and never liveness`() async throws {
        let postgres = try await PostgresServer()
        let sidecar = try await RunningSidecar(
            configuration: """
                health_checks:
                  - { name: database, postgres: { dsn: "\(postgres.url)" }, interval: 500ms, timeout: 400ms, rise: 1 }
                web: { drain_delay: 0s }
                """
        )
        #expect(await waitUntil { await statusCode(sidecar.url + "/readyz") == 200 })
        await postgres.stop()
        let stopped = ContinuousClock.now
        #expect(await waitUntil { await statusCode(sidecar.url + "/readyz") == 503 })
        let took = ContinuousClock.now - stopped
        #expect(took < .seconds(1), "\(took)")
        let said = try await waitUntil {
            try await HTTPGet(sidecar.url + "/readyz").text.hasPrefix("connect_refused: database\n")
        }
        #expect(said)
        #expect(await statusCode(sidecar.url + "/livez") == 200)
        try await postgres.start()
        #expect(await waitUntil(deadline: .seconds(3)) { await statusCode(sidecar.url + "/readyz") == 200 })
    }

    @Test func `a dependency that flaps changes readiness only after its thresholds`() async throws {
        let application = try HTTPReceiver { _ in HTTPAnswer(200, "ok") }
        let sidecar = try await RunningSidecar(
            configuration: """
                health_checks:
                  - { name: app, http: { url: "\(application.url)/" }, interval: 100ms, fall: 3, rise: 2 }
                web: { drain_delay: 0s }
                """
        )
        #expect(await waitUntil { await statusCode(sidecar.url + "/readyz") == 200 })
        // one good answer after every two bad ones never makes three in a row
        let start = application.requests.count
        application.answer { _ in HTTPAnswer(application.requests.count % 3 == 0 ? 200 : 500, "") }
        var statuses: Set<Int> = []
        _ = await waitUntil {
            if let status = await statusCode(sidecar.url + "/readyz") { statuses.insert(status) }
            return application.requests.count >= start + 20
        }
        #expect(statuses == [200])
        application.answer { _ in HTTPAnswer(500, "") }
        #expect(await waitUntil { await statusCode(sidecar.url + "/readyz") == 503 })
        // and one good answer between bad ones never makes two in a row
        let failed = application.requests.count
        application.answer { _ in HTTPAnswer(application.requests.count % 2 == 0 ? 200 : 500, "") }
        statuses = []
        _ = await waitUntil {
            if let status = await statusCode(sidecar.url + "/readyz") { statuses.insert(status) }
            return application.requests.count >= failed + 12
        }
        #expect(statuses == [503])
        application.answer { _ in HTTPAnswer(200, "ok") }
        #expect(await waitUntil { await statusCode(sidecar.url + "/readyz") == 200 })
    }
}

/// The same for a minute.
@Suite(
    .serialized,
    .timeLimit(.minutes(10)),
    .enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1", "only in `make chaos`")
)
struct HangingDependencyChaosTests {
    @Test func `while PostgreSQL and Redis hang for a minute, probes answer and nothing piles up`() async throws {
        try await HangingDependencies(seconds: 60).run()
    }
}

private struct HangingDependencies {
    let seconds: Int

    func run() async throws {
        let postgres = try await PostgresServer(settings: ["log_connections": "on"])
        let redis = try await RedisServer()
        let sidecar = try await RunningSidecar(
            configuration: """
                health_checks:
                  - { name: database, postgres: { dsn: "\(postgres.url)" }, interval: 500ms, timeout: 400ms, rise: 1 }
                  - { name: cache, redis: { url: "\(redis.url)" }, interval: 500ms, timeout: 400ms, rise: 1 }
                web: { drain_delay: 0s }
                """
        )
        #expect(await waitUntil { await statusCode(sidecar.url + "/readyz") == 200 })
        let before = logins(postgres)
        postgres.suspendAll()
        redis.suspend()
        let hung = ContinuousClock.now
        #expect(await waitUntil { await statusCode(sidecar.url + "/readyz") == 503 })
        #expect(ContinuousClock.now - hung < .seconds(2))
        #expect(try await HTTPGet(sidecar.url + "/readyz").text.hasPrefix("timeout: cache, database\n"))

        let half = max(1, seconds / 2)
        let alive = try await load(sidecar.url + "/livez", connections: 4, seconds: half)
        #expect(!alive.report.contains("Non-2xx") && !alive.report.contains("Socket errors"), "\(alive.report)")
        #expect(alive.requests > 100 * half && alive.p99 <= 50, "\(alive.report)")
        let ready = try await load(sidecar.url + "/readyz", connections: 50, seconds: seconds - half)
        #expect(ready.report.contains("Non-2xx or 3xx responses: \(ready.requests)\n"), "\(ready.report)")
        #expect(ready.requests > 1_000 * (seconds - half) && ready.p99 <= 100, "\(ready.report)")

        // the check's connection, and at most one login beside it
        for port in [postgres.port, redis.port] {
            let sockets = try await ChildProcess.run("ss", ["-Htn", "state", "established", "dport", "= :\(port)"])
            #expect(sockets.output.split(separator: "\n").count <= 2, "\(sockets.output)")
        }
        postgres.resume()
        redis.resume()
        let resumed = ContinuousClock.now
        #expect(await waitUntil { await statusCode(sidecar.url + "/readyz") == 200 })
        #expect(ContinuousClock.now - resumed < .milliseconds(1_500))
        // one attempt an interval at most, whatever the probes ask
        let attempts = logins(postgres) - before
        #expect(attempts <= 2 * (seconds + 5), "\(attempts) logins")
    }

    private func logins(_ postgres: PostgresServer) -> Int {
        postgres.log.split(separator: "\n").filter { $0.contains("connection received") }.count
    }

    private func load(
        _ url: String,
        connections: Int,
        seconds: Int
    ) async throws -> (requests: Int, p99: Double, report: String) {
        let words = ["-t1", "-c\(connections)", "-d\(seconds)s", "--latency", url]
        let report = try await ChildProcess.run("wrk", words, deadline: .seconds(seconds + 10)).output
        var (requests, p99) = (0, Double.infinity)
        for line in report.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if line.contains("requests in"), let count = fields.first.flatMap({ Int($0) }) { requests = count }
            guard fields.first == "99%", let text = fields.last,
                let value = Double(text.prefix { $0.isNumber || $0 == "." })
            else { continue }
            p99 = text.hasSuffix("us") ? value / 1_000 : text.hasSuffix("ms") ? value : value * 1_000
        }
        return (requests, p99, report)
    }
}

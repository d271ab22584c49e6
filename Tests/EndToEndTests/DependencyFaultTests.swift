// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Each state that a dependency may be in, through the real scheduler: told by its own reason in time, and over when it is
/// over.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DependencyFaultTests {
    @Test func `PostgreSQL hangs, is slow, refuses, is full, starts, is read-only, locks out`() async throws {
        let hba = "local all all trust\nhost all plain all scram-sha-256\nhost all all all trust\n"
        let server = try await PostgresServer(hba: hba)
        try await server.execute("CREATE ROLE plain LOGIN PASSWORD 'right-S3CRET'")
        let proxy = try SlowProxy(before: server.port)
        let dsn = "postgresql://plain:right-S3CRET@127.0.0.1:\(proxy.port)/postgres"
        let watch = try await FaultWatch("postgres: { dsn: \"\(dsn)\", writable: true, slow_after: 50ms }")
        let kick = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sidecar'"

        try await watch.expect("timeout") {
            server.suspendAll()
        } mend: {
            server.resume()
        }
        try await watch.expect("slow", state: "degraded") {
            proxy.setDelay(.milliseconds(80))
        } mend: {
            proxy.setDelay(.zero)
        }
        try await watch.expect("read_only") {
            try await server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            try await server.execute("SELECT pg_reload_conf()")
        } mend: {
            try await server.execute("ALTER SYSTEM RESET default_transaction_read_only")
            try await server.execute("SELECT pg_reload_conf()")
        }
        try await watch.expect("too_many_connections") {
            try await server.execute("ALTER ROLE plain CONNECTION LIMIT 0")
            try await server.execute(kick)
        } mend: {
            try await server.execute("ALTER ROLE plain CONNECTION LIMIT -1")
        }
        try await watch.expect("starting_up") {
            await server.stop()
            try server.directory.write("", to: "data/standby.signal")
            try await server.start(settings: ["hot_standby": "off"], waits: false)
            #expect(await waitUntil { accepts(port: server.port) })
        } mend: {
            await server.stop()
            try FileManager.default.removeItem(atPath: server.directory.path("data/standby.signal"))
            try await server.start()
        }
        try await watch.expectRefusal(of: "postgres: { dsn: \"\(server.url)\" }") {
            await server.stop()
        } mend: {
            try await server.start()
        }
        try await watch.expect("auth", recoversWithin: nil) {
            try await server.execute("ALTER ROLE plain PASSWORD 'other'")
            try await server.execute(kick)
        } mend: {
        }
        // a wrong password is not tried again and again: the server would lock the account
        let attempts = server.log.components(separatedBy: "password authentication failed").count
        try await Task.sleep(for: .seconds(2))
        #expect(server.log.components(separatedBy: "password authentication failed").count == attempts)
        #expect(!watch.sidecar.process.errorOutput.contains("S3CRET"))
        let pages =
            try await HTTPGet(watch.sidecar.url + "/api/sidecar/checks").text
            + HTTPGet(watch.sidecar.url + "/metrics").text
        #expect(!pages.contains("S3CRET"))
        await watch.stop()
        await server.stop()
    }

    @Test func `Redis hangs, is slow, refuses, loads, is full, a replica, busy, cannot save, locks out`() async throws {
        let server = try await RedisServer(["--busy-reply-threshold", "50", "--enable-debug-command", "yes"])
        let proxy = try SlowProxy(before: server.port)
        let watch = try await FaultWatch(
            "redis: { url: \"redis://127.0.0.1:\(proxy.port)\", writable: true, slow_after: 50ms }"
        )
        try await watch.expect("timeout") {
            server.suspend()
        } mend: {
            server.resume()
        }
        try await watch.expect("slow", state: "degraded") {
            proxy.setDelay(.milliseconds(80))
        } mend: {
            proxy.setDelay(.zero)
        }
        try await watch.expect("read_only") {
            try await server.command(["REPLICAOF", "127.0.0.1", "1"])
        } mend: {
            try await server.command(["REPLICAOF", "NO", "ONE"])
        }
        try await watch.expect("primary_down") {
            try await server.command(["CONFIG", "SET", "replica-serve-stale-data", "no"])
            try await server.command(["REPLICAOF", "127.0.0.1", "1"])
        } mend: {
            try await server.command(["REPLICAOF", "NO", "ONE"])
        }
        try await watch.expect("out_of_memory") {
            try await server.command(["CONFIG", "SET", "maxmemory", "100kb"])
        } mend: {
            try await server.command(["CONFIG", "SET", "maxmemory", "0"])
        }
        var script: ChildProcess?
        try await watch.expect("busy") {
            script = try ChildProcess("redis-cli", ["-p", "\(server.port)", "EVAL", "while true do end", "0"])
        } mend: {
            try await server.command(["SCRIPT", "KILL"])
        }
        _ = script
        try await watch.expect("persistence_failed") {
            try server.directory.write("", to: "dump.rdb/blocked")
            try await server.command(["CONFIG", "SET", "save", "3600 1"])
            try await server.command(["SET", "a", "1"])
            try await server.command(["BGSAVE"])
            #expect(try await waitUntil { try await server.command(["PING"]).hasPrefix("MISCONF") })
        } mend: {
            try FileManager.default.removeItem(atPath: server.directory.path("dump.rdb"))
            try await server.command(["BGSAVE"])
            #expect(try await waitUntil { try await server.command(["PING"]) == "PONG" })
        }
        try await server.command(["DEBUG", "POPULATE", "20000"])
        try await server.command(["SAVE"])
        try await watch.expect("loading") {
            await server.stop()
            try await server.start(["--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"])
        } mend: {
            await server.stop()
            try await server.start()
        }
        try await watch.expectRefusal(of: "redis: { url: \"\(server.url)\" }") {
            await server.stop()
        } mend: {
            try await server.start()
        }
        try await watch.expect("auth", recoversWithin: nil) {
            try await server.command(["CONFIG", "SET", "requirepass", "other"])
            try await server.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"], password: "other")
        } mend: {
        }
        await watch.stop()
        await server.stop()
    }

    @Test func `a web service hangs, is slow, refuses, answers with an error or the wrong words`() async throws {
        let server = try HTTPReceiver { _ in HTTPAnswer(200, "all is well") }
        let watch = try await FaultWatch(
            "http: { url: \"\(server.url)/\", body_matches: [ \"well\" ], slow_after: 50ms }"
        )
        func answer(_ answer: HTTPAnswer) { server.answer { _ in answer } }
        let good: () async throws -> Void = { answer(HTTPAnswer(200, "all is well")) }
        try await watch.expect("timeout", when: { answer(HTTPAnswer(200, ending: .hang)) }, mend: good)
        try await watch.expect(
            "slow",
            state: "degraded",
            when: { answer(HTTPAnswer(200, "well", delay: .milliseconds(80))) },
            mend: good
        )
        try await watch.expect("status_code", when: { answer(HTTPAnswer(503, "well")) }, mend: good)
        try await watch.expect("body_mismatch", when: { answer(HTTPAnswer(200, "ill")) }, mend: good)
        try await watch.expect("connect_refused", when: { server.stop() }, mend: { try server.start() })
        await watch.stop()
        server.stop()
    }
}

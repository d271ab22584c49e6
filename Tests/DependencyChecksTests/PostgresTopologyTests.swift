// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Foundation
import HealthChecks
import TestSupport
import Testing

/// PostgreSQL with a replica, behind a pooler, and over TLS.
@Suite(.timeLimit(.minutes(3)))
struct PostgresTopologyTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    @Test
    func `a replica is not taken for well because its receiver is dead`() async throws {
        let primary = try await PostgresServer(settings: ["wal_level": "replica"])
        let replica = try await StandbyServer(of: primary)
        let watch = try fixture.postgres(replica.url) {
            $0.slowInterval = .milliseconds(1)
            $0.maximumLag = .seconds(3600)
        }
        #expect(await waitUntil { await watch.check(deadline: .seconds(1)).value("pg_wal_receiver_streaming") == 1 })
        let good = await watch.check(deadline: .seconds(2))
        #expect(good.verdict == .up, "\(good.text)")
        #expect(good.value("pg_replication_is_replica") == 1)
        #expect(good.value("pg_replication_lag_seconds") == 0)
        let writable = try fixture.postgres(replica.url) { $0.requiresWritable = true }
        #expect(await writable.check(deadline: .seconds(2)).reason == .readOnly)
        let source = try fixture.postgres(primary.url)
        let isSeen = await waitUntil {
            await source.check(deadline: .seconds(2))
                .value("pg_stat_replication_pg_wal_lsn_diff", ["state": "streaming"]) == 0
        }
        #expect(isSeen)
        #expect(await source.check(deadline: .seconds(2)).value("pg_replication_is_replica") == 0)

        await primary.stop(SIGKILL)
        #expect(
            await waitUntil(deadline: .seconds(5)) { await watch.check(deadline: .seconds(1)).reason == .replication }
        )
        let cut = await watch.check(deadline: .seconds(2))
        #expect(cut.verdict == .degraded)
        #expect(cut.value("pg_wal_receiver_streaming") == 0)
        let lag = try #require(cut.value("pg_replication_lag_seconds"))
        #expect(lag > 0, "received and replayed are equal, and nothing comes any more")
        #expect(await watch.check(deadline: .seconds(2)).value("pg_up") == 1)

        try await primary.start()
        #expect(await waitUntil(deadline: .seconds(15)) { await watch.check(deadline: .seconds(1)).verdict == .up })
        try await replica.restart(settings: ["hot_standby": "off"])
        let starting = await watch.check(deadline: .seconds(1))
        #expect(starting.reason == .startingUp, "\(starting.text)")
        #expect(starting.value("pg_up") == 0)
        await replica.stop()
        await primary.stop()
    }

    @Test
    func `through PgBouncer everything is asked for, and what it says itself is told apart`() async throws {
        let server = try await PostgresServer()
        let pooler = try await PgBouncer(before: server, settings: ["max_client_conn": "3", "query_wait_timeout": "1"])
        let pooled = try fixture.postgres(pooler.url) { $0.statementTimeout = .milliseconds(300) }
        let good = await pooled.check(deadline: .seconds(2))
        #expect(good.verdict == .up, "\(good.text)")
        #expect(good.value("pg_exporter_last_scrape_error") == 0)
        #expect(good.value("pg_settings_max_connections") != nil)
        let nowhere = await (try fixture.postgres(pooler.url(database: "nowhere"))).check(deadline: .seconds(2))
        #expect(nowhere.reason == .missing, "\(nowhere.text)")
        let others = [try fixture.postgres(pooler.url), try fixture.postgres(pooler.url)]
        for other in others { #expect(await other.check(deadline: .seconds(2)).isUp) }
        let crowded = await (try fixture.postgres(pooler.url)).check(deadline: .seconds(2))
        #expect(crowded.reason == .tooManyConnections, "\(crowded.text)")
        for other in others { other.close() }
        server.suspendAll()
        let start = ContinuousClock.now
        #expect(await pooled.check(deadline: .milliseconds(300)).reason == .timeout)
        #expect(ContinuousClock.now - start < .milliseconds(350))
        server.resume()
        #expect(await waitUntil { await pooled.check(deadline: .seconds(1)).isUp })
        await server.stop()
        #expect(await waitUntil { !(await pooled.check(deadline: .seconds(2)).isUp) })
        let down = await (try fixture.postgres(pooler.url)).check(deadline: .seconds(2))
        #expect(down.reason == .connectRefused || down.reason == .timeout, "\(down.text)")
        #expect(down.value("pg_up") == 0)
        try await server.start()
        #expect(await waitUntil(deadline: .seconds(20)) { await pooled.check(deadline: .seconds(1)).isUp })
        await pooler.stop()
        #expect(await pooled.check(deadline: .seconds(1)).reason == .connectRefused)
        await server.stop()
    }

    @Test
    func `TLS is asked for, and wrong certificates are told`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.makeAuthority("stranger")
        let (certificate, key) = try await certificates.make("server", names: "DNS:localhost")
        let client = try await certificates.make("postgres", names: "DNS:client")
        _ = try await ChildProcess.run("chown", ["postgres", key])
        _ = try await ChildProcess.run("chmod", ["600", key])
        let server = try await PostgresServer(
            settings: [
                "ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key, "ssl_ca_file": certificates.authority,
            ],
            hba: "local all all trust\nhostssl all certified all cert map=m\nhostssl all all all trust\n"
        )
        try await server.execute("CREATE ROLE certified LOGIN")
        func result(_ host: String, _ options: String, user: String = "postgres") async throws -> CheckResult {
            let dsn = "host=\(host) port=\(server.port) user=\(user) dbname=postgres \(options)"
            return await (try fixture.postgres(dsn)).check(deadline: .seconds(2))
        }
        let full = "sslmode=verify-full sslrootcert=\(certificates.authority)"
        #expect(try await result("localhost", full).verdict == .up)
        #expect(try await result("127.0.0.1", full).reason == .tls, "another name")
        let stranger = "sslmode=verify-full sslrootcert=\(certificates.directory.path("stranger.pem"))"
        #expect(try await result("localhost", stranger).reason == .tls)
        #expect(try await result("localhost", "sslmode=disable").reason == .auth, "the server wants TLS")
        let mine = "\(full) sslcert=\(client.certificate) sslkey=\(client.key)"
        #expect(try await result("localhost", full, user: "certified").reason == .auth)
        #expect(try await result("localhost", mine).verdict == .up)
        await server.stop()
    }

    @Test(.enabled(if: SmallDisk.isPossible))
    func `a disk without room is told by its own reason, and room is seen at once`() async throws {
        let server = try await PostgresServer()
        let disk = try SmallDisk(bytes: 2 << 20)
        _ = try await ChildProcess.run("chown", ["postgres", disk.path])
        try await server.execute("CREATE TABLESPACE tiny LOCATION '\(disk.path)'")
        try await server.execute("CREATE TABLE filler (text text) TABLESPACE tiny")
        let check = try fixture.postgres(server.url) {
            $0.query = "INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 100)"
        }
        #expect(await check.check(deadline: .seconds(2)).verdict == .up)
        let isTold = await waitUntil { await check.check(deadline: .seconds(2)).reason == .full }
        #expect(isTold)
        try await server.execute("DROP TABLE filler")
        try await server.execute("CREATE TABLE filler (text text) TABLESPACE tiny")
        #expect(await check.check(deadline: .seconds(2)).verdict == .up)
        check.close()
        await server.stop(SIGKILL)
        withExtendedLifetime(disk) {}
    }

    /// Sessions that misbehave, one kind each.
    private static let sessions = [
        // long: holds a row lock while it works
        "BEGIN; UPDATE seat SET taken = 1 WHERE id = 1; SELECT pg_sleep(60);",
        // blocked by it
        "UPDATE seat SET taken = 2 WHERE id = 1;",
        // idle in transaction
        "BEGIN;\nSELECT count(*) FROM seat;\n\\! sleep 60\n",
    ]

    @Test
    func `sessions that are long, idle in a transaction, blocked or deadlocked are measured`() async throws {
        let server = try await PostgresServer(settings: ["deadlock_timeout": "50ms"])
        try await server.execute("CREATE TABLE seat (id int, taken int)")
        try await server.execute("INSERT INTO seat SELECT id, 0 FROM generate_series(1, 4) AS id")
        func session(_ sql: String) throws -> ChildProcess {
            let path = try server.directory.write(sql, to: "session-\(UInt32.random(in: .min ... .max)).sql")
            let words = ["-X", "-h", server.directory.path, "-p", "\(server.port)", "-U", "postgres", "-d", "postgres"]
            return try ChildProcess("psql", words + ["-f", path])
        }
        let check = try fixture.postgres(server.url)
        let calm = await check.check(deadline: .seconds(2))
        #expect(calm.value("pg_long_running_transactions") == 0)
        #expect(calm.value("pg_blocked_sessions") == 0)
        #expect(calm.value("pg_stat_database_deadlocks", ["datname": "postgres"]) == 0)
        var sleepers: [ChildProcess] = []
        for sql in Self.sessions {
            sleepers.append(try session(sql))
            // the first has to hold its lock before the second asks for it
            let isThere = try await waitUntil {
                let query =
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql' AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
                return Int(try await server.execute(query)) == sleepers.count
            }
            #expect(isThere)
        }
        func busy() async -> CheckResult { await check.check(deadline: .seconds(2)) }
        #expect(await waitUntil { await busy().value("pg_blocked_sessions") == 1 })
        #expect(await waitUntil { await busy().value("pg_blocked_sessions_oldest_seconds") ?? 0 > 0.1 })
        let seen = await busy()
        #expect(seen.verdict == .up, "\(seen.text)")
        #expect(seen.value("pg_long_running_transactions") ?? 0 >= 2)
        #expect(seen.value("pg_long_running_transactions_oldest_timestamp_seconds") ?? 0 > 0.1)
        #expect(seen.value("pg_idle_in_transaction_oldest_seconds") ?? 0 > 0)
        let idle: KeyValuePairs = ["state": "idle in transaction", "application_name": "psql"]
        #expect(seen.value("pg_stat_activity_count", idle) == 1)
        #expect(seen.value("pg_locks_count", ["datname": "postgres", "mode": "rowexclusivelock"]) ?? 0 >= 2)
        #expect(seen.value("pg_stat_database_blks_hit", ["datname": "postgres"]) ?? 0 > 0)
        #expect(seen.value("pg_stat_database_blks_read", ["datname": "postgres"]) != nil)
        for sleeper in sleepers { await sleeper.stop(SIGKILL) }

        let crossing = try [(2, 3), (3, 2)].map { first, second in
            try session(
                """
                BEGIN; UPDATE seat SET taken = 1 WHERE id = \(first); SELECT pg_sleep(0.3);
                UPDATE seat SET taken = 1 WHERE id = \(second); COMMIT;
                """
            )
        }
        let isCounted = await waitUntil {
            await busy().value("pg_stat_database_deadlocks", ["datname": "postgres"]) == 1
        }
        #expect(isCounted)
        for process in crossing { await process.stop(SIGKILL) }
        check.close()
        await server.stop(SIGKILL)
    }

    @Test
    func `wraparound, archiver, statements and bloat are measured`() async throws {
        let server = try await PostgresServer(
            settings: [
                "shared_preload_libraries": "pg_stat_statements", "archive_mode": "on", "archive_command": "false",
                "wal_level": "replica",
            ]
        )
        try await server.execute(
            """
            CREATE EXTENSION pg_stat_statements; CREATE TABLE room (id int, name text);
            INSERT INTO room SELECT i, repeat('x', 100) FROM generate_series(1, 20000) AS i;
            """
        )
        try await server.execute("DELETE FROM room WHERE id % 10 <> 0")
        try await server.execute("ANALYZE room")
        try await server.execute("SELECT pg_switch_wal()")
        let check = try fixture.postgres(server.url) {
            $0.collectors.insert(.statements)
            $0.slowInterval = .milliseconds(1)
        }
        #expect(
            await waitUntil { await check.check(deadline: .seconds(2)).value("pg_stat_archiver_failed_count") ?? 0 > 0 }
        )
        let result = await check.check(deadline: .seconds(2))
        #expect(result.verdict == .up, "\(result.text)")
        #expect(result.value("pg_exporter_last_scrape_error") == 0)
        #expect(try #require(result.value("pg_database_wraparound_age_datfrozenxid_seconds")) > 0)
        #expect(result.samples.contains { $0.name == "pg_stat_statements_calls_total" && $0.value >= 1 })
        let size = try #require(result.value("pg_table_bloat_size_bytes", ["relname": "room"]))
        let bloat = try #require(result.value("pg_table_bloat_estimate_bytes", ["relname": "room"]))
        #expect((0.8..<0.97).contains(bloat / size), "nine rows of ten are gone: \(bloat / size)")
        try await server.execute("VACUUM FULL ANALYZE room")
        let after = await check.check(deadline: .seconds(2))
        let smaller = try #require(after.value("pg_table_bloat_size_bytes", ["relname": "room"]))
        let rest = try #require(after.value("pg_table_bloat_estimate_bytes", ["relname": "room"]))
        #expect(rest / smaller < 0.2, "\(rest / smaller)")
        await server.stop()
    }
}

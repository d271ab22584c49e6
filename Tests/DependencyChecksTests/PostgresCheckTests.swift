// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Foundation
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct PostgresCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    @Test
    func `a healthy server yields the exporter's series, each once`() async throws {
        let server = try await PostgresServer(settings: ["max_connections": "42"])
        try await server.execute("CREATE TABLE slots (id int); INSERT INTO slots SELECT generate_series(1, 100)")
        let check = try fixture.postgres(server.url)
        _ = await check.check(deadline: .seconds(5))
        let result = await check.check(deadline: .seconds(5))
        #expect(result.verdict == .up, "\(result.text)")
        #expect(result.value("pg_up") == 1)
        #expect(result.value("pg_settings_max_connections") == 42)
        #expect(result.value("pg_replication_is_replica") == 0)
        #expect(result.value("pg_replication_lag_seconds") == 0)
        #expect((result.value("pg_stat_database_xact_commit", ["datname": "postgres"]) ?? 0) > 0)
        #expect((result.value("pg_database_size_bytes", ["datname": "postgres"]) ?? 0) > 1_000_000)
        #expect((result.value("pg_stat_activity_count", ["application_name": "sidecar"]) ?? 0) >= 1)
        #expect(result.value("pg_locks_count", ["datname": "postgres", "mode": "accessexclusivelock"]) == 0)
        #expect((result.value("pg_wal_segments") ?? 0) >= 1)
        #expect(result.value("pg_stat_user_tables_n_tup_ins", ["relname": "slots"]) != nil)
        #expect(result.value("pg_exporter_last_scrape_error") == 0)
        let failed = result.samples.filter { $0.name == "pg_scrape_collector_success" && $0.value == 0 }
        #expect(failed.isEmpty, "\(failed)")
        let keys = result.samples.map { "\($0.name)\($0.labels.map { $0.name + $0.value })" }
        #expect(Set(keys).count == keys.count)
        let connections = try await server.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sidecar'"
        )
        #expect(connections == "1")
        await server.stop()
    }

    @Test
    func `a server that dies is known at once, refuses, and is seen again when it is back`() async throws {
        let server = try await PostgresServer()
        let check = try fixture.postgres(server.url)
        #expect(await check.check(deadline: .seconds(5)).isUp)
        let killed = ContinuousClock.now
        await server.stop(SIGQUIT)
        #expect(await waitUntil(every: .milliseconds(1)) { !fixture.edgeNames.isEmpty })
        #expect(ContinuousClock.now - killed < .seconds(2))
        #expect(fixture.edgeNames == ["database"])
        let down = await check.check(deadline: .seconds(1))
        #expect(down.reason == .connectRefused)
        #expect(down.value("pg_up") == 0)
        try await server.start()
        #expect(await check.check(deadline: .seconds(5)).isUp)
        await server.stop()
    }

    @Test
    func `a frozen server times out within the deadline, with one connection, and recovers`() async throws {
        let server = try await PostgresServer()
        let check = try fixture.postgres(server.url)
        #expect(await check.check(deadline: .seconds(5)).isUp)
        server.suspendAll()
        for _ in 0..<3 {
            let start = ContinuousClock.now
            let hung = await check.check(deadline: .milliseconds(200))
            #expect(hung.reason == .timeout, "\(hung.text)")
            #expect(ContinuousClock.now - start < .milliseconds(250))
        }
        server.resume()
        #expect(await check.check(deadline: .seconds(1)).isUp, "the first attempt afterwards sees it")
        let connections = try await server.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sidecar'"
        )
        #expect(connections == "1")
        await server.stop()
    }

    @Test
    func `a server that hangs on new logins only is found by the login beside the connection`() async throws {
        let server = try await PostgresServer()
        let check = try fixture.postgres(server.url) { $0.loginInterval = .milliseconds(1) }
        #expect(await check.check(deadline: .seconds(5)).isUp)
        server.suspend()
        let start = ContinuousClock.now
        let hung = await check.check(deadline: .milliseconds(300))
        #expect(hung.reason == .timeout)
        #expect(ContinuousClock.now - start < .milliseconds(350))
        #expect(hung.text == "a new login got no answer")
        server.resume()
        await server.stop()
    }

    @Test
    func `as long as nobody else gets in, the open connection proves nothing`() async throws {
        let server = try await PostgresServer()
        try await server.execute("CREATE ROLE plain LOGIN CONNECTION LIMIT 1")
        let check = try fixture.postgres("postgresql://plain@127.0.0.1:\(server.port)/postgres") {
            $0.loginInterval = .milliseconds(300)
        }
        #expect(await check.check(deadline: .seconds(2)).verdict == .up)
        let isTold = await waitUntil { await check.check(deadline: .seconds(2)).reason == .tooManyConnections }
        #expect(isTold)
        for _ in 0..<3 { #expect(await check.check(deadline: .seconds(2)).reason == .tooManyConnections) }
        try await server.execute("ALTER ROLE plain CONNECTION LIMIT 2")
        #expect(await check.check(deadline: .seconds(2)).verdict == .up, "the first attempt afterwards sees it")
        check.close()
        await server.stop()
    }

    @Test
    func `a backend that is frozen in mid-query times out, and its connection is not used again`() async throws {
        let server = try await PostgresServer()
        let check = try fixture.postgres(server.url) {
            $0.query = "SELECT pg_sleep(1)"
            $0.statementTimeout = .seconds(5)
        }
        #expect(await check.check(deadline: .seconds(5)).verdict == .up)
        let find = "SELECT pid FROM pg_stat_activity WHERE application_name = 'sidecar'"
        let backend = try #require(Int32(try await server.execute(find)))
        let start = ContinuousClock.now
        let attempt = Task { await check.check(deadline: .milliseconds(1_800)) }
        let isAsked = try await waitUntil {
            let asks =
                "SELECT query LIKE '%pg_sleep%' AND state = 'active' FROM pg_stat_activity WHERE pid = \(backend)"
            return try await server.execute(asks) == "t"
        }
        #expect(isAsked)
        kill(backend, SIGSTOP)
        let hung = await attempt.value
        #expect(hung.reason == .timeout, "\(hung.text)")
        #expect(ContinuousClock.now - start < .milliseconds(1_850))
        let next = await check.check(deadline: .seconds(5))
        #expect(next.verdict == .up, "another backend answers: \(next.text)")
        kill(backend, SIGCONT)
        let isAlone = try await waitUntil {
            let backends = try await server.execute(find).split(separator: "\n").compactMap { Int32($0) }
            return backends.count == 1 && backends != [backend]
        }
        #expect(isAlone, "the stuck one finds its client gone")
        check.close()
        await server.stop()
    }

    @Test
    func `full, wrong password, no database, starting and read-only have their own reasons`() async throws {
        let hba = "local all all trust\nhost all guarded all scram-sha-256\nhost all all all trust\n"
        let server = try await PostgresServer(
            settings: ["max_connections": "7", "superuser_reserved_connections": "1"],
            hba: hba
        )
        try await server.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        try await server.execute("CREATE ROLE plain LOGIN")
        let base = "127.0.0.1:\(server.port)"
        let wrong = try fixture.postgres("postgresql://guarded:wr0ng-S3CRET@\(base)/postgres")
        let refused = await wrong.check(deadline: .seconds(2))
        #expect(refused.reason == .auth)
        #expect(!refused.text.contains("S3CRET"))
        #expect(
            try await fixture.postgres("postgresql://guarded@\(base)/postgres").check(deadline: .seconds(2)).reason
                == .auth
        )
        let missing = try fixture.postgres("postgresql://postgres@\(base)/nowhere")
        #expect(await missing.check(deadline: .seconds(2)).reason == .missing)
        let readOnly = try fixture.postgres(
            "postgresql://postgres@\(base)/postgres?options=-cdefault_transaction_read_only%3Don"
        ) {
            $0.requiresWritable = true
        }
        #expect(await readOnly.check(deadline: .seconds(2)).reason == .readOnly)
        readOnly.close()

        // Whoever comes while all slots are taken ends; so there is another one until six sleep.
        var sleepers: [ChildProcess] = []
        let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'plain' AND query LIKE '%pg_sleep%'"
        var isFull = false
        for _ in 0..<200 where !isFull {
            let words = ["-X", "-h", server.directory.path, "-p", "\(server.port)", "-U", "plain", "-d", "postgres"]
            sleepers.append(try ChildProcess("psql", words + ["-c", "SELECT pg_sleep(60)"]))
            isFull = await waitUntil(deadline: .milliseconds(300)) { (try? await server.execute(count)) == "6" }
        }
        try #require(isFull)
        let full = try fixture.postgres("postgresql://plain@\(base)/postgres")
        #expect(await full.check(deadline: .seconds(2)).reason == .tooManyConnections)
        full.close()
        for sleeper in sleepers { await sleeper.stop(SIGKILL) }
        await server.stop(SIGKILL)
    }

    @Test
    func `a statement that waits for a lock ends at its own limit and leaves the server up`() async throws {
        let server = try await PostgresServer()
        try await server.execute("CREATE TABLE locked (id int)")
        let holder = try ChildProcess(
            "psql",
            [
                "-X", "-h", server.directory.path, "-p", "\(server.port)", "-U", "postgres", "-c",
                "BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)",
            ]
        )
        _ = await waitUntil {
            (try? await server.execute("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'")) == "1"
        }
        let byLock = try fixture.postgres(server.url) {
            $0.query = "SELECT count(*) FROM locked"
            $0.lockTimeout = .milliseconds(100)
        }
        #expect(await byLock.check(deadline: .seconds(2)).reason == .busy)
        let byStatement = try fixture.postgres(server.url) {
            $0.query = "SELECT pg_sleep(5)"
            $0.statementTimeout = .milliseconds(100)
        }
        let start = ContinuousClock.now
        #expect(await byStatement.check(deadline: .seconds(2)).reason == .timeout)
        #expect(ContinuousClock.now - start < .seconds(1))
        await holder.stop(SIGKILL)
        await server.stop(SIGKILL)
    }

    @Test
    func `a group that is not allowed fails alone`() async throws {
        let server = try await PostgresServer()
        try await server.execute("CREATE ROLE plain LOGIN")
        let check = try fixture.postgres("postgresql://plain@127.0.0.1:\(server.port)/postgres")
        let result = await check.check(deadline: .seconds(5))
        #expect(result.verdict == .up, "\(result.text)")
        #expect(result.value("pg_scrape_collector_success", ["collector": "wal"]) == 0)
        #expect(result.value("pg_scrape_collector_success", ["collector": "stat_database"]) == 1)
        #expect(result.value("pg_scrape_collector_success", ["collector": "database_wraparound"]) == 1)
        #expect(result.value("pg_exporter_last_scrape_error") == 1)
        await server.stop()
    }

    @Test(arguments: ["", "postgresql://u:S3CRET@[bad", "host=x port"])
    func `a connection string that cannot be read is refused without being shown`(dsn: String) throws {
        if dsn.isEmpty { return }
        let error = #expect(throws: CheckConfigurationError.self) { try fixture.postgres(dsn) }
        #expect(error?.description.contains("S3CRET") == false)
    }
}

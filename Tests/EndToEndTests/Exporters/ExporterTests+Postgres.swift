// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The exporter's own metrics and those of the queries that Debian ships beside it.
extension ExporterTests {
    @Test func `postgres_exporter`() async throws {
        let server = try await PostgresServer(
            settings: ["archive_mode": "on", "archive_command": "true", "deadlock_timeout": "50ms"]
        )
        try await server.execute("CREATE DATABASE shop")
        for statement in Self.workload { try await server.execute(statement) }
        _ = try? await server.execute("SELECT 1 / 0")
        let standby = try await StandbyServer(of: server)
        try await server.execute("SELECT pg_create_physical_replication_slot('spare', true)")
        let sessions = try [
            session(server, "BEGIN; LOCK TABLE seats IN SHARE ROW EXCLUSIVE MODE; \\! sleep 1000"),
            session(server, "BEGIN; SELECT count(*) FROM pg_class; \\! sleep 1000", database: "shop"),
            session(server, "SELECT pg_sleep(1000)", database: "shop"),
        ]
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql' AND pid <> pg_backend_pid()"
        #expect(try await waitUntil { try await server.execute(busy) == "\(sessions.count)" })
        let archived = "SELECT archived_count > 0 FROM pg_stat_archiver"
        #expect(try await waitUntil { try await server.execute(archived) == "t" })
        try await compare(server.url, names: 57, series: 200)
        for process in sessions { await process.stop(SIGKILL) }
        // before it has replayed a transaction, a replica lags since its start here, and by nothing there
        try await server.execute("UPDATE seats SET taken = 2 WHERE seat = 300")
        // what a replica says of itself
        try await compare(standby.url, names: 54, series: 150)
        await standby.stop()
        await server.stop()
    }

    /// Something of everything: rows read and changed, temporary files, vacuums, segments of the log.
    private static let workload = [
        "CREATE TABLE seats (seat int PRIMARY KEY, taken int); INSERT INTO seats SELECT generate_series(1, 500), 0",
        "UPDATE seats SET taken = 1 WHERE seat < 100", "DELETE FROM seats WHERE seat > 450",
        "SET work_mem = '64kB'; SELECT count(*) FROM (SELECT i FROM generate_series(1, 20000) AS i ORDER BY i DESC) AS s",
        "VACUUM ANALYZE seats", "CHECKPOINT", "SELECT pg_switch_wal()",
    ]

    private func session(_ server: PostgresServer, _ sql: String, database: String = "postgres") throws -> ChildProcess
    {
        let path = try server.directory.write(sql + "\n", to: "session-\(UInt32.random(in: .min ... .max)).sql")
        let words = ["-X", "-h", server.directory.path, "-p", "\(server.port)", "-U", "postgres", "-d", database]
        return try ChildProcess("psql", words + ["-f", path])
    }

    private func compare(_ url: String, names: Int, series: Int) async throws {
        let peer = try await ExporterPeer(
            "prometheus-postgres-exporter",
            environment: ["DATA_SOURCE_NAME": url + "?sslmode=disable"]
        ) {
            [
                "--web.listen-address=127.0.0.1:\($0)",
                "--extend.query-path=/usr/share/doc/prometheus-postgres-exporter/examples/queries.yaml",
            ]
        }
        let sidecar = try await ExporterPeer.sidecar("postgres: { dsn: \"\(url)\", slow_interval: 100ms }")
        try await ExporterComparison(
            url: peer.url + "/metrics",
            exporterLabels: ["server"],
            sidecar: sidecar,
            exceptions: [
                // about the exporter and the check themselves
                "pg_scrape_collector_duration_seconds", "pg_scrape_collector_success",
                // one of its queries is for servers before PostgreSQL 13
                "pg_exporter_last_scrape_error",
                // both count the locks of their own queries
                "pg_locks_count{datname=\"postgres\",mode=\"accesssharelock\"}",
            ],
            renamed: ["pg_replication_last_replay_seconds": "pg_replication_lag"],
            wholeSeconds: [
                "pg_postmaster_start_time_seconds", "pg_stat_user_tables_last_vacuum",
                "pg_stat_user_tables_last_analyze",
            ],
            aggregated: [
                // by user, application and kind of backend, too, as newer exporters have them
                "pg_stat_activity_count": (["datname", "state"], .sum),
                "pg_stat_activity_max_tx_duration": (["datname", "state"], .maximum),
                // by the sender's process there, and by the slot's kind or database
                "pg_stat_replication_pg_wal_lsn_diff": (["application_name", "client_addr", "state"], .maximum),
                "pg_replication_slots_active": (["slot_name"], .maximum),
                "pg_replication_slots_pg_wal_lsn_diff": (["slot_name"], .maximum),
            ]
        ).run(names: names, series: series)
        await peer.process.stop()
        await sidecar.process.stop()
    }
}

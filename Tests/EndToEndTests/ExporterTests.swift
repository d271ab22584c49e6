// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The checks measure what Debian's exporters measure: in one run, against the same servers.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ExporterTests {
    private func exporter(
        _ program: String,
        _ arguments: (UInt16) -> [String],
        environment: [String: String] = [:]
    ) async throws -> (process: ChildProcess, url: String) {
        let port = try freePort()
        let process = try ChildProcess(program, arguments(port), environment: environment)
        let url = "http://127.0.0.1:\(port)"
        try await waitUntilReady(url + "/metrics", process)
        return (process, url)
    }

    private func sidecar(_ check: String) async throws -> RunningSidecar {
        let sidecar = try await RunningSidecar(
            configuration: """
                global: { scrape_interval: 1s }
                health_checks: [ { name: it, interval: 100ms, timeout: 5s, \(check) } ]
                web: { drain_delay: 0s }
                """
        )
        let isUp = try await waitUntil { try await sidecar.query("health_check_up").first?.value == 1 }
        #expect(isUp, "\(sidecar.process.errorOutput)")
        return sidecar
    }

    @Test func `postgres_exporter`() async throws {
        let postgres = try await PostgresServer()
        _ = try await postgres.execute(
            "create table seats (seat int primary key); insert into seats select generate_series(1, 500)"
        )
        let peer = try await exporter(
            "prometheus-postgres-exporter",
            { ["--web.listen-address=127.0.0.1:\($0)"] },
            environment: ["DATA_SOURCE_NAME": postgres.url + "?sslmode=disable"]
        )
        let sidecar = try await sidecar("postgres: { dsn: \"\(postgres.url)\", slow_interval: 100ms }")
        try await ExporterComparison(
            url: peer.url + "/metrics",
            exporterLabels: ["server"],
            sidecar: sidecar,
            check: "it",
            exceptions: [
                // about the exporter and the check themselves
                "pg_scrape_collector_duration_seconds", "pg_scrape_collector_success",
                // both count the locks of their own queries
                "pg_locks_count",
                // by user, application and kind of backend here, as newer exporters do; theirs only by database and state
                "pg_stat_activity_count", "pg_stat_activity_max_tx_duration",
            ]
        ).run(atLeast: 80)
        await peer.process.stop()
    }

    @Test func `redis_exporter`() async throws {
        let redis = try await RedisServer()
        _ = try await redis.command(["SET", "a", "1"])
        _ = try await redis.command(["SET", "b", "1", "EX", "1000"])
        let peer = try await exporter("prometheus-redis-exporter") {
            ["-web.listen-address", "127.0.0.1:\($0)", "-redis.addr", "redis://127.0.0.1:\(redis.port)"]
        }
        let sidecar = try await sidecar("redis: { url: \"\(redis.url)\" }")
        try await ExporterComparison(
            url: peer.url + "/metrics",
            sidecar: sidecar,
            check: "it",
            exceptions: [
                "redis_exporter_last_scrape_duration_seconds",
                // the exporter's connection exists only while it looks, and Redis counts it and its buffers then
                "redis_connected_clients", "redis_memory_used_bytes", "redis_memory_used_dataset_bytes",
                "redis_mem_clients_normal", "redis_client_recent_max_input_buffer_bytes",
                "redis_client_recent_max_output_buffer_bytes",
            ]
        ).run(atLeast: 120)
        await peer.process.stop()
    }

    @Test func `node_exporter`() async throws {
        let peer = try await exporter("prometheus-node-exporter") { ["--web.listen-address=127.0.0.1:\($0)"] }
        let sidecar = try await sidecar(
            "host: { per_cpu: true, disk_critical: 1, disk_warning: 1, memory_critical: 1 }"
        )
        try await ExporterComparison(
            url: peer.url + "/metrics",
            sidecar: sidecar,
            check: "it",
            exceptions: [
                // a mount that only one of the two may look into is nobody's fault
                "node_filesystem_device_error"
            ],
            rounds: 30
        ).run(atLeast: 90)
        await peer.process.stop()
    }

    @Test func `blackbox_exporter`() async throws {
        let directory = try TemporaryDirectory("blackbox")
        let port = try freePort()
        let (certificate, key) = (directory.path("cert.pem"), directory.path("key.pem"))
        let made = try await ChildProcess.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", "/CN=x",
            ]
                + ["-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key]
        )
        #expect(made.exit == .code(0), "\(made.error)")
        let nginx = try ChildProcess(
            "nginx",
            [
                "-e", directory.path("error.log"), "-c",
                try directory.write(nginxConfiguration(port, directory), to: "nginx.conf"),
            ]
        )
        _ = await waitUntil { accepts(port: port) }
        let modules = try directory.write(
            """
            modules:
              web:
                prober: http
                timeout: 5s
                http:
                  preferred_ip_protocol: ip4
                  tls_config: { ca_file: "\(certificate)" }
                  fail_if_body_not_matches_regexp: [ "wor.d" ]
              port: { prober: tcp, timeout: 5s, tcp: { preferred_ip_protocol: ip4 } }
            """,
            to: "blackbox.yml"
        )
        let peer = try await exporter("prometheus-blackbox-exporter") {
            ["--config.file=\(modules)", "--web.listen-address=127.0.0.1:\($0)"]
        }
        // two programs take two times for the same thing
        let durations: Set = ["probe_dns_lookup_time_seconds", "probe_duration_seconds", "probe_http_duration_seconds"]
        let url = "https://127.0.0.1:\(port)/hello"
        let web = try await sidecar(
            "http: { url: \"\(url)\", body_matches: [ \"wor.d\" ], tls_config: { ca_file: \"\(certificate)\" } }"
        )
        try await ExporterComparison(
            url: "\(peer.url)/probe?module=web&target=\(url)",
            sidecar: web,
            check: "it",
            exceptions: durations
        ).run(atLeast: 10)
        let tcp = try await sidecar("tcp: { address: \"127.0.0.1:\(port)\" }")
        try await ExporterComparison(
            url: "\(peer.url)/probe?module=port&target=127.0.0.1:\(port)",
            sidecar: tcp,
            check: "it",
            exceptions: durations
        ).run(atLeast: 2)
        for process in [peer.process, nginx] { await process.stop() }
    }

    private func nginxConfiguration(_ port: UInt16, _ directory: TemporaryDirectory) -> String {
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
            "\($0)_temp_path \(directory.path($0));"
        }
        return """
            daemon off;
            master_process off;
            pid \(directory.path("nginx.pid"));
            events {}
            http {
              access_log off;
              \(paths.joined(separator: "\n  "))
              server {
                listen 127.0.0.1:\(port) ssl;
                ssl_certificate \(directory.path("cert.pem"));
                ssl_certificate_key \(directory.path("key.pem"));
                location / { default_type text/plain; return 200 "hello, world\\n"; }
              }
            }
            """
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What others read from us: Debian's Prometheus, promtool, and the Python client's parsers.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct PeerReaderTests {
    @Test func `Prometheus, promtool and the Python client read both programs' metrics`() async throws {
        let postgres = try await PostgresServer()
        let redis = try await RedisServer()
        let booking = try await RunningBookingService()
        let sidecar = try await RunningSidecar(
            configuration: """
                scrape_configs: [ { job_name: booking, static_configs: [ { targets: [ "127.0.0.1:\(booking.port)" ] } ] } ]
                health_checks:
                  - { name: database, postgres: { dsn: "\(postgres.url)" }, interval: 1s }
                  - { name: cache, redis: { url: "\(redis.url)" }, interval: 1s }
                  - { name: ready, http: { url: "\(booking.url)/readyz" }, interval: 1s }
                rule_files: [ "\(Programs.root)/config/rules/*.yml" ]
                """
        )
        _ = try await waitUntil { try await sidecar.query("pg_up + on () redis_up").first?.value == 2 }

        try await prometheusScrapes(["127.0.0.1:\(booking.port)", "127.0.0.1:\(sidecar.port)"])
        try await promtoolAccepts(booking.url + "/metrics", findings: [])
        try await promtoolAccepts(sidecar.url + "/metrics", findings: ["pg_", "redis_", "node_", "probe_"])
        try await pythonParses([booking.url, sidecar.url])
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
        #expect(await booking.process.stop(grace: .seconds(20)) == .code(0))
    }

    private func prometheusScrapes(_ targets: [String]) async throws {
        let directory = try TemporaryDirectory("prometheus")
        let port = try freePort()
        let list = targets.map { "\"\($0)\"" }.joined(separator: ", ")
        let configuration = try directory.write(
            "global: { scrape_interval: 1s }\nscrape_configs: [ { job_name: all, static_configs: [ { targets: [ \(list) ] } ] } ]\n",
            to: "prometheus.yml"
        )
        let prometheus = try ChildProcess(
            "prometheus",
            [
                "--config.file=\(configuration)", "--storage.tsdb.path=\(directory.path("tsdb"))",
                "--web.listen-address=127.0.0.1:\(port)",
            ]
        )
        try await waitUntilReady("http://127.0.0.1:\(port)/-/ready", prometheus)
        var seen: [[String: Any]] = []
        let allUp = try await waitUntil(deadline: .seconds(20), every: .milliseconds(250)) {
            let answer = try await JSONAnswer("http://127.0.0.1:\(port)/api/v1/targets")
            seen = (answer["data"] as? [String: Any])?["activeTargets"] as? [[String: Any]] ?? []
            return seen.count == targets.count && seen.allSatisfy { $0["health"] as? String == "up" }
        }
        #expect(allUp, "\(seen.map { $0["lastError"] ?? "" })")
        await prometheus.stop()
    }

    /// Lint findings are accepted for names of other exporters only, which the checks keep as they are.
    private func promtoolAccepts(_ url: String, findings accepted: [String]) async throws {
        let directory = try TemporaryDirectory("promtool")
        let path = try directory.write(try await HTTPGet(url).text, to: "metrics.txt")
        let result = try await ChildProcess.run("sh", ["-c", "promtool check metrics < '\(path)'"])
        let lines = (result.output + result.error).split(separator: "\n")
        let unexpected = lines.filter { line in !accepted.contains { line.hasPrefix($0) } }
        #expect(unexpected.isEmpty, "\(url): \(unexpected)")
        #expect(result.exit == .code(lines.isEmpty ? 0 : 3))
    }

    private func pythonParses(_ urls: [String]) async throws {
        let python = try await PythonEnvironment.interpreter(with: "prometheus-client")
        let program = """
            import sys, urllib.request
            from prometheus_client.parser import text_string_to_metric_families as text
            from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
            for url in sys.argv[1:]:
                for accept, parser in (("text/plain;version=0.0.4", text), ("application/openmetrics-text;version=1.0.0", openmetrics)):
                    answer = urllib.request.urlopen(urllib.request.Request(url + "/metrics", headers={"Accept": accept}))
                    wanted = accept.split(";")[0]
                    assert answer.headers["Content-Type"].startswith(wanted), answer.headers["Content-Type"]
                    families = list(parser(answer.read().decode()))
                    assert len(families) > 5, families
                    print(url, wanted, len(families))
            """
        let result = try await ChildProcess.run(python, ["-c", program] + urls)
        #expect(result.exit == .code(0), "\(result.error)")
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The shipped dashboards against what the programs really write.
@Suite(.timeLimit(.minutes(2)))
struct DashboardTests {
    /// A panel's query, with Grafana's variables filled in as "All" does.
    private struct PanelQuery {
        let dashboard: String
        let panel: String
        let expression: String
        var escaped: String { expression.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "" }
    }

    private static func queries() throws -> [PanelQuery] {
        let folder = Programs.root + "/dashboards"
        var found: [PanelQuery] = []
        for file in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where file.hasSuffix(".json") {
            let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + file))
            let board = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
            for panel in board["panels"] as? [[String: Any]] ?? [] {
                for target in panel["targets"] as? [[String: Any]] ?? [] {
                    guard let text = target["expr"] as? String else { continue }
                    let expression = text.replacingOccurrences(of: "$__rate_interval", with: "1m")
                        .replacingOccurrences(of: "$job", with: ".*").replacingOccurrences(of: "$check", with: ".*")
                        .replacingOccurrences(of: "$instance", with: ".*")
                    let title = panel["title"] as? String ?? ""
                    found.append(PanelQuery(dashboard: file, panel: title, expression: expression))
                }
            }
        }
        return found
    }

    /// The metric names that an expression selects, from its parsed form.
    private static func names(in node: Any) -> Set<String> {
        if let list = node as? [Any] { return list.reduce(into: []) { $0.formUnion(names(in: $1)) } }
        guard let object = node as? [String: Any] else { return [] }
        var found: Set<String> = []
        let type = object["type"] as? String
        if type == "vectorSelector" || type == "matrixSelector", let name = object["name"] as? String {
            found.insert(name)
        }
        for value in object.values { found.formUnion(names(in: value)) }
        return found
    }

    @Test func `the tool finds every query good`() async throws {
        let result = try await ChildProcess.run(
            Programs.sidecar,
            ["check", "dashboards", Programs.root + "/dashboards"]
        )
        #expect(result.exit == .code(0), "\(result)")
    }

    @Test func `each panel reads series that exist, and is evaluated without error`() async throws {
        // Names that only some machines or states have: no alert fires, nothing was probed over TLS.
        let conditional: Set<String> = [
            "ALERTS", "probe_ssl_earliest_cert_expiry", "sidecar_scrape_failures_total",
            "node_pressure_cpu_waiting_seconds_total",
            "node_pressure_memory_waiting_seconds_total", "node_pressure_io_waiting_seconds_total",
        ]
        let booking = try await RunningBookingService()
        let postgres = try await PostgresServer()
        let redis = try await RedisServer()
        let sidecar = try await RunningSidecar(
            configuration: """
                global: { scrape_interval: 250ms, evaluation_interval: 250ms }
                scrape_configs:
                  - { job_name: booking, static_configs: [ { targets: [ "127.0.0.1:\(booking.port)" ] } ] }
                health_checks:
                  - { name: database, postgres: { dsn: "\(postgres.url)" }, interval: 250ms, timeout: 200ms }
                  - { name: cache, redis: { url: "\(redis.url)" }, interval: 250ms, timeout: 200ms }
                  - { name: ready, http: { url: "\(booking.url)/readyz" }, interval: 250ms, timeout: 200ms }
                  - { name: host, host: {}, interval: 250ms }
                  - { name: missing, tcp: { address: "127.0.0.1:1" }, interval: 250ms, timeout: 200ms, policy: advisory }
                rule_files: [ "\(Programs.root)/config/rules/booking.yml" ]

                """
        )
        #expect(await statusCode(booking.url + "/v1/venues") == 200)
        let queries = try Self.queries()
        #expect(queries.count > 80)
        var missing: Set<String> = []
        _ = try await waitUntil(deadline: .seconds(10)) {
            let answer = try await JSONAnswer(sidecar.url + "/api/v1/label/__name__/values")
            let known = Set(answer["data"] as? [String] ?? [])
            missing = []
            for query in queries {
                let tree = try await JSONAnswer(sidecar.url + "/api/v1/parse_query?query=" + query.escaped)
                let names = Self.names(in: tree["data"] as Any)
                #expect(!names.isEmpty, "\(query)")
                for name in names where !known.contains(name) && !conditional.contains(name) {
                    missing.insert("\(query.dashboard): \(query.panel): \(name)")
                }
            }
            return missing.isEmpty
        }
        #expect(missing.sorted() == [])
        for query in queries {
            let answer = try await HTTPGet(sidecar.url + "/api/v1/query?query=" + query.escaped)
            #expect(answer.status == 200, "\(query): \(answer.text)")
            let object = try JSONSerialization.jsonObject(with: answer.body) as? [String: Any]
            #expect(object?["warnings"] == nil, "\(query): \(answer.text)")
        }
    }
}

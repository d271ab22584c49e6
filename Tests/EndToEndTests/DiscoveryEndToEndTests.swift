// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Targets that are found: in files that change and break, and by the records of a real name server.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct DiscoveryEndToEndTests {
    private func metrics(_ sidecar: RunningSidecar) async throws -> String {
        try await HTTPGet(sidecar.url + "/metrics").text
    }

    @Test func `target files are followed, and a broken one keeps its targets with a metric and a line in the log`()
        async throws
    {
        let page = HTTPAnswer(200, "a 1\n", headers: [("Content-Type", "text/plain")])
        let first = try HTTPReceiver { _ in page }
        let second = try HTTPReceiver { _ in page }
        let directory = try TemporaryDirectory("files")
        try directory.write(#"[{"targets":["127.0.0.1:\#(first.port)"],"labels":{"from":"json"}}]"#, to: "t/a.json")
        let sidecar = try await RunningSidecar(
            configuration: """
                scrape_configs:
                  - job_name: files
                    scrape_interval: 200ms
                    file_sd_configs: [ { files: [ t/*.json, t/*.yml ] } ]
                    relabel_configs:
                      - { source_labels: [ __meta_filepath ], regex: ".*/", target_label: dir, replacement: x }
                      - { source_labels: [ __meta_filepath ], regex: ".*/([^/]*)", target_label: file }
                """,
            directory: directory
        )
        func ups() async throws -> [String: Double] {
            let found = try await sidecar.query(#"up{job="files"}"#)
            return Dictionary(found.map { ($0.labels["file"] ?? "", $0.value) }, uniquingKeysWith: { $1 })
        }
        #expect(try await waitUntil { try await ups() == ["a.json": 1] })
        try directory.write("- targets: [ \"127.0.0.1:\(second.port)\" ]\n", to: "t/b.yml")
        #expect(try await waitUntil(deadline: .seconds(5)) { try await ups() == ["a.json": 1, "b.yml": 1] })
        let connections = first.connectionCount
        try directory.write("- targets: [", to: "t/b.yml")
        #expect(
            try await waitUntil(deadline: .seconds(5)) {
                try await metrics(sidecar).split(separator: "\n").contains {
                    $0.hasPrefix("sidecar_discovery_failures_total") && $0.contains("reason=\"invalid\"")
                }
            }
        )
        #expect(try await ups() == ["a.json": 1, "b.yml": 1], "the old targets stay")
        let log = sidecar.process.output + sidecar.process.errorOutput
        #expect(log.contains("discovery.failed") && log.contains("b.yml") && log.contains("invalid"), "\(log)")
        try FileManager.default.removeItem(atPath: directory.path("t/b.yml"))
        #expect(try await waitUntil(deadline: .seconds(5)) { try await ups() == ["a.json": 1] })
        #expect(first.connectionCount == connections, "the target that stayed was not disturbed")
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
    }

    @Test func `names are resolved, followed, and keep their targets while the server is down`() async throws {
        let page = HTTPAnswer(200, "a 1\n", headers: [("Content-Type", "text/plain")])
        let target = try HTTPReceiver { _ in page }
        let other = try HTTPReceiver { _ in page }
        func records(_ ports: [UInt16]) -> [String] {
            ["--host-record=h.example,127.0.0.1"]
                + ports.map { "--srv-host=_m._tcp.example,localhost,\($0),1,1" }
        }
        let server = try await DNSServer(records([target.port]))
        let sidecar = try await RunningSidecar(
            configuration: """
                global: { scrape_interval: 200ms }
                scrape_configs:
                  - job_name: srv
                    dns_sd_configs:
                      - { names: [ _m._tcp.example ], refresh_interval: 1s, nameservers: [ "127.0.0.1:\(server.port)" ] }
                  - job_name: address
                    dns_sd_configs:
                      - { names: [ h.example ], type: A, port: \(target.port), refresh_interval: 1s, nameservers: [ "127.0.0.1:\(server.port)" ] }
                """
        )
        func count(_ query: String) async throws -> Double {
            try await sidecar.query("sum(\(query))").first?.value ?? 0
        }
        #expect(try await waitUntil { try await count(#"up{job="srv"}"#) == 1 })
        #expect(
            try await waitUntil { try await count("up{job=\"address\",instance=\"127.0.0.1:\(target.port)\"}") == 1 }
        )
        await server.process.stop(SIGKILL)
        #expect(
            try await waitUntil(deadline: .seconds(10)) {
                try await metrics(sidecar).contains(#"sidecar_discovery_failures_total"#)
            }
        )
        #expect(try await count("up") >= 2, "the old targets stay")
        let log = sidecar.process.output + sidecar.process.errorOutput
        #expect(log.contains("discovery.failed") && log.contains("_m._tcp.example"), "\(log)")
        let again = try await DNSServer(records([target.port, other.port]), port: server.port)
        #expect(try await waitUntil(deadline: .seconds(10)) { try await count(#"up{job="srv"}"#) == 2 })
        await again.process.stop(SIGKILL)
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
    }
}

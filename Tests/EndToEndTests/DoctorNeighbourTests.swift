// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `sidecar doctor` on what a configuration finds, forwards to and writes to.
@Suite(.timeLimit(.minutes(2)))
struct DoctorNeighbourTests {
    private struct Finding: Decodable {
        var area: String
        var subject: String
        var outcome: String
        var text: String
    }

    private func findings(_ configuration: String) async throws -> (exit: ChildProcess.Exit, list: [Finding]) {
        let directory = try TemporaryDirectory("doctor")
        let path = try directory.write(configuration, to: "sidecar.yml")
        let words = ["doctor", "--json", "--config", path, "--listen", "127.0.0.1:\(try freePort())"]
        let result = try await ChildProcess.run(Programs.sidecar, words + ["--data-dir", directory.path("data")])
        #expect(!(result.output + result.error).contains("S3CRET"))
        let list = try JSONDecoder().decode([Finding].self, from: Data(result.output.utf8))
        return (result.exit, list.filter { ["targets", "alerting", "remote_write"].contains($0.area) })
    }

    @Test func `neighbours that are well are asked as they will be, and keep nothing of it`() async throws {
        let target = try HTTPReceiver { _ in HTTPAnswer(200, "up 1\n") }
        let names = try await DNSServer([
            "--host-record=app.example,127.0.0.1", "--srv-host=_web._tcp.example,app.example,\(target.port)",
        ])
        let directory = try TemporaryDirectory("targets")
        let file = try directory.write("[ { \"targets\": [ \"127.0.0.1:\(target.port)\" ] } ]", to: "targets.json")
        let alertmanager = try await RunningAlertmanager()
        let prometheus = try await RunningPrometheus(
            configuration: "global: {}\n",
            arguments: ["--web.enable-remote-write-receiver"]
        )
        let (exit, list) = try await findings(
            """
            scrape_configs:
              - { job_name: files, file_sd_configs: [ { files: [ "\(file)" ] } ] }
              - { job_name: names, dns_sd_configs: [ { names: [ app.example ], type: A, port: \(target.port), nameservers: [ "127.0.0.1:\(names.port)" ] } ] }
            alerting: { alertmanagers: [ { static_configs: [ { targets: [ "127.0.0.1:\(alertmanager.port)" ] } ] } ] }
            remote_write: [ { url: "http://u:p-S3CRET@127.0.0.1:\(prometheus.port)/api/v1/write" } ]
            """
        )
        #expect(exit == .code(0), "\(list)")
        #expect(
            list.map { "\($0.area): \($0.subject): \($0.text)" } == [
                "targets: files file_sd: 1 found", "targets: names dns_sd: 1 found",
                "targets: files 127.0.0.1:\(target.port): answers with status 200",
                "targets: names 127.0.0.1:\(target.port): answers with status 200",
                "alerting: http://127.0.0.1:\(alertmanager.port)/api/v2/alerts: answers with status 200",
                "remote_write: http://127.0.0.1:\(prometheus.port)/api/v1/write: answers with status 204",
            ]
        )
        #expect(try await alertmanager.firing().isEmpty)
        let known = try await HTTPGet("\(prometheus.url)/api/v1/label/__name__/values").text
        #expect(known.contains("\"data\":[]"), "\(known)")
        await prometheus.process.stop()
        await alertmanager.process.stop()
    }

    @Test func `what cannot be found, reached or written to is named`() async throws {
        let (nobody, closed) = (try freePort(), try freePort())
        let names = try await DNSServer(["--host-record=app.example,127.0.0.1"])
        let wrong = try HTTPReceiver { _ in HTTPAnswer(401, "") }
        let directory = try TemporaryDirectory("targets")
        let broken = try directory.write("[ { \"targets\": 5 } ]", to: "broken.json")
        let (exit, list) = try await findings(
            """
            scrape_configs:
              - { job_name: files, file_sd_configs: [ { files: [ "\(broken)" ] } ] }
              - { job_name: gone, file_sd_configs: [ { files: [ "\(directory.path("gone.json"))" ] } ] }
              - { job_name: empty, dns_sd_configs: [ { names: [ other.example ], type: A, port: 1, nameservers: [ "127.0.0.1:\(names.port)" ] } ] }
              - { job_name: silent, dns_sd_configs: [ { names: [ app.example ], type: A, port: 1, nameservers: [ "127.0.0.1:\(nobody)" ] } ] }
            alerting: { alertmanagers: [ { static_configs: [ { targets: [ "127.0.0.1:\(closed)" ] } ] } ] }
            remote_write: [ { url: "http://127.0.0.1:\(wrong.port)/w?key=k-S3CRET" } ]
            """
        )
        #expect(exit == .code(1))
        let told = list.map { "\($0.outcome) \($0.area) \($0.subject): \($0.text)" }
        for expected in [
            "failure targets files file_sd \(broken): invalid", "failure targets gone file_sd ",
            "warning targets empty dns_sd: none found", "failure targets silent dns_sd app.example: ",
            "failure alerting http://127.0.0.1:\(closed)/api/v2/alerts: connect_refused",
            "failure remote_write http://127.0.0.1:\(wrong.port)/w: status 401, so it would take no samples",
        ] {
            #expect(told.contains { $0.hasPrefix(expected) }, "\(expected) in \(told)")
        }
        #expect(wrong.requests.map(\.method) == ["POST"])
    }
}

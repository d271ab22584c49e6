// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TestSupport

/// A sidecar and Debian's Prometheus that scrape the same target and evaluate the same rules.
final class MonitoredPair: Sendable {
    let sidecar: RunningSidecar
    let prometheusURL: String
    /// What targets are asked with, and no answer may tell.
    static let password = "hunter2-kept-back"
    private let prometheus: ChildProcess
    private let target: HTTPReceiver
    private let folder: TemporaryDirectory

    init() async throws {
        let count = Mutex(0)
        target = try HTTPReceiver { _ in
            let round = count.withLock { count in
                count += 1
                return count
            }
            return HTTPAnswer(200, Self.page(round), headers: [("Content-Type", "text/plain; version=0.0.4")])
        }
        folder = try TemporaryDirectory("query-api")
        let rules = try folder.write(
            """
            groups:
              - name: pair
                interval: 1s
                rules:
                  - { record: "job:up:sum", expr: "sum by (job) (up)" }
                  - { alert: Absent, expr: "absent(nothing_of_the_sort)", for: 1h, labels: { severity: page } }
              - name: second
                rules:
                  - { record: "job:up:count", expr: "count by (job) (up)", labels: { kind: derived } }
              - name: third
                rules:
                  - { alert: TooHot, expr: "temperature_celsius > 100" }
              - { name: empty, rules: [] }

            """,
            to: "rules.yml"
        )
        let text = """
            global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
            rule_files: [ "\(rules)" ]
            scrape_configs:
              - job_name: shop
                basic_auth: { username: scraper, password: "\(Self.password)" }
                static_configs: [ { targets: [ "127.0.0.1:\(target.port)" ] } ]

            """
        let configuration = try folder.write(text, to: "prometheus.yml")
        let port = try freePort()
        prometheusURL = "http://127.0.0.1:\(port)"
        prometheus = try ChildProcess(
            "prometheus",
            [
                "--config.file=\(configuration)", "--storage.tsdb.path=\(folder.path("tsdb"))",
                "--web.listen-address=127.0.0.1:\(port)", "--log.level=error",
            ]
        )
        sidecar = try await RunningSidecar(configuration: text + "\nself_watch: false\n")
        try await waitUntilReady(prometheusURL + "/-/ready", prometheus)
        for url in [sidecar.url, prometheusURL] {
            let query = url + "/api/v1/query?query=count_over_time(requests_total%5B1m%5D)%3E2"
            let isFilled = try await waitUntil(deadline: .seconds(20), every: .milliseconds(250)) {
                let answer = try await JSONAnswer(query)
                return ((answer["data"] as? [String: Any])?["result"] as? [Any])?.isEmpty == false
            }
            guard isFilled else { throw NotReady(description: "\(url) has no samples") }
        }
    }

    func stop() async {
        await prometheus.stop()
        await sidecar.process.stop(grace: .seconds(20))
        target.stop()
    }

    private static func page(_ round: Int) -> String {
        var text = """
            # HELP requests_total Requests handled.
            # TYPE requests_total counter
            requests_total{route="/a"} \(round * 3)
            requests_total{route="/b"} \(round)
            # HELP temperature_celsius Temperature.
            # TYPE temperature_celsius gauge
            temperature_celsius 21.5
            # HELP latency_seconds Latency.
            # TYPE latency_seconds histogram

            """
        for (index, bound) in ["0.1", "1", "+Inf"].enumerated() {
            text += "latency_seconds_bucket{le=\"\(bound)\"} \(round * (index + 1))\n"
        }
        return text + "latency_seconds_sum \(round)\nlatency_seconds_count \(round * 3)\n"
    }
}

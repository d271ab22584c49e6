// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Alerts forwarded to real Alertmanagers, as Prometheus forwards them.
@Suite(.timeLimit(.minutes(2)))
struct ForwardingTests {
    @Test func `every Alertmanager hears of an alert and of its end, and one that was away catches up`() async throws {
        let watched = try freePort()
        let first = try await RunningAlertmanager()
        let absent = try freePort()
        let directory = try TemporaryDirectory("forwarding")
        let rules = try directory.write(
            """
            groups:
              - name: g
                rules:
                  - alert: Down
                    expr: up{job="service"} == 0
                    labels: { severity: critical, secret: x }
                  - { alert: Quiet, expr: vector(1) }

            """,
            to: "rules.yml"
        )
        let sidecar = try await RunningSidecar(
            configuration: """
                global: { scrape_interval: 250ms, evaluation_interval: 250ms, external_labels: { site: eu1 } }
                self_watch: false
                scrape_configs: [ { job_name: service, static_configs: [ { targets: [ "127.0.0.1:\(watched)" ] } ] } ]
                rule_files: [ "\(rules)" ]
                alerting:
                  alert_relabel_configs:
                    - { action: labeldrop, regex: secret }
                    - { action: drop, source_labels: [ alertname ], regex: Quiet }
                  alertmanagers:
                    - static_configs: [ { targets: [ "127.0.0.1:\(first.port)", "127.0.0.1:\(absent)" ] } ]

                """,
            directory: directory
        )
        let expected = [
            "alertname": "Down", "severity": "critical", "site": "eu1", "job": "service",
            "instance": "127.0.0.1:\(watched)",
        ]
        let arrived = try await waitUntil { try await first.firing() == [expected] }
        let seen = try await first.firing()
        #expect(arrived, "\(seen)")

        let failed = try await waitUntil {
            let errors = try await sidecar.query("prometheus_notifications_errors_total")
            return errors.contains {
                $0.labels["alertmanager"] == "http://127.0.0.1:\(absent)/api/v2/alerts" && $0.value > 0
            }
        }
        #expect(failed)
        #expect(sidecar.process.errorOutput.contains("alertmanager.failed"))
        let second = try await RunningAlertmanager(port: absent)
        let caughtUp = try await waitUntil(deadline: .seconds(15)) { try await second.firing() == [expected] }
        #expect(caughtUp)
        let toldSo = await waitUntil { sidecar.process.errorOutput.contains("alertmanager.recovered") }
        #expect(toldSo)
        let known = try await HTTPGet(sidecar.url + "/api/v1/alertmanagers").text
        #expect(known.contains("http://127.0.0.1:\(first.port)/api/v2/alerts"))

        let service = try await RunningBookingService(port: watched)
        let ended = try await waitUntil(deadline: .seconds(15)) {
            let (one, other) = (try await first.firing(), try await second.firing())
            return one.isEmpty && other.isEmpty
        }
        #expect(ended)
        #expect(await service.process.stop(grace: .seconds(20)) == .code(0))
    }
}

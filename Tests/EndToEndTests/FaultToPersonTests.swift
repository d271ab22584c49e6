// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The whole way of a sample: real services fail, and a webhook and a journal entry tell somebody.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct FaultToPersonTests {
    /// A sidecar that watches a booking service, PostgreSQL and Redis, with every alert its own group.
    private func configuration(
        booking: RunningBookingService,
        postgres: PostgresServer,
        redis: RedisServer,
        receiver: HTTPReceiver
    ) -> String {
        """
        global: { scrape_interval: 250ms, evaluation_interval: 250ms }
        scrape_configs:
          - job_name: booking
            static_configs: [ { targets: [ "127.0.0.1:\(booking.port)" ] } ]
        health_checks:
          - { name: database, postgres: { dsn: "\(postgres.url)" }, interval: 250ms, timeout: 200ms }
          - { name: cache, redis: { url: "\(redis.url)" }, interval: 250ms, timeout: 200ms }
          - { name: ready, http: { url: "\(booking.url)/readyz", status: [ 200 ] }, interval: 250ms, timeout: 200ms }
          - { name: port, tcp: { address: "127.0.0.1:\(booking.port)" }, interval: 250ms, timeout: 200ms }
          - { name: file, sqlite: { path: "\(booking.directory.path)/booking.db" }, interval: 250ms, timeout: 200ms }
        rule_files: [ "\(Programs.root)/config/rules/booking.yml" ]
        route: { receiver: oncall, group_by: [ "..." ], group_wait: 0s, group_interval: 100ms, repeat_interval: 4h }
        receivers:
          - name: oncall
            webhook_configs: [ { url: "\(receiver.url)/hook", send_resolved: true } ]
            journald_configs: [ {} ]
        """
    }

    /// Waits for a version-4 payload with one alert of that name and status.
    private func alert(_ name: String, _ status: String, at receiver: HTTPReceiver) async -> [String: Any]? {
        var found: [String: Any]?
        _ = await waitUntil(deadline: .seconds(15)) {
            for request in receiver.requests {
                guard let payload = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any],
                    payload["version"] as? String == "4"
                else { continue }
                for alert in payload["alerts"] as? [[String: Any]] ?? []
                where (alert["labels"] as? [String: String])?["alertname"] == name
                    && alert["status"] as? String == status
                {
                    found = alert
                    return true
                }
            }
            return false
        }
        return found
    }

    private func expectJournal(_ name: String, _ status: String, since: Date) async throws {
        let arrived = try await waitUntil(deadline: .seconds(10), every: .milliseconds(100)) {
            try await JournalDaemon.entries(["ALERT_NAME=\(name)", "ALERT_STATUS=\(status)"]).contains { entry in
                let microseconds = Double(entry["__REALTIME_TIMESTAMP"] ?? "") ?? 0
                return microseconds / 1e6 >= since.timeIntervalSince1970 && entry["MESSAGE_ID"] != nil
                    && entry["ALERT_STARTS_AT"] != nil
            }
        }
        #expect(arrived, "no journal entry \(name) \(status)")
    }

    private func expectFiringThenResolved(
        _ name: String,
        labels: [String: String],
        at receiver: HTTPReceiver,
        fail: () async throws -> Void,
        recover: () async throws -> Void
    ) async throws {
        receiver.clear()
        let began = Date()
        try await fail()
        let firing = try #require(await alert(name, "firing", at: receiver), "\(name) did not fire")
        let seen = firing["labels"] as? [String: String] ?? [:]
        for (label, value) in labels { #expect(seen[label] == value, "\(name): label \(label)") }
        let startsAt = try #require(firing["startsAt"] as? String)
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        let plain = ISO8601DateFormatter()
        let started = try #require(formatter.date(from: startsAt) ?? plain.date(from: startsAt))
        #expect(started.timeIntervalSince(began) > -1 && started.timeIntervalSinceNow < 1, "startsAt \(startsAt)")
        try await expectJournal(name, "firing", since: began)
        try await recover()
        let resolved = try #require(await alert(name, "resolved", at: receiver), "\(name) did not resolve")
        #expect(resolved["fingerprint"] as? String == firing["fingerprint"] as? String)
        #expect(resolved["startsAt"] as? String == startsAt)
        try await expectJournal(name, "resolved", since: began)
    }

    @Test func `a stopped database, a stopped cache, a hang and a refusal each reach webhook and journal, and resolve`()
        async throws
    {
        try await JournalDaemon.ensureRunning()
        let postgres = try await PostgresServer()
        let redis = try await RedisServer()
        let receiver = try HTTPReceiver()
        let booking = try await RunningBookingService()
        let sidecar = try await RunningSidecar(
            configuration: configuration(booking: booking, postgres: postgres, redis: redis, receiver: receiver)
        )
        let healthy = try await waitUntil(deadline: .seconds(10)) {
            try await sidecar.query(
                "min(up{job=\"booking\"}) * min(pg_up) * min(redis_up) * min(health_check_up) * count(health_check_up)"
            ).first?.value == 5
        }
        #expect(healthy, "\(sidecar.process.errorOutput)")
        #expect(await statusCode(sidecar.url + "/readyz") == 200)

        try await expectFiringThenResolved(
            "PostgresDown",
            labels: ["check": "database", "severity": "critical", "job": "postgres"],
            at: receiver,
            fail: { await postgres.stop() },
            recover: { try await postgres.start() }
        )
        try await expectFiringThenResolved(
            "RedisDown",
            labels: ["check": "cache", "job": "redis"],
            at: receiver,
            fail: { await redis.stop() },
            recover: { try await redis.start() }
        )
        try await expectFiringThenResolved(
            "TargetDown",
            labels: ["job": "booking", "instance": "127.0.0.1:\(booking.port)"],
            at: receiver,
            fail: { booking.process.send(SIGSTOP) },
            recover: { booking.process.send(SIGCONT) }
        )
        // Refused connections: the process is gone, and another one comes back on its port.
        var again: RunningBookingService?
        try await expectFiringThenResolved(
            "TargetDown",
            labels: ["job": "booking"],
            at: receiver,
            fail: {
                booking.process.send(SIGKILL)
                _ = await booking.process.wait()
            },
            recover: { again = try await RunningBookingService(port: booking.port) }
        )
        #expect(again?.process.isRunning == true)
        let alerts = try await JSONAnswer(sidecar.url + "/api/v1/alerts")
        #expect((alerts["data"] as? [String: Any])?["alerts"] is [Any])
        // It was probed, so it goes on serving for the drain delay of 5 s.
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
        if let again { #expect(await again.process.stop(grace: .seconds(20)) == .code(0)) }
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// SIGTERM in the worst moment: what was promised is kept by whoever starts next, and nothing that hangs holds up the end.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct ShutdownTests {
    private static let alerts = 23

    private func configuration(_ target: HTTPReceiver, _ receiver: HTTPReceiver, _ directory: TemporaryDirectory) throws
        -> String
    {
        try WebhookConfiguration.make(
            target: target.port,
            receiver: receiver,
            rules: WebhookConfiguration.broken(),
            in: directory,
            more: "web: { drain_delay: 1s }"
        )
    }

    /// Which alerts were told, by their label `n`, with how often each notification came.
    private func told(_ receiver: HTTPReceiver) -> (alerts: Set<String>, duplicates: Int) {
        var alerts: Set<String> = []
        var ids: [String: Int] = [:]
        for request in receiver.requests {
            guard let payload = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any] else {
                continue
            }
            for alert in payload["alerts"] as? [[String: Any]] ?? [] {
                alerts.insert((alert["labels"] as? [String: String])?["n"] ?? "")
            }
            ids[payload["notificationId"] as? String ?? "", default: 0] += 1
        }
        return (alerts, ids.values.filter { $0 > 1 }.count)
    }

    @Test func `what is in flight or queued at SIGTERM arrives, at the latest from the next process`() async throws {
        let target = try HTTPReceiver { _ in
            let lines = (0..<Self.alerts).map { "broken{n=\"\($0)\"} 1\n" }.joined()
            return HTTPAnswer(200, lines, headers: [("Content-Type", "text/plain; version=0.0.4")])
        }
        let receiver = try HTTPReceiver { _ in HTTPAnswer(200, delay: .seconds(2)) }
        let directory = try TemporaryDirectory("shutdown")
        let text = try configuration(target, receiver, directory)
        let sidecar = try await RunningSidecar(configuration: text, directory: directory)
        #expect(await receiver.waitForRequests(1))
        let began = ContinuousClock.now
        sidecar.process.send(SIGTERM)
        let isDraining = await waitUntil(deadline: .seconds(1)) { await statusCode(sidecar.url + "/readyz") == 503 }
        #expect(isDraining)
        #expect(await statusCode(sidecar.url + "/livez") == 200)
        #expect(await sidecar.process.wait(deadline: .seconds(10)) == .code(0), "\(sidecar.process.errorOutput)")
        #expect(ContinuousClock.now - began <= .seconds(6))
        receiver.answer { _ in HTTPAnswer() }
        let next = try await RunningSidecar(configuration: text, directory: directory)
        let isWhole = await waitUntil(deadline: .seconds(15)) { told(receiver).alerts.count == Self.alerts }
        #expect(isWhole, "\(told(receiver))")
        #expect(told(receiver).duplicates == 0, "\(told(receiver))")
        #expect(await next.process.stop(grace: .seconds(20)) == .code(0))
    }

    @Test func `what hangs does not hold up the end`() async throws {
        let target = try HTTPReceiver { _ in
            HTTPAnswer(200, "broken{n=\"1\"} 1\n", headers: [("Content-Type", "text/plain; version=0.0.4")])
        }
        let hanging = try HTTPReceiver { _ in HTTPAnswer(200, ending: .hang) }
        let postgres = try await PostgresServer()
        let redis = try await RedisServer()
        let directory = try TemporaryDirectory("shutdown")
        let text =
            try configuration(target, hanging, directory) + """

                health_checks:
                  - { name: database, postgres: { dsn: "\(postgres.url)" }, interval: 200ms, timeout: 30s }
                  - { name: cache, redis: { url: "\(redis.url)" }, interval: 200ms, timeout: 30s }
                """
        let sidecar = try await RunningSidecar(configuration: text, directory: directory)
        #expect(await hanging.waitForRequests(1))
        postgres.suspendAll()
        redis.suspend()
        try await Task.sleep(for: .milliseconds(600))
        let began = ContinuousClock.now
        #expect(await sidecar.process.stop(SIGTERM, grace: .seconds(20)) == .code(0), "\(sidecar.process.errorOutput)")
        // A second of draining, and what is allowed for the end.
        #expect(ContinuousClock.now - began <= .seconds(6))
        postgres.resume()
        redis.resume()
        withExtendedLifetime((postgres, redis, target)) {}
    }

    @Test func `a counter that begins anew after a kill is never more than what was counted`() async throws {
        let port = try freePort()
        var booking = try await RunningBookingService(port: port)
        let sidecar = try await RunningSidecar(
            configuration: """
                global: { scrape_interval: 100ms }
                scrape_configs: [ { job_name: b, static_configs: [ { targets: [ "127.0.0.1:\(port)" ] } ] } ]
                """
        )
        let series = #"http_server_request_duration_seconds_count{job="b",http_route="/v1/venues"}"#
        var done = 0
        for round in 0..<3 {
            let words = ["-t1", "-c2", "-d1s", "http://127.0.0.1:\(port)/v1/venues"]
            let report = try await ChildProcess.run("wrk", words, deadline: .seconds(20)).output
            let line = report.split(separator: "\n").first { $0.contains("requests in") }
            done += line.flatMap { $0.split(separator: " ").first }.flatMap { Int($0) } ?? 0
            try await Task.sleep(for: .milliseconds(300))
            guard round < 2 else { break }
            booking.process.send(SIGKILL)
            _ = await booking.process.wait()
            booking = try await RunningBookingService(port: port)
        }
        let increase = try await sidecar.query("sum(increase(\(series)[1m]))").first?.value ?? -1
        let least = try await sidecar.query("min(rate(\(series)[1m]))").first?.value ?? -1
        print("requests \(done), increase \(increase)")
        #expect(done > 100 && increase > 0 && increase <= Double(done) * 1.05, "\(increase) of \(done)")
        #expect(least >= 0)
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
        withExtendedLifetime(booking) {}
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TestSupport
import Testing

/// What the sidecar stores arrives at real receivers, sample for sample, while receivers restart and the sidecar is
/// killed.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct RemoteWriteReceiverTests {
    /// A server that can be started again on its port and data.
    private final class Receiver: Sendable {
        let name: String
        let port: UInt16
        private let arguments: [String]
        private let ready: String
        private let directory: TemporaryDirectory
        private let process: Mutex<ChildProcess>
        var url: String { "http://127.0.0.1:\(port)" }

        static func prometheus() async throws -> Receiver {
            let directory = try TemporaryDirectory("prometheus")
            let port = try freePort()
            let path = try directory.write("global: {}\n", to: "prometheus.yml")
            return try await Receiver(
                "prometheus",
                port,
                directory,
                [
                    "--config.file=\(path)", "--storage.tsdb.path=\(directory.path("data"))",
                    "--web.listen-address=127.0.0.1:\(port)", "--web.enable-remote-write-receiver",
                ],
                ready: "/-/ready"
            )
        }

        static func victoriaMetrics() async throws -> Receiver {
            let directory = try TemporaryDirectory("victoria")
            let port = try freePort()
            return try await Receiver(
                "victoria-metrics",
                port,
                directory,
                ["-storageDataPath=\(directory.path("data"))", "-httpListenAddr=127.0.0.1:\(port)"],
                ready: "/health"
            )
        }

        private init(
            _ name: String,
            _ port: UInt16,
            _ directory: TemporaryDirectory,
            _ arguments: [String],
            ready: String
        ) async throws {
            self.name = name
            self.port = port
            self.directory = directory
            self.arguments = arguments
            self.ready = ready
            let started = try ChildProcess(name, arguments)
            process = Mutex(started)
            try await waitUntilReady(url + ready, started)
        }

        func restart(_ signal: Int32, pause: Duration) async throws {
            await process.withLock { $0 }.stop(signal, grace: .seconds(10))
            try await Task.sleep(for: pause)
            let started = try ChildProcess(name, arguments)
            process.withLock { $0 = started }
            try await waitUntilReady(url + ready, started)
        }
    }

    /// The samples of one series by their milliseconds, as text.
    private func samples(_ url: String, _ metric: String) async throws -> [Int64: String] {
        let answer = try await JSONAnswer(url + "/api/v1/query?query=\(metric)[10m]")
        let result = (answer["data"] as? [String: Any])?["result"] as? [[String: Any]] ?? []
        var samples: [Int64: String] = [:]
        for pair in result.flatMap({ $0["values"] as? [[Any]] ?? [] }) {
            guard let time = pair.first as? Double, let value = pair.last as? String else { continue }
            samples[Int64((time * 1_000).rounded())] = value
        }
        return samples
    }

    private func exported(_ url: String, _ metric: String) async throws -> [Int64: String] {
        _ = try await HTTPGet(url + "/internal/force_flush")
        var samples: [Int64: String] = [:]
        for line in try await HTTPGet(url + "/api/v1/export?match[]=\(metric)").text.split(separator: "\n") {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            guard let times = object?["timestamps"] as? [Int64], let values = object?["values"] as? [Any] else {
                continue
            }
            for (time, value) in zip(times, values) {
                // A stale marker is exported as null.
                guard let value = value as? Double else { continue }
                samples[time] = value.formatted(.number.grouping(.never))
            }
        }
        return samples
    }

    private func configuration(_ receivers: [Receiver]) -> String {
        var text = "global: { scrape_interval: 250ms, external_labels: { site: eu1 } }\nremote_write:\n"
        for receiver in receivers {
            text += """
                  - url: \(receiver.url)/api/v1/write
                    name: \(receiver.name)
                    queue_config: { batch_send_deadline: 300ms, max_samples_per_send: 200 }
                    write_relabel_configs: [ { action: drop, source_labels: [ __name__ ], regex: process_max_fds } ]

                """
        }
        return text
    }

    @Test func `nothing is lost over restarts of the receivers and the sidecar's death`() async throws {
        let prometheus = try await Receiver.prometheus()
        let victoria = try await Receiver.victoriaMetrics()
        let directory = try TemporaryDirectory("remote")
        let text = configuration([prometheus, victoria])
        let metric = "sidecar_store_samples_appended_total"
        var first: [Int64: String] = [:]
        do {
            let sidecar = try await RunningSidecar(configuration: text, directory: directory)
            let arrived = await waitUntil { (try? await samples(prometheus.url, metric).count) ?? 0 > 3 }
            #expect(arrived)
            try await prometheus.restart(SIGKILL, pause: .seconds(2))
            try await victoria.restart(SIGINT, pause: .seconds(2))
            let retried = try await waitUntil {
                try await sidecar.query("sum(prometheus_remote_storage_samples_retried_total)").first?.value ?? 0 > 0
            }
            #expect(retried)
            let name = "prometheus_remote_storage_sent_batch_duration_seconds"
            let requests = try await sidecar.query("sum(\(name)_bucket{le=~\".Inf\"}) - sum(\(name)_count)")
            #expect(requests.first?.value == 0)
            #expect(try await sidecar.query("histogram_quantile(0.5, \(name)_bucket) < 5").count == 2)
            // Both are away while the sidecar dies: what waits is on disk alone.
            async let one: Void = prometheus.restart(SIGTERM, pause: .seconds(4))
            async let other: Void = victoria.restart(SIGINT, pause: .seconds(4))
            try await Task.sleep(for: .seconds(2))
            first = try await samples(sidecar.url, metric)
            await sidecar.process.stop(SIGKILL)
            _ = try await (one, other)
        }
        #expect(first.count > 20)
        let sidecar = try await RunningSidecar(configuration: text, directory: directory)
        try await Task.sleep(for: .seconds(1))
        let stored = try await samples(sidecar.url, metric)
        #expect(first.allSatisfy { stored[$0.key] == $0.value })
        let caughtUp = await waitUntil(deadline: .seconds(45)) {
            guard let there = try? await samples(prometheus.url, metric),
                let too = try? await exported(victoria.url, metric)
            else { return false }
            return stored.allSatisfy { there[$0.key] == $0.value } && stored.keys.allSatisfy { too[$0] != nil }
        }
        let there = try await samples(prometheus.url, metric)
        let too = try await exported(victoria.url, metric)
        let missing = stored.filter { there[$0.key] != $0.value }.keys.sorted()
        let missingToo = stored.filter { too[$0.key] != $0.value }.keys.sorted()
        #expect(caughtUp, "prometheus lacks \(missing), victoria-metrics lacks \(missingToo) of \(stored.count)")
        #expect(missingToo == [])
        // Labels are as configured, and what relabelling drops is not there.
        let labelled = try await JSONAnswer(prometheus.url + "/api/v1/series?match[]=\(metric){site=\"eu1\"}")
        // One for each of the two addresses that the sidecar had.
        #expect((labelled["data"] as? [Any])?.count == 2)
        #expect(try await samples(prometheus.url, "process_max_fds").isEmpty)
        #expect(try await !samples(prometheus.url, "process_open_fds").isEmpty)
        let dropped = try await sidecar.query(
            "prometheus_remote_storage_samples_dropped_total{reason!=\"dropped_series\"} > 0"
        )
        #expect(dropped.isEmpty, "\(dropped)")
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0), "\(sidecar.process.errorOutput)")
    }

    @Test func `mistakes in the section are named with their place`() async throws {
        let directory = try TemporaryDirectory("remote")
        for (text, expected) in [
            ("remote_write: [ { name: a } ]\n", "remote_write[0].url is required"),
            (
                "remote_write: [ { url: \"http://a/w\", queue_config: { max_shard: 1 } } ]\n",
                "unknown key \"max_shard\""
            ),
            ("remote_write: [ { url: \"nonsense\" } ]\n", "expected a URL such as"),
            (
                "remote_write: [ { url: \"http://a/w\", queue_config: { min_shards: 9, max_shards: 2 } } ]\n",
                "max_shards must not be less than min_shards"
            ),
        ] {
            let path = try directory.write(text, to: "bad.yml")
            let check = try await ChildProcess.run(Programs.sidecar, ["check", "config", path])
            #expect(check.exit == .code(1))
            #expect((check.error + check.output).contains(expected), "\(check)")
        }
    }
}

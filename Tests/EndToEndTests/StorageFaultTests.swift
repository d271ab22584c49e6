// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The disk lets the sidecar down; the watching goes on.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct StorageFaultTests {
    private static let rules = """
        groups:
          - name: storage
            rules:
              - alert: SamplesInMemoryOnly
                expr: sidecar_store_log_writable == 0 or sidecar_storage_memory_only == 1

        """

    private func configuration(_ directory: TemporaryDirectory) throws -> String {
        let rules = try directory.write(Self.rules, to: "rules.yml")
        return "global: { scrape_interval: 50ms, evaluation_interval: 50ms }\nrule_files: [ \"\(rules)\" ]\n"
    }

    private func start(_ directory: TemporaryDirectory, data: String) async throws -> (
        process: ChildProcess, url: String
    ) {
        let port = try freePort()
        let path = try directory.write(try configuration(directory), to: "sidecar.yml")
        let process = try ChildProcess(
            Programs.sidecar,
            ["run", "--config", path, "--listen", "127.0.0.1:\(port)", "--data-dir", data]
        )
        try await waitUntilReady("http://127.0.0.1:\(port)/-/ready", process)
        return (process, "http://127.0.0.1:\(port)")
    }

    private func value(_ url: String, _ expression: String) async -> Double? {
        let text = expression.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        guard let answer = try? await JSONAnswer(url + "/api/v1/query?query=\(text)"),
            let result = (answer["data"] as? [String: Any])?["result"] as? [[String: Any]]
        else { return nil }
        return ((result.first?["value"] as? [Any])?.last as? String).flatMap(Double.init)
    }

    @Test(.enabled(if: SmallDisk.isPossible)) func `a full disk is told, watched around, and used again`() async throws
    {
        let directory = try TemporaryDirectory("fault")
        let disk = try SmallDisk(bytes: 1 << 20)
        let (process, url) = try await start(directory, data: disk.path + "/data")
        try Data(count: 1 << 20).prefix(64 << 10).write(to: URL(fileURLWithPath: disk.path + "/small"))
        // All that is left, byte by byte.
        let filler = try ChildProcess("dd", ["if=/dev/zero", "of=\(disk.path)/filler", "bs=512"])
        _ = await filler.wait()
        let isTold = await waitUntil { await value(url, "ALERTS{alertname=\"SamplesInMemoryOnly\"}") == 1 }
        #expect(isTold, "\(process.errorOutput)")
        #expect(await value(url, "sidecar_store_log_writable") == 0)
        #expect(await value(url, "sidecar_store_log_commits_lost_total") ?? 0 > 0)
        #expect(await value(url, "sidecar_store_log_failures_total{operation=\"write\"}") ?? 0 >= 1)
        let isReported = await waitUntil { process.errorOutput.contains("storage.samples_in_memory_only") }
        #expect(isReported)
        let before = await value(url, "sidecar_store_samples_appended_total") ?? 0
        let goesOn = await waitUntil { await value(url, "sidecar_store_samples_appended_total") ?? 0 > before }
        #expect(goesOn)
        for name in ["small", "filler"] { try FileManager.default.removeItem(atPath: disk.path + "/" + name) }
        let isBack = await waitUntil(deadline: .seconds(5)) { await value(url, "sidecar_store_log_writable") == 1 }
        #expect(isBack)
        let isLogged = await waitUntil { process.errorOutput.contains("storage.samples_on_disk_again") }
        #expect(isLogged)
        // Nothing half-made lies about.
        let files = try FileManager.default.contentsOfDirectory(atPath: disk.path + "/data/samples")
        for file in files {
            let path = disk.path + "/data/samples/" + file
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            #expect(size ?? 0 >= 16, "\(file)")
        }
        #expect(await process.stop(grace: .seconds(20)) == .code(0), "\(process.errorOutput)")
        let (again, second) = try await start(directory, data: disk.path + "/data")
        #expect(await value(second, "max_over_time(sidecar_store_samples_appended_total[1h])") ?? 0 > 0)
        #expect(await again.stop(grace: .seconds(20)) == .code(0))
    }

    @Test(.enabled(if: SmallDisk.isPossible)) func `a read-only directory means memory only`() async throws {
        let directory = try TemporaryDirectory("fault")
        let disk = try SmallDisk(bytes: 1 << 20)
        try FileManager.default.createDirectory(atPath: disk.path + "/data", withIntermediateDirectories: true)
        try disk.setReadOnly(true)
        let (process, url) = try await start(directory, data: disk.path + "/data")
        let isTold = await waitUntil { await value(url, "ALERTS{alertname=\"SamplesInMemoryOnly\"}") == 1 }
        #expect(isTold, "\(process.errorOutput)")
        #expect(await value(url, "sidecar_storage_memory_only") == 1)
        #expect(process.errorOutput.contains("storage.unusable"))
        #expect(await process.stop(grace: .seconds(20)) == .code(0), "\(process.errorOutput)")
    }

    @Test func `a damaged segment is set aside, named and counted`() async throws {
        let directory = try TemporaryDirectory("fault")
        let data = directory.path("data")
        let (process, url) = try await start(directory, data: data)
        _ = await waitUntil { await value(url, "sidecar_store_samples_appended_total") ?? 0 > 500 }
        await process.stop(SIGKILL)
        let samples = data + "/samples/"
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: samples).sorted().first)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: samples + name))
        bytes[bytes.count / 2] ^= 0x10
        try bytes.write(to: URL(fileURLWithPath: samples + name))
        let (again, second) = try await start(directory, data: data)
        let isCounted = await waitUntil {
            await value(second, "sidecar_store_log_damaged_segments_total{kind=\"corrupt\"}") == 1
        }
        #expect(isCounted)
        #expect(again.errorOutput.contains("\(name): offset "))
        #expect(again.errorOutput.contains("moved to \(name).corrupt"))
        #expect(FileManager.default.fileExists(atPath: samples + name + ".corrupt"))
        #expect(await again.stop(grace: .seconds(20)) == .code(0))
    }

    @Test func `a second sidecar on one directory ends at once and says why`() async throws {
        let directory = try TemporaryDirectory("fault")
        let (process, url) = try await start(directory, data: directory.path("data"))
        let start = ContinuousClock.now
        let second = try await ChildProcess.run(
            Programs.sidecar,
            ["run", "--listen", "127.0.0.1:\(try freePort())", "--data-dir", directory.path("data")]
        )
        #expect(ContinuousClock.now - start < .seconds(1))
        #expect(second.exit == .code(1))
        #expect(
            (second.error + second.output).contains("data directory in use by process \(process.identifier)"),
            "\(second)"
        )
        #expect(await statusCode(url + "/-/ready") == 200)
        // The lock ends with the process, however that ends.
        await process.stop(SIGKILL)
        let (again, _) = try await self.start(directory, data: directory.path("data"))
        #expect(await again.stop(grace: .seconds(20)) == .code(0))
    }

    @Test(arguments: [(SIGTERM, SIGTERM), (SIGINT, SIGTERM)]) func `two signals end it at once, and the state is good`(
        first: Int32,
        second: Int32
    ) async throws {
        let directory = try TemporaryDirectory("fault")
        let (process, _) = try await start(directory, data: directory.path("data"))
        process.send(first)
        process.send(second)
        let start = ContinuousClock.now
        #expect(await process.wait() == .code(0), "\(process.errorOutput)")
        #expect(ContinuousClock.now - start < .seconds(1))
        let (again, _) = try await self.start(directory, data: directory.path("data"))
        #expect(!again.errorOutput.contains("storage.damaged"), "\(again.errorOutput)")
        #expect(await again.stop(grace: .seconds(20)) == .code(0))
    }
}

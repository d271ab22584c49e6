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

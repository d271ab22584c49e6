// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// Debian's Prometheus with a configuration of its own.
final class RunningPrometheus: Sendable {
    let port: UInt16
    let process: ChildProcess
    private let directory: TemporaryDirectory
    var url: String { "http://127.0.0.1:\(port)" }

    init(configuration: String, arguments: [String] = []) async throws {
        let directory = try TemporaryDirectory("prometheus")
        let port = try freePort()
        self.directory = directory
        self.port = port
        process = try ChildProcess(
            "prometheus",
            [
                "--config.file=\(try directory.write(configuration, to: "prometheus.yml"))",
                "--storage.tsdb.path=\(directory.path("tsdb"))", "--web.listen-address=127.0.0.1:\(port)",
            ] + arguments
        )
        try await waitUntilReady(url + "/-/ready", process)
    }
}

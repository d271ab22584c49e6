// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Instances restart one after the other behind HAProxy and nginx while wrk sends requests: none of them may fail.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct RollingRestartTests {
    @Test func `six restarts, and no request fails`() async throws { try await RollingRestart(times: 6).run() }
}

/// The same, two hundred times.
@Suite(
    .serialized,
    .timeLimit(.minutes(30)),
    .enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1", "only in `make chaos`")
)
struct RollingRestartChaosTests {
    @Test func `two hundred restarts, and no request fails`() async throws {
        try await RollingRestart(times: 200).run()
    }
}

private struct RollingRestart {
    let times: Int

    func run() async throws {
        let fleet = try await Fleet()
        let loads = try [fleet.haproxyPort, fleet.nginxPort].map { port in
            try ChildProcess(
                "wrk",
                ["-t1", "-c8", "-d3600s", "--timeout", "10s", "http://127.0.0.1:\(port)/v1/venues"]
            )
        }
        try await fleet.restart(times: times)
        for (load, name) in zip(loads, ["HAProxy", "nginx"]) {
            load.send(SIGINT)
            #expect(await load.wait(deadline: .seconds(20)) == .code(0))
            let report = load.output
            #expect(!report.contains("Socket errors") && !report.contains("Non-2xx"), "\(name): \(report)")
            let line = report.split(separator: "\n").first { $0.contains("requests in") } ?? ""
            let requests = Int(line.split(separator: " ").first ?? "") ?? 0
            #expect(requests > 100 * times, "\(name): \(report)")
        }
        await fleet.stop()
    }
}

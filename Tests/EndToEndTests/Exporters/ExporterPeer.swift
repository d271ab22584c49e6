// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// A running exporter, and the sidecar that is compared with it.
struct ExporterPeer {
    /// The name of the sidecar's only check.
    static let check = "it"

    let process: ChildProcess
    let url: String

    init(
        _ program: String,
        environment: [String: String] = [:],
        _ arguments: (UInt16) -> [String]
    ) async throws {
        let port = try freePort()
        process = try ChildProcess(program, arguments(port), environment: environment)
        url = "http://127.0.0.1:\(port)"
        try await waitUntilReady(url + "/metrics", process)
    }

    /// A sidecar with one check that has made an attempt.
    ///
    /// - Parameters:
    ///   - check: the kind with its keys, such as `redis: { url: … }`.
    ///   - isUp: what the check has to say.
    static func sidecar(_ check: String, isUp: Bool = true) async throws -> RunningSidecar {
        let sidecar = try await RunningSidecar(
            configuration: """
                global: { scrape_interval: 1s }
                health_checks: [ { name: \(Self.check), interval: 100ms, timeout: 5s, \(check) } ]
                web: { drain_delay: 0s }
                """
        )
        let isSeen = try await waitUntil {
            guard try await sidecar.query("health_check_attempts_total").first?.value ?? 0 > 0 else { return false }
            return try await sidecar.query("health_check_up").first?.value == (isUp ? 1 : 0)
        }
        #expect(isSeen, "\(sidecar.process.errorOutput)")
        return sidecar
    }
}

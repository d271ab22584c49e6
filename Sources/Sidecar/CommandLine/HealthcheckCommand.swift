// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HTTPClient

/// `sidecar healthcheck [URL]`: 0 when the URL answers 200, for containers without curl.
struct HealthcheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Exit 0 when a health URL answers 200, 1 otherwise."
    )

    @Argument(help: "The URL; the sidecar's own readiness if absent.")
    var url = "\(RemoteServer.defaultURL)/readyz"

    @Option(help: "Seconds until it counts as failed.")
    var timeout = 5.0

    func run() async throws {
        guard timeout > 0, timeout <= 3_600 else { throw ValidationError("--timeout must lie between 0 and 3600") }
        do {
            let response = try await RemoteServer(url).send("GET", "", deadline: .milliseconds(Int64(timeout * 1_000)))
            guard response.status != 200 else { return }
            let line = String(decoding: response.body.prefix { $0 != UInt8(ascii: "\n") }.prefix(200), as: UTF8.self)
            Output.write("status \(response.status): \(line)\n", to: .standardError)
        } catch let failure as RemoteServer.Failure {
            Output.write("\(failure)\n", to: .standardError)
        }
        throw ExitStatus.bad
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// A sidecar at ten scrapes and evaluations a second over a `MetricsTarget`, with its alert `Broken` and one webhook.
final class BrokenWatch {
    let target: MetricsTarget
    let receiver: HTTPReceiver
    private(set) var sidecar: RunningSidecar
    private let configuration: String
    private let directory: TemporaryDirectory

    init(environment: [String: String] = [:], wrapper: [String] = [], hold: String = "2s") async throws {
        target = try MetricsTarget()
        receiver = try HTTPReceiver()
        directory = try TemporaryDirectory("broken")
        configuration = try WebhookConfiguration.make(
            target: target.port,
            receiver: receiver,
            rules: WebhookConfiguration.broken(hold: hold),
            in: directory
        )
        sidecar = try await RunningSidecar(
            configuration: configuration,
            directory: directory,
            environment: environment,
            wrapper: wrapper
        )
    }

    /// What was told so far.
    var notes: [Note] { Note.all(receiver) }

    /// A file of the state.
    func stateFile(_ name: String) -> String { directory.path("data") + "/" + name }

    /// The status of a reload with other rules.
    func reload(rules: String) async throws -> Int {
        _ = try WebhookConfiguration.write(rules, in: directory)
        return try await HTTPGet(sidecar.url + "/-/reload", method: "POST").status
    }

    func kill() async {
        sidecar.process.send(SIGKILL)
        _ = await sidecar.process.wait()
    }

    /// Kills it and starts the next one on what it left.
    func restart() async throws {
        await kill()
        sidecar = try await RunningSidecar(configuration: configuration, directory: directory)
    }
}

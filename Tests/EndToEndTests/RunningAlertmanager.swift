// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// Debian's Alertmanager, with one receiver that does nothing.
final class RunningAlertmanager: Sendable {
    let port: UInt16
    let process: ChildProcess
    private let directory: TemporaryDirectory
    var url: String { "http://127.0.0.1:\(port)" }

    init(port: UInt16? = nil) async throws {
        let port = try port ?? freePort()
        let directory = try TemporaryDirectory("alertmanager")
        let path = try directory.write("route: { receiver: a }\nreceivers: [ { name: a } ]\n", to: "am.yml")
        self.port = port
        self.directory = directory
        process = try ChildProcess(
            "prometheus-alertmanager",
            [
                "--config.file=\(path)", "--storage.path=\(directory.path("data"))",
                "--web.listen-address=127.0.0.1:\(port)", "--cluster.listen-address=",
            ]
        )
        try await waitUntilReady(url + "/-/ready", process)
    }

    /// The labels of what fires there.
    func firing() async throws -> [[String: String]] {
        let answer = try await HTTPGet(url + "/api/v2/alerts?active=true")
        let alerts = try JSONSerialization.jsonObject(with: answer.body) as? [[String: Any]] ?? []
        return alerts.compactMap { $0["labels"] as? [String: String] }
    }
}

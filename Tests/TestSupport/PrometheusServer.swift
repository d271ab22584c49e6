// SPDX-License-Identifier: Apache-2.0

package import Foundation
import FoundationNetworking

/// Debian's Prometheus over samples that it is given as OpenMetrics text, on a free port of 127.0.0.1.
package final class PrometheusServer: Sendable {
    private let process: ChildProcess
    private let folder: TemporaryDirectory
    private let port: UInt16

    /// Writes the samples into blocks and starts the server over them.
    ///
    /// - Parameter samples: lines with timestamps, without the closing `# EOF`.
    package init(samples: some Sequence<String>) async throws {
        folder = try TemporaryDirectory("prometheus")
        let file = folder.path("data.om")
        _ = FileManager.default.createFile(atPath: file, contents: nil)
        guard let output = FileHandle(forWritingAtPath: file) else { throw TestSupportError("cannot write \(file)") }
        for text in samples { try output.write(contentsOf: Data(text.utf8)) }
        try output.write(contentsOf: Data("# EOF\n".utf8))
        try output.close()
        let loading = try await ChildProcess.run(
            "promtool",
            ["tsdb", "create-blocks-from", "openmetrics", file, folder.path("data")],
            deadline: .seconds(180)
        )
        guard loading.exit == .code(0) else { throw TestSupportError("promtool: \(loading.error)") }
        try FileManager.default.removeItem(atPath: file)
        let configuration = try folder.write("global: { evaluation_interval: 1m }\n", to: "prometheus.yml")
        port = try freePort()
        process = try ChildProcess(
            "prometheus",
            [
                "--config.file=\(configuration)", "--storage.tsdb.path=\(folder.path("data"))",
                "--web.listen-address=127.0.0.1:\(port)", "--storage.tsdb.retention.time=100y", "--log.level=error",
            ]
        )
        let isReady = await waitUntil { [self] in get("/-/ready") != nil }
        guard isReady else { throw TestSupportError("prometheus: \(process.errorOutput)") }
    }

    /// The body of a successful answer.
    package func get(_ path: String) -> Data? {
        URL(string: "http://127.0.0.1:\(port)\(path)").flatMap { try? Data(contentsOf: $0) }
    }

    /// The path of a request with parameters.
    package static func path(_ path: String, _ parameters: [(String, String)]) -> String {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        let pairs = parameters.map { name, value in
            "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")"
        }
        return path + "?" + pairs.joined(separator: "&")
    }

    package func stop() async { await process.stop() }
}

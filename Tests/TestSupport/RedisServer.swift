// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A Redis server of its own on a free port, without persistence unless asked for.
package final class RedisServer: Sendable {
    package let port: UInt16
    package let directory: TemporaryDirectory
    private let arguments: [String]
    private let process = Mutex<ChildProcess?>(nil)

    /// Starts the server with further command-line arguments, such as `["--requirepass", "secret"]`.
    package init(_ arguments: [String] = []) async throws {
        port = try freePort()
        directory = try TemporaryDirectory("redis")
        self.arguments = arguments
        try await start()
    }

    package var url: String { "redis://127.0.0.1:\(port)/0" }

    /// Starts it, or starts it again after `stop`; returns when it accepts connections.
    package func start(_ extra: [String] = []) async throws {
        let defaults = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory.path, "--save", ""]
        let started = try ChildProcess("redis-server", defaults + arguments + extra)
        process.withLock { $0 = started }
        let isUp = await waitUntil { !started.isRunning || accepts(port: port) }
        guard isUp, started.isRunning else { throw TestSupportError("redis-server: \(started.output)") }
    }

    /// Runs one command through redis-cli.
    @discardableResult
    package func command(_ words: [String], password: String? = nil) async throws -> String {
        var environment: [String: String] = [:]
        if let password { environment["REDISCLI_AUTH"] = password }
        let result = try await ChildProcess.run("redis-cli", ["-p", String(port)] + words, environment: environment)
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    package var identifier: Int32? { process.withLock { $0?.identifier } }

    /// Freezes it: the kernel still accepts connections.
    package func suspend() { process.withLock { $0?.send(SIGSTOP) } }

    package func resume() { process.withLock { $0?.send(SIGCONT) } }

    package func stop(_ signal: Int32 = SIGKILL) async {
        guard let running = process.withLock({ $0 }) else { return }
        await running.stop(signal)
        process.withLock { $0 = nil }
    }
}

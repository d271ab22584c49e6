// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A PostgreSQL server of its own on a free port: user `postgres` without a password over the socket directory and
/// loopback, unless `hba` says otherwise.
package final class PostgresServer: Sendable {
    package let port: UInt16
    package let directory: TemporaryDirectory
    private let settings: [String: String]
    private let process = Mutex<ChildProcess?>(nil)

    /// Makes a data directory and starts the server.
    ///
    /// - Parameters:
    ///   - settings: for `postgresql.conf`, beside those that make a test server quick.
    ///   - hba: the whole of `pg_hba.conf`.
    package init(settings: [String: String] = [:], hba: String = "local all all trust\nhost all all all trust\n")
        async throws
    {
        port = try freePort()
        directory = try TemporaryDirectory("postgres")
        self.settings = settings
        guard unsafe chmod(directory.path, 0o777) == 0 else { throw TestSupportError("chmod: errno \(errno)") }
        let made = try await ChildProcess.run(
            "initdb",
            [
                "-D", directory.path("data"), "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C.UTF-8", "-E",
                "UTF8",
            ],
            user: "postgres"
        )
        guard made.exit == .code(0) else { throw TestSupportError("initdb: \(made.error)") }
        try directory.write(hba, to: "data/pg_hba.conf")
        try await start()
    }

    /// The server's address for a URL or a DSN.
    package var url: String { "postgresql://postgres@127.0.0.1:\(port)/postgres" }

    /// Starts it, or starts it again after `stop`; returns when it answers.
    ///
    /// - Parameters:
    ///   - settings: beside those given at first, for this start.
    package func start(settings extra: [String: String] = [:], waits: Bool = true) async throws {
        var options = [
            "listen_addresses": "127.0.0.1", "unix_socket_directories": directory.path, "fsync": "off",
            "max_wal_senders": "4", "shared_buffers": "16MB", "logging_collector": "off", "autovacuum": "off",
        ]
        options.merge(settings) { $1 }
        options.merge(extra) { $1 }
        let arguments = options.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        let started = try ChildProcess(
            "postgres",
            ["-D", directory.path("data"), "-p", String(port)] + arguments,
            user: "postgres"
        )
        process.withLock { $0 = started }
        guard waits else { return }
        let isUp = try await waitUntil(deadline: .seconds(20)) {
            guard started.isRunning else { throw TestSupportError("postgres ended: \(started.errorOutput)") }
            return try await ChildProcess.run("pg_isready", ["-q", "-h", directory.path, "-p", String(port)]).exit
                == .code(0)
        }
        guard isUp else { throw TestSupportError("postgres did not start: \(started.errorOutput)") }
    }

    /// Runs statements through psql and returns its unaligned output.
    @discardableResult
    package func execute(_ sql: String, database: String = "postgres") async throws -> String {
        let result = try await ChildProcess.run(
            "psql",
            [
                "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", directory.path, "-p", String(port), "-U", "postgres",
                "-d", database, "-c", sql,
            ]
        )
        guard result.exit == .code(0) else { throw TestSupportError("psql: \(result.error)") }
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The postmaster's process.
    package var identifier: Int32? { process.withLock { $0?.identifier } }

    package var log: String { process.withLock { $0?.errorOutput ?? "" } }

    /// The postmaster's children.
    package var backends: [Int32] {
        guard let identifier else { return [] }
        return children(of: identifier)
    }

    /// Freezes the postmaster: connections are accepted by the kernel and never answered; open ones go on.
    package func suspend() { process.withLock { $0?.send(SIGSTOP) } }

    /// Freezes the postmaster and every backend.
    package func suspendAll() {
        suspend()
        for backend in backends { kill(backend, SIGSTOP) }
    }

    package func resume() {
        for backend in backends { kill(backend, SIGCONT) }
        process.withLock { $0?.send(SIGCONT) }
    }

    /// Ends it: SIGINT is a fast shutdown, SIGQUIT an immediate one, SIGKILL a crash.
    package func stop(_ signal: Int32 = SIGQUIT) async {
        guard let running = process.withLock({ $0 }) else { return }
        for backend in backends { kill(backend, SIGCONT) }
        await running.stop(signal, grace: .seconds(10))
        process.withLock { $0 = nil }
    }
}

func children(of parent: Int32) -> [Int32] {
    let text = try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
    if let text { return text.split(separator: " ").compactMap { Int32($0) } }
    return []
}

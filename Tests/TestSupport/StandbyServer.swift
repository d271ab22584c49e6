// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A streaming replica of a PostgreSQL server, made with pg_basebackup.
package final class StandbyServer: Sendable {
    package let port: UInt16
    private let directory: TemporaryDirectory
    private let process = Mutex<ChildProcess?>(nil)

    package init(of primary: PostgresServer) async throws {
        port = try freePort()
        directory = try TemporaryDirectory("standby")
        guard unsafe chmod(directory.path, 0o777) == 0 else { throw TestSupportError("chmod: errno \(errno)") }
        try await primary.execute("SELECT 1")
        let hba = "local all all trust\nhost all all all trust\nhost replication all all trust\n"
        try primary.directory.write(hba, to: "data/pg_hba.conf")
        try await primary.execute("SELECT pg_reload_conf()")
        let made = try await ChildProcess.run(
            "pg_basebackup",
            [
                "-h", "127.0.0.1", "-p", String(primary.port), "-U", "postgres", "-D", directory.path("data"), "-R",
                "-X", "stream", "--checkpoint=fast", "--no-sync",
            ],
            user: "postgres"
        )
        guard made.exit == .code(0) else { throw TestSupportError("pg_basebackup: \(made.error)") }
        try await restart()
    }

    package var url: String { "postgresql://postgres@127.0.0.1:\(port)/postgres" }

    /// Starts it, or ends it and starts it again with other settings; returns when it listens.
    package func restart(settings: [String: String] = [:]) async throws {
        await stop()
        let options = [
            "listen_addresses": "127.0.0.1", "unix_socket_directories": directory.path, "fsync": "off",
            "shared_buffers": "16MB", "wal_retrieve_retry_interval": "100ms",
        ].merging(settings) { $1 }
        let arguments = options.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        let started = try ChildProcess(
            "postgres",
            ["-D", directory.path("data"), "-p", String(port)] + arguments,
            user: "postgres"
        )
        process.withLock { $0 = started }
        let port = port
        guard await waitUntil(deadline: .seconds(20), { accepts(port: port) }) else {
            throw TestSupportError("standby: \(started.errorOutput)")
        }
    }

    package func stop() async {
        guard let running = process.withLock({ $0 }) else { return }
        await running.stop(SIGQUIT, grace: .seconds(10))
        process.withLock { $0 = nil }
    }
}

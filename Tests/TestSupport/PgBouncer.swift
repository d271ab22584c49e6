// SPDX-License-Identifier: Apache-2.0

import Foundation

/// PgBouncer in transaction mode in front of a PostgreSQL server.
package final class PgBouncer: Sendable {
    package let port: UInt16
    private let directory: TemporaryDirectory
    private let process: ChildProcess

    package init(before server: PostgresServer, settings: [String: String] = [:]) async throws {
        port = try freePort()
        directory = try TemporaryDirectory("pgbouncer")
        guard unsafe chmod(directory.path, 0o777) == 0 else { throw TestSupportError("chmod: errno \(errno)") }
        let users = try directory.write("\"postgres\" \"\"\n", to: "users")
        _ = unsafe chmod(users, 0o644)
        var lines = [
            "[databases]", "postgres = host=127.0.0.1 port=\(server.port) user=postgres", "[pgbouncer]",
            "listen_addr = 127.0.0.1", "listen_port = \(port)", "auth_type = trust", "auth_file = \(users)",
            "pool_mode = transaction",
            "unix_socket_dir = \(directory.path)", "ignore_startup_parameters = extra_float_digits",
            "server_login_retry = 1", "server_connect_timeout = 2",
        ]
        lines += settings.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
        let path = try directory.write(lines.joined(separator: "\n") + "\n", to: "pgbouncer.ini")
        _ = unsafe chmod(path, 0o644)
        process = try ChildProcess("pgbouncer", [path], user: "postgres")
        let (port, process) = (port, process)
        guard await waitUntil({ !process.isRunning || accepts(port: port) }), process.isRunning else {
            throw TestSupportError("pgbouncer: \(process.errorOutput)")
        }
    }

    package var url: String { url(database: "postgres") }

    package func url(database: String) -> String { "postgresql://postgres@127.0.0.1:\(port)/\(database)" }

    package func stop() async { await process.stop(SIGKILL) }
}

// SPDX-License-Identifier: Apache-2.0

/// A Sentinel that watches one primary under the name `main`.
package final class SentinelServer: Sendable {
    package let port: UInt16
    package let process: ChildProcess
    private let directory: TemporaryDirectory

    /// - Parameter silence: milliseconds until a silent primary counts as down.
    package init(of primary: RedisServer, silence: Int = 300) async throws {
        port = try freePort()
        directory = try TemporaryDirectory("sentinel")
        let path = try directory.write(
            """
            port \(port)
            bind 127.0.0.1
            dir \(directory.path)
            sentinel monitor main 127.0.0.1 \(primary.port) 1
            sentinel down-after-milliseconds main \(silence)
            sentinel failover-timeout main 60000
            """,
            to: "sentinel.conf"
        )
        process = try ChildProcess("redis-sentinel", [path])
        let (process, port) = (process, port)
        guard await waitUntil({ !process.isRunning || accepts(port: port) }), process.isRunning else {
            throw TestSupportError("redis-sentinel: \(process.output)")
        }
    }

    package var url: String { "redis://127.0.0.1:\(port)" }
}

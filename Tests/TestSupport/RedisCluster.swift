// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A Redis Cluster of three primaries and a replica of each, on loopback.
package final class RedisCluster: Sendable {
    /// The first three are the primaries.
    package let nodes: [RedisServer]

    /// - Parameter nodeTimeout: milliseconds until a silent node counts as failed.
    package init(nodeTimeout: Int = 500) async throws {
        var nodes: [RedisServer] = []
        for _ in 0..<6 {
            let arguments = [
                "--cluster-enabled", "yes", "--cluster-node-timeout", "\(nodeTimeout)",
                "--cluster-require-full-coverage", "yes", "--repl-diskless-sync-delay", "0",
            ]
            nodes.append(try await RedisServer(arguments))
        }
        self.nodes = nodes
        let addresses = nodes.map { "127.0.0.1:\($0.port)" }
        let made = try await ChildProcess.run(
            "redis-cli",
            ["--cluster", "create"] + addresses + ["--cluster-replicas", "1", "--cluster-yes"]
        )
        guard made.exit == .code(0) else { throw TestSupportError("redis-cli --cluster create: \(made.output)") }
        let isWhole = try await waitUntil(deadline: .seconds(20)) {
            for node in nodes {
                let state = try await node.command(["CLUSTER", "INFO"])
                guard state.contains("cluster_state:ok"), state.contains("cluster_known_nodes:6") else { return false }
                let role = try await node.command(["INFO", "replication"])
                guard role.contains("role:master") || role.contains("master_link_status:up") else { return false }
            }
            return true
        }
        guard isWhole else { throw TestSupportError("the cluster does not come together") }
    }

    package func stop() async {
        for node in nodes { await node.stop() }
    }
}

// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// A primary that has something to tell, its replica, their Sentinel, and a node of a cluster.
extension ExporterTests {
    @Test func `redis_exporter`() async throws {
        let redis = try await RedisServer([
            "--enable-debug-command", "yes", "--latency-monitor-threshold", "5", "--slowlog-log-slower-than", "5000",
            "--maxmemory-policy", "allkeys-lru", "--repl-diskless-sync-delay", "0", "--appendonly", "yes",
        ])
        for words in [
            ["SET", "a", "1"], ["SET", "b", "1", "EX", "1000"], ["SET", "c", "1", "PX", "1"], ["GET", "a"],
            ["GET", "nothing"], ["SUBSCRIBE_TO", "nothing"], ["LPUSH", "a", "wrong"], ["EVAL", "return 1", "0"],
            ["DEBUG", "SLEEP", "0.02"], ["BGSAVE"],
        ] {
            try await redis.command(words)
        }
        try await compare(redis.url, names: 105, series: 150)
        let replica = try await RedisServer(["--replicaof", "127.0.0.1 \(redis.port)"])
        let isLinked = try await waitUntil {
            try await replica.command(["INFO", "replication"]).contains("master_link_status:up")
        }
        #expect(isLinked)
        try await compare(replica.url, names: 105, series: 130)
        try await compare(redis.url, names: 105, series: 150)

        let sentinel = try await SentinelServer(of: redis)
        try await compare(sentinel.url, mode: "sentinel", names: 55, series: 55)
        await sentinel.process.stop()
        await replica.stop()
        await redis.stop()
    }

    @Test func `redis_exporter at a node of a cluster`() async throws {
        let cluster = try await RedisCluster()
        let node = try #require(cluster.nodes.first)
        try await compare(node.url, mode: "cluster", names: 110, series: 140)
        await cluster.stop()
    }

    private func compare(_ url: String, mode: String = "standalone", names: Int, series: Int) async throws {
        let peer = try await ExporterPeer("prometheus-redis-exporter") {
            ["-web.listen-address", "127.0.0.1:\($0)", "-redis.addr", url]
                + (mode == "cluster" ? ["-is-cluster"] : [])
        }
        let sidecar = try await ExporterPeer.sidecar("redis: { url: \"\(url)\", mode: \(mode) }")
        try await ExporterComparison(
            url: peer.url + "/metrics",
            sidecar: sidecar,
            exceptions: [
                // about the exporter and the check themselves
                "redis_exporter_last_scrape_duration_seconds",
                // the exporter's connection exists only while it looks, and Redis counts its buffers then
                "redis_memory_used_bytes", "redis_memory_used_dataset_bytes", "redis_mem_clients_normal",
                "redis_client_recent_max_input_buffer_bytes", "redis_client_recent_max_output_buffer_bytes",
                "redis_memory_used_overhead_bytes",
            ],
            renamed: ["redis_max_clients": "redis_config_maxclients"],
            exporterShare: ["redis_connected_clients": 1],
            // the exporter has the empty ones, too
            aggregated: ["redis_db_keys": (["db"], .sum), "redis_db_keys_expiring": (["db"], .sum)]
        ).run(names: names, series: series)
        await peer.process.stop()
        await sidecar.process.stop()
    }
}

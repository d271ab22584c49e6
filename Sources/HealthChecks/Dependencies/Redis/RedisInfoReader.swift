// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import RedisClient

/// Turns the answers of a Redis server into samples, with label arrays that stay the same from time to time.
struct RedisInfoReader {
    private static let seriesLimit = 2_000
    private var databases = LabelCache(["db"])
    private var commandLabels = LabelCache(["cmd"])
    private var quantiles = LabelCache(["cmd", "quantile"])
    private var errors = LabelCache(["err"])
    private var replicas = LabelCache(["slave_ip", "slave_port", "slave_state"])
    private var masters = LabelCache(["master_host", "master_port"])
    private var events = LabelCache(["event_name"])
    private var sentinelMasters = LabelCache(["master_name", "master_address"])
    private var sentinelStatus = LabelCache(["master_name", "master_address", "master_status"])
    private var instance = LabelCache([
        "role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy", "tcp_port", "run_id",
        "process_id",
    ])

    mutating func samples(_ info: RedisInfo, commands: Bool) -> [CheckSample] {
        var samples: [CheckSample] = []
        samples.reserveCapacity(200)
        for (key, value) in info.fields where samples.count < Self.seriesLimit {
            if let family = RedisFamilies.fields[key] {
                if let number = Self.number(value) { samples.append(CheckSample(family, [], number)) }
            } else if key.hasPrefix("db"), value.hasPrefix("keys=") {
                appendDatabase(key, value, to: &samples)
            } else if commands, key.hasPrefix("cmdstat_") {
                appendCommand(String(key.dropFirst(8)), value, to: &samples)
            } else if commands, key.hasPrefix("latency_percentiles_usec_") {
                appendPercentiles(String(key.dropFirst(25)), value, to: &samples)
            } else if key.hasPrefix("errorstat_") {
                let count = RedisInfo.pairs(value)["count"].flatMap { Double($0) }
                append(
                    "redis_errors_total",
                    errors.labels([String(key.dropFirst(10))]),
                    count,
                    counter: true,
                    to: &samples
                )
            } else if key.hasPrefix("slave"), value.hasPrefix("ip=") {
                appendReplica(value, to: &samples)
            }
        }
        appendInstance(info, to: &samples)
        appendMaster(info, to: &samples)
        for master in info.sentinelMasters { appendSentinelMaster(master, to: &samples) }
        return samples
    }

    mutating func clusterSamples(_ info: RedisInfo) -> [CheckSample] {
        var samples: [CheckSample] = []
        for (key, value) in info.fields where key.hasPrefix("cluster_") {
            guard let number = Self.number(value) else { continue }
            let isCounter = key.hasPrefix("cluster_stats_messages") || key.hasPrefix("cluster_messages")
            append("redis_" + key + (isCounter ? "_total" : ""), [], number, counter: isCounter, to: &samples)
        }
        return samples
    }

    mutating func slowLogSamples(length: RedisValue?, newest: RedisValue?, latency: RedisValue?) -> [CheckSample] {
        var samples: [CheckSample] = []
        append("redis_slowlog_length", [], length?.integer.map(Double.init), to: &samples)
        if let entry = newest?.array?.first?.array, entry.count >= 3 {
            append("redis_slowlog_last_id", [], entry[0].integer.map(Double.init), to: &samples)
            let microseconds = entry[2].integer.map { Double($0) / 1e6 }
            append("redis_last_slow_execution_duration_seconds", [], microseconds, to: &samples)
        } else if newest?.array?.isEmpty == true {
            append("redis_last_slow_execution_duration_seconds", [], 0, to: &samples)
        }
        for event in latency?.array ?? [] {
            guard let parts = event.array, parts.count >= 3, let name = parts[0].text else { continue }
            let labels = events.labels([name])
            append("redis_latency_spike_last", labels, parts[1].integer.map(Double.init), to: &samples)
            let seconds = parts[2].integer.map { Double($0) / 1e3 }
            append("redis_latency_spike_duration_seconds", labels, seconds, to: &samples)
        }
        return samples
    }

    private mutating func appendDatabase(_ name: String, _ value: String, to samples: inout [CheckSample]) {
        let pairs = RedisInfo.pairs(value)
        let labels = databases.labels([name])
        append("redis_db_keys", labels, pairs["keys"].flatMap { Double($0) }, to: &samples)
        append("redis_db_keys_expiring", labels, pairs["expires"].flatMap { Double($0) }, to: &samples)
        let lifetime = pairs["avg_ttl"].flatMap { Double($0) }.map { $0 / 1_000 }
        append("redis_db_avg_ttl_seconds", labels, lifetime, to: &samples)
    }

    private mutating func appendCommand(_ name: String, _ value: String, to samples: inout [CheckSample]) {
        let pairs = RedisInfo.pairs(value)
        let labels = commandLabels.labels([name])
        append("redis_commands_total", labels, pairs["calls"].flatMap { Double($0) }, counter: true, to: &samples)
        let seconds = pairs["usec"].flatMap { Double($0) }.map { $0 / 1e6 }
        append("redis_commands_duration_seconds_total", labels, seconds, counter: true, to: &samples)
        let rejected = pairs["rejected_calls"].flatMap { Double($0) }
        append("redis_commands_rejected_calls_total", labels, rejected, counter: true, to: &samples)
        let failed = pairs["failed_calls"].flatMap { Double($0) }
        append("redis_commands_failed_calls_total", labels, failed, counter: true, to: &samples)
    }

    private mutating func appendPercentiles(_ name: String, _ value: String, to samples: inout [CheckSample]) {
        for (quantile, text) in RedisInfo.pairs(value).sorted(by: { $0.key < $1.key }) where quantile.hasPrefix("p") {
            let labels = quantiles.labels([name, String(quantile.dropFirst())])
            append("redis_latency_percentiles_usec", labels, Double(text), to: &samples)
        }
    }

    private mutating func appendReplica(_ value: String, to samples: inout [CheckSample]) {
        let pairs = RedisInfo.pairs(value)
        let labels = replicas.labels([pairs["ip"] ?? "", pairs["port"] ?? "", pairs["state"] ?? ""])
        append("redis_connected_slave_offset_bytes", labels, pairs["offset"].flatMap { Double($0) }, to: &samples)
        append("redis_connected_slave_lag_seconds", labels, pairs["lag"].flatMap { Double($0) }, to: &samples)
    }

    private mutating func appendInstance(_ info: RedisInfo, to samples: inout [CheckSample]) {
        guard info["redis_version"] != nil else { return }
        let fields = [
            "role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy", "tcp_port", "run_id",
            "process_id",
        ]
        samples.append(CheckSample(RedisFamilies.instanceInfo, instance.labels(fields.map { info[$0] ?? "" }), 1))
        if let now = info["server_time_usec"].flatMap({ Double($0) }),
            let up = info["uptime_in_seconds"].flatMap({ Double($0) })
        {
            samples.append(CheckSample(RedisFamilies.startTime, [], (now / 1e6 - up).rounded(.down)))
        }
    }

    private mutating func appendMaster(_ info: RedisInfo, to samples: inout [CheckSample]) {
        guard info["role"] == "slave", let host = info["master_host"] else { return }
        let labels = masters.labels([host, info["master_port"] ?? ""])
        append("redis_master_link_up", labels, info["master_link_status"] == "up" ? 1 : 0, to: &samples)
        for (name, field) in [
            ("redis_master_last_io_seconds_ago", "master_last_io_seconds_ago"),
            ("redis_master_sync_in_progress", "master_sync_in_progress"),
            ("redis_slave_repl_offset", "slave_repl_offset"),
        ] {
            append(name, labels, info[field].flatMap { Double($0) }, to: &samples)
        }
    }

    private mutating func appendSentinelMaster(_ master: [String: String], to samples: inout [CheckSample]) {
        let name = master["name"] ?? "", address = master["address"] ?? "", status = master["status"] ?? ""
        let labels = sentinelMasters.labels([name, address])
        let isOK: Double = status == "ok" ? 1 : 0
        append("redis_sentinel_master_status", sentinelStatus.labels([name, address, status]), isOK, to: &samples)
        append("redis_sentinel_master_slaves", labels, master["slaves"].flatMap { Double($0) }, to: &samples)
        append("redis_sentinel_master_sentinels", labels, master["sentinels"].flatMap { Double($0) }, to: &samples)
    }

    private func append(
        _ name: String,
        _ labels: [CheckLabel],
        _ value: Double?,
        counter: Bool = false,
        to samples: inout [CheckSample]
    ) {
        guard let value else { return }
        samples.append(CheckSample(CheckFamily(name, kind: counter ? .counter : .gauge), labels, value))
    }

    private static func number(_ text: String) -> Double? {
        switch text {
        case "ok", "up", "yes": 1
        case "err", "fail", "down", "no": 0
        default: Double(text)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// What `stats` and `stats settings` say, under the names of memcached_exporter.
struct MemcachedStatistics {
    static let up = CheckFamily("memcached_up", help: "Whether the server answered.")

    private static let gauges: [(String, String)] = [
        ("uptime", "memcached_uptime_seconds"), ("bytes", "memcached_current_bytes"),
        ("limit_maxbytes", "memcached_limit_bytes"), ("curr_items", "memcached_current_items"),
        ("curr_connections", "memcached_current_connections"), ("maxconns", "memcached_max_connections"),
        ("accepting_conns", "memcached_accepting_connections"), ("threads", "memcached_threads"),
    ]
    private static let counters: [(String, String)] = [
        ("total_items", "memcached_items_total"), ("evictions", "memcached_items_evicted_total"),
        ("reclaimed", "memcached_items_reclaimed_total"), ("total_connections", "memcached_connections_total"),
        ("rejected_connections", "memcached_connections_rejected_total"),
        ("conn_yields", "memcached_connections_yielded_total"),
        ("listen_disabled_num", "memcached_connections_listener_disabled_total"),
        ("bytes_read", "memcached_read_bytes_total"), ("bytes_written", "memcached_written_bytes_total"),
        ("rusage_user", "memcached_process_user_cpu_seconds_total"),
        ("rusage_system", "memcached_process_system_cpu_seconds_total"),
    ]
    private static let commands: [(String, String, String)] = [
        ("get_hits", "get", "hit"), ("get_misses", "get", "miss"), ("delete_hits", "delete", "hit"),
        ("delete_misses", "delete", "miss"), ("incr_hits", "incr", "hit"), ("incr_misses", "incr", "miss"),
        ("decr_hits", "decr", "hit"), ("decr_misses", "decr", "miss"), ("touch_hits", "touch", "hit"),
        ("touch_misses", "touch", "miss"), ("cas_hits", "cas", "hit"), ("cas_misses", "cas", "miss"),
        ("cas_badval", "cas", "badval"), ("cmd_flush", "flush", "hit"),
    ]
    private static let commandFamily = CheckFamily(
        "memcached_commands_total",
        help: "Commands by outcome.",
        kind: .counter
    )
    private static let commandLabels = commands.map { [CheckLabel("command", $0.1), CheckLabel("status", $0.2)] }
    private static let gaugeFamilies = gauges.map { CheckFamily($0.1) }
    private static let counterFamilies = counters.map { CheckFamily($0.1, kind: .counter) }

    private let values: [String: String]
    private let version: String

    init(_ values: [String: String], version: String) {
        self.values = values
        self.version = version
    }

    subscript(_ name: String) -> Double? { values[name].flatMap { Double($0) } }

    var samples: [CheckSample] {
        var samples = [
            CheckSample(Self.up, [], 1), CheckSample("memcached_version", [CheckLabel("version", version)], 1),
        ]
        for (pair, family) in zip(Self.gauges, Self.gaugeFamilies) {
            if let value = self[pair.0] { samples.append(CheckSample(family, [], value)) }
        }
        for (pair, family) in zip(Self.counters, Self.counterFamilies) {
            if let value = self[pair.0] { samples.append(CheckSample(family, [], value)) }
        }
        for (command, labels) in zip(Self.commands, Self.commandLabels) {
            if let value = self[command.0] { samples.append(CheckSample(Self.commandFamily, labels, value)) }
        }
        // The exporter derives sets from what was stored: all sets less those that compare-and-swap counted.
        if let sets = self["cmd_set"] {
            let swaps = ["cas_hits", "cas_misses", "cas_badval"].reduce(0) { $0 + (self[$1] ?? 0) }
            let labels = [CheckLabel("command", "set"), CheckLabel("status", "hit")]
            samples.append(CheckSample(Self.commandFamily, labels, max(0, sets - swaps)))
        }
        return samples
    }
}

// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// The names that redis_exporter gave to the fields of INFO.
enum RedisFamilies {
    static let up = CheckFamily("redis_up", help: "Whether the server answered and is fit for use.")
    static let lastScrapeError = CheckFamily("redis_exporter_last_scrape_error", help: "Whether INFO was refused.")
    static let lastScrapeDuration = CheckFamily(
        "redis_exporter_last_scrape_duration_seconds",
        help: "How long the batch of commands took."
    )
    static let noError = [CheckLabel("err", "")]
    static let instanceInfo = CheckFamily("redis_instance_info", help: "What the server is, as labels.")
    static let startTime = CheckFamily("redis_start_time_seconds", help: "Unix time at which the server started.")

    /// Fields whose value is a number, or `ok`.
    static let fields: [String: CheckFamily] = {
        var families: [String: CheckFamily] = [:]
        for (field, name) in gauges { families[field] = CheckFamily("redis_" + (name.isEmpty ? field : name)) }
        for (field, name) in counters { families[field] = CheckFamily("redis_" + name, kind: .counter) }
        return families
    }()

    /// An empty name means the field's own.
    private static let gauges: [(String, String)] = [
        ("uptime_in_seconds", ""), ("process_id", ""), ("io_threads_active", ""),
        // Clients
        ("connected_clients", ""), ("blocked_clients", ""), ("maxclients", "max_clients"), ("tracking_clients", ""),
        ("clients_in_timeout_table", ""), ("cluster_connections", ""),
        ("client_recent_max_input_buffer", "client_recent_max_input_buffer_bytes"),
        ("client_recent_max_output_buffer", "client_recent_max_output_buffer_bytes"),
        // Memory
        ("allocator_active", "allocator_active_bytes"), ("allocator_allocated", "allocator_allocated_bytes"),
        ("allocator_resident", "allocator_resident_bytes"), ("allocator_frag_ratio", ""), ("allocator_frag_bytes", ""),
        ("allocator_rss_ratio", ""), ("allocator_rss_bytes", ""), ("used_memory", "memory_used_bytes"),
        ("used_memory_rss", "memory_used_rss_bytes"), ("used_memory_peak", "memory_used_peak_bytes"),
        ("used_memory_lua", "memory_used_lua_bytes"), ("used_memory_overhead", "memory_used_overhead_bytes"),
        ("used_memory_startup", "memory_used_startup_bytes"), ("used_memory_dataset", "memory_used_dataset_bytes"),
        ("used_memory_scripts", "memory_used_scripts_bytes"), ("number_of_cached_scripts", ""),
        ("maxmemory", "memory_max_bytes"), ("mem_fragmentation_ratio", ""), ("mem_fragmentation_bytes", ""),
        ("mem_clients_slaves", ""), ("mem_clients_normal", ""),
        ("mem_not_counted_for_evict", "mem_not_counted_for_eviction_bytes"),
        ("lazyfree_pending_objects", ""), ("lazyfreed_objects", ""), ("active_defrag_running", ""),
        ("total_system_memory", "total_system_memory_bytes"),
        // Persistence
        ("loading", "loading_dump_file"), ("async_loading", ""), ("rdb_changes_since_last_save", ""),
        ("rdb_last_save_time", "rdb_last_save_timestamp_seconds"), ("rdb_last_bgsave_status", ""),
        ("rdb_last_bgsave_time_sec", "rdb_last_bgsave_duration_sec"),
        ("rdb_current_bgsave_time_sec", "rdb_current_bgsave_duration_sec"), ("rdb_bgsave_in_progress", ""),
        ("rdb_last_cow_size", "rdb_last_cow_size_bytes"), ("aof_enabled", ""), ("aof_rewrite_in_progress", ""),
        ("aof_rewrite_scheduled", ""), ("aof_last_rewrite_time_sec", "aof_last_rewrite_duration_sec"),
        ("aof_current_rewrite_time_sec", "aof_current_rewrite_duration_sec"),
        ("aof_last_cow_size", "aof_last_cow_size_bytes"), ("aof_current_size", "aof_current_size_bytes"),
        ("aof_base_size", "aof_base_size_bytes"), ("aof_pending_rewrite", ""), ("aof_buffer_length", ""),
        ("aof_rewrite_buffer_length", ""), ("aof_pending_bio_fsync", ""), ("aof_delayed_fsync", ""),
        ("aof_last_bgrewrite_status", ""), ("aof_last_write_status", ""), ("module_fork_in_progress", ""),
        // Statistics
        ("instantaneous_ops_per_sec", ""), ("instantaneous_input_kbps", ""), ("instantaneous_output_kbps", ""),
        ("pubsub_channels", ""), ("pubsub_patterns", ""), ("latest_fork_usec", ""), ("tracking_total_keys", ""),
        ("tracking_total_items", ""), ("tracking_total_prefixes", ""),
        ("migrate_cached_sockets", "migrate_cached_sockets_total"),
        ("slave_expires_tracked_keys", ""), ("expired_stale_perc", "expired_stale_percentage"),
        ("current_eviction_exceeded_time", "current_eviction_exceeded_time_ms"),
        // Replication
        ("connected_slaves", ""), ("repl_backlog_size", "replication_backlog_bytes"),
        ("repl_backlog_active", "repl_backlog_is_active"), ("repl_backlog_first_byte_offset", ""),
        ("repl_backlog_histlen", "repl_backlog_history_bytes"), ("master_repl_offset", ""), ("second_repl_offset", ""),
        ("slave_priority", ""), ("min_slaves_good_slaves", ""),
        ("cluster_enabled", ""),
        // Sentinel
        ("sentinel_masters", ""), ("sentinel_tilt", ""), ("sentinel_running_scripts", ""),
        ("sentinel_scripts_queue_length", ""), ("sentinel_simulate_failure_flags", ""),
    ]

    private static let counters: [(String, String)] = [
        ("total_connections_received", "connections_received_total"),
        ("total_commands_processed", "commands_processed_total"),
        ("rejected_connections", "rejected_connections_total"),
        ("total_net_input_bytes", "net_input_bytes_total"), ("total_net_output_bytes", "net_output_bytes_total"),
        ("total_net_repl_input_bytes", "net_repl_input_bytes_total"),
        ("total_net_repl_output_bytes", "net_repl_output_bytes_total"), ("expired_keys", "expired_keys_total"),
        ("expired_time_cap_reached_count", "expired_time_cap_reached_total"), ("evicted_keys", "evicted_keys_total"),
        ("evicted_clients", "evicted_clients_total"), ("keyspace_hits", "keyspace_hits_total"),
        ("keyspace_misses", "keyspace_misses_total"),
        ("total_eviction_exceeded_time", "eviction_exceeded_time_ms_total"),
        ("sync_full", "replica_resyncs_full"), ("sync_partial_ok", "replica_partial_resync_accepted"),
        ("sync_partial_err", "replica_partial_resync_denied"), ("total_forks", "forks_total"),
        ("total_error_replies", "total_error_replies"), ("total_reads_processed", "total_reads_processed"),
        ("total_writes_processed", "total_writes_processed"),
        ("io_threaded_reads_processed", "io_threaded_reads_processed"),
        ("io_threaded_writes_processed", "io_threaded_writes_processed"), ("used_cpu_sys", "cpu_sys_seconds_total"),
        ("used_cpu_user", "cpu_user_seconds_total"), ("used_cpu_sys_children", "cpu_sys_children_seconds_total"),
        ("used_cpu_user_children", "cpu_user_children_seconds_total"),
        ("used_cpu_sys_main_thread", "cpu_sys_main_thread_seconds_total"),
        ("used_cpu_user_main_thread", "cpu_user_main_thread_seconds_total"), ("active_defrag_hits", "defrag_hits"),
        ("active_defrag_misses", "defrag_misses"), ("active_defrag_key_hits", "defrag_key_hits"),
        ("active_defrag_key_misses", "defrag_key_misses"), ("acl_access_denied_auth", "acl_access_denied_auth_total"),
        ("acl_access_denied_cmd", "acl_access_denied_cmd_total"),
        ("unexpected_error_replies", "unexpected_error_replies"),
    ]
}

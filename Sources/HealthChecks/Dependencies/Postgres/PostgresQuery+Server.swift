// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// What is asked of the server as a whole.
extension PostgresQuery {
    static func settings(_ version: Int) -> PostgresQuery {
        PostgresQuery(
            .settings,
            families: [
                PostgresFamilies.gauge("pg_settings_max_connections", "Server parameter max_connections."),
                PostgresFamilies.gauge("pg_settings_superuser_reserved_connections"),
                PostgresFamilies.gauge("pg_settings_reserved_connections"),
                PostgresFamilies.gauge("pg_postmaster_start_time_seconds", "Unix time at which the server started."),
            ],
            """
            SELECT current_setting('max_connections'), current_setting('superuser_reserved_connections'), \
            \(version >= 160_000 ? "current_setting('reserved_connections')" : "NULL"), \
            extract(epoch FROM pg_postmaster_start_time())
            """
        )
    }

    /// Without the wait events as labels: they change with every look and would make a new series each time.
    static let activity = PostgresQuery(
        .activity,
        labels: ["datname", "state", "usename", "application_name", "backend_type"],
        families: [
            PostgresFamilies.gauge("pg_stat_activity_count", "Connections in this state."),
            PostgresFamilies.gauge("pg_stat_activity_max_tx_duration", "Age in seconds of their oldest transaction."),
        ],
        """
        SELECT coalesce(datname, ''), coalesce(state, ''), coalesce(usename, ''), coalesce(application_name, ''), \
        coalesce(backend_type, ''), count(*), \
        coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) \
        FROM pg_stat_activity GROUP BY 1, 2, 3, 4, 5
        """
    )

    static let longRunningTransactions = PostgresQuery(
        .longRunningTransactions,
        families: [
            PostgresFamilies.gauge("pg_long_running_transactions", "Open transactions of other sessions."),
            PostgresFamilies.gauge(
                "pg_long_running_transactions_oldest_timestamp_seconds",
                "Age in seconds of the oldest of them."
            ),
            PostgresFamilies.gauge(
                "pg_idle_in_transaction_oldest_seconds",
                "How long the session has waited that has been idle in a transaction longest."
            ),
        ],
        """
        SELECT count(*) FILTER (WHERE xact_start IS NOT NULL AND state IS DISTINCT FROM 'idle' \
        AND backend_type IS DISTINCT FROM 'autovacuum worker'), \
        coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)) FILTER (WHERE state IS DISTINCT FROM 'idle' \
        AND backend_type IS DISTINCT FROM 'autovacuum worker'), 0), \
        coalesce(max(extract(epoch FROM clock_timestamp() - state_change)) \
        FILTER (WHERE state LIKE 'idle in transaction%'), 0) \
        FROM pg_stat_activity WHERE pid <> pg_backend_pid()
        """
    )

    static let locks = PostgresQuery(
        .locks,
        part: "modes",
        labels: ["datname", "mode"],
        families: [PostgresFamilies.gauge("pg_locks_count", "Locks held or awaited.")],
        """
        SELECT d.datname, m.mode, count(l.mode) FROM (VALUES ('accesssharelock'), ('rowsharelock'), \
        ('rowexclusivelock'), ('shareupdateexclusivelock'), ('sharelock'), ('sharerowexclusivelock'), \
        ('exclusivelock'), ('accessexclusivelock'), ('sireadlock')) AS m (mode) CROSS JOIN pg_database AS d \
        LEFT JOIN pg_locks AS l ON l.database = d.oid AND lower(l.mode) = m.mode GROUP BY 1, 2
        """
    )

    static let blocked = PostgresQuery(
        .locks,
        part: "blocked",
        families: [
            PostgresFamilies.gauge("pg_blocked_sessions", "Sessions that wait for a lock."),
            PostgresFamilies.gauge("pg_blocked_sessions_oldest_seconds", "How long their statements have run at most."),
        ],
        """
        SELECT count(*), coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0) \
        FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'
        """
    )

    static func backgroundWriter(_ version: Int) -> PostgresQuery {
        let columns =
            version >= 170_000
            ? ["buffers_clean", "maxwritten_clean", "buffers_alloc"]
            : [
                "checkpoints_timed", "checkpoints_req", "checkpoint_write_time", "checkpoint_sync_time",
                "buffers_checkpoint", "buffers_clean", "maxwritten_clean", "buffers_backend", "buffers_backend_fsync",
                "buffers_alloc",
            ]
        return PostgresQuery(
            .backgroundWriter,
            families: PostgresFamilies.counters("pg_stat_bgwriter_", columns, suffix: "_total"),
            "SELECT \(columns.joined(separator: ", ")) FROM pg_stat_bgwriter"
        )
    }

    /// Columns that moved away from `pg_stat_bgwriter`.
    static func checkpointer(_ version: Int) -> [PostgresQuery] {
        guard version >= 170_000 else { return [] }
        let columns = ["num_timed", "num_requested", "write_time", "sync_time", "buffers_written"]
        return [
            PostgresQuery(
                .backgroundWriter,
                part: "checkpointer",
                families: PostgresFamilies.counters("pg_stat_checkpointer_", columns, suffix: "_total"),
                "SELECT \(columns.joined(separator: ", ")) FROM pg_stat_checkpointer"
            )
        ]
    }

    static let archiver = PostgresQuery(
        .archiver,
        families: [
            PostgresFamilies.counter("pg_stat_archiver_archived_count", "WAL files archived."),
            PostgresFamilies.counter("pg_stat_archiver_failed_count", "Failed attempts to archive a WAL file."),
            PostgresFamilies.gauge(
                "pg_stat_archiver_last_archive_age",
                "Seconds since the last WAL file was archived."
            ),
        ],
        """
        SELECT archived_count, failed_count, extract(epoch FROM clock_timestamp() - last_archived_time) \
        FROM pg_stat_archiver
        """
    )

    static let wal = PostgresQuery(
        .wal,
        families: [
            PostgresFamilies.gauge("pg_wal_segments", "Files of the write-ahead log."),
            PostgresFamilies.gauge("pg_wal_size_bytes", "Bytes of the write-ahead log."),
        ],
        isSlow: true,
        "SELECT count(*), coalesce(sum(size), 0) FROM pg_ls_waldir()"
    )
}

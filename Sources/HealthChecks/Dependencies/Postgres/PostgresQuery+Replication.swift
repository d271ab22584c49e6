// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// What is asked about replication.
extension PostgresQuery {
    /// Received and replayed positions are equal on an idle replica, and on one whose receiver has died: only a receiver
    /// that streams makes equality mean "no lag". One that has replayed no transaction since its start lags since then, at
    /// least.
    static let replication = PostgresQuery(
        .replication,
        part: "lag",
        families: [
            PostgresFamilies.gauge("pg_replication_lag_seconds", "How far the replica is behind; 0 on a primary."),
            PostgresFamilies.gauge("pg_replication_is_replica", "Whether the server is in recovery."),
            PostgresFamilies.gauge("pg_replication_last_replay_seconds", "Age of the last transaction replayed."),
            PostgresFamilies.gauge("pg_wal_receiver_streaming", "Whether the replica's receiver streams."),
        ],
        """
        SELECT CASE WHEN NOT r.replica THEN 0 \
        WHEN r.streaming AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
        ELSE greatest(0, extract(epoch FROM clock_timestamp() - r.replayed)) END, \
        r.replica, \
        CASE WHEN r.replica \
        THEN greatest(0, extract(epoch FROM clock_timestamp() - r.replayed)) ELSE 0 END, \
        CASE WHEN r.replica THEN r.streaming END \
        FROM (SELECT pg_is_in_recovery() AS replica, \
        EXISTS (SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming') AS streaming, \
        coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()) AS replayed) AS r
        """
    )

    static let replicas = PostgresQuery(
        .replication,
        part: "replicas",
        labels: ["application_name", "client_addr", "state"],
        families: [
            PostgresFamilies.gauge("pg_stat_replication_pg_wal_lsn_diff", "Bytes that a replica has still to replay.")
        ],
        """
        SELECT coalesce(application_name, ''), coalesce(host(client_addr), ''), coalesce(state, ''), \
        max(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() \
        ELSE pg_current_wal_lsn() END, replay_lsn)) FROM pg_stat_replication GROUP BY 1, 2, 3
        """
    )

    static func slots(_ version: Int) -> PostgresQuery {
        PostgresQuery(
            .replicationSlots,
            labels: ["slot_name", "slot_type"],
            families: [
                PostgresFamilies.gauge("pg_replication_slots_active", "Whether the slot is in use."),
                PostgresFamilies.gauge(
                    "pg_replication_slots_pg_wal_lsn_diff",
                    "Bytes of WAL that the slot holds back."
                ),
                PostgresFamilies.gauge(
                    "pg_replication_slots_safe_wal_size_bytes",
                    "Bytes that can be written before the slot is lost."
                ),
            ],
            """
            SELECT slot_name, slot_type, active, pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() \
            THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn), \
            \(version >= 130_000 ? "safe_wal_size" : "NULL") FROM pg_replication_slots
            """
        )
    }
}

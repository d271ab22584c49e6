// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// What is asked about databases, tables and statements.
extension PostgresQuery {
    static func database(_ version: Int) -> PostgresQuery {
        let counters = [
            "xact_commit", "xact_rollback", "blks_read", "blks_hit", "tup_returned", "tup_fetched", "tup_inserted",
            "tup_updated", "tup_deleted", "conflicts", "temp_files", "temp_bytes", "deadlocks", "blk_read_time",
            "blk_write_time",
        ]
        return PostgresQuery(
            .database,
            labels: ["datid", "datname"],
            families: [PostgresFamilies.gauge("pg_stat_database_numbackends", "Backends connected to the database.")]
                + PostgresFamilies.counters("pg_stat_database_", counters)
                + [PostgresFamilies.counter("pg_stat_database_active_time_seconds_total", "Time spent in statements.")],
            """
            SELECT datid, coalesce(datname, ''), numbackends, \(counters.joined(separator: ", ")), \
            \(version >= 140_000 ? "active_time / 1000" : "NULL") FROM pg_stat_database
            """
        )
    }

    static let databaseSize = PostgresQuery(
        .databaseSize,
        labels: ["datname"],
        families: [PostgresFamilies.gauge("pg_database_size_bytes", "Disk space used by the database.")],
        isSlow: true,
        """
        SELECT datname, CASE WHEN has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE') \
        THEN pg_database_size(oid) END FROM pg_database
        """
    )

    static func userTables(_ limit: Int) -> PostgresQuery {
        let gauges = ["n_live_tup", "n_dead_tup", "n_mod_since_analyze"]
        let counters = [
            "seq_scan", "seq_tup_read", "idx_scan", "idx_tup_fetch", "n_tup_ins", "n_tup_upd", "n_tup_del",
            "n_tup_hot_upd", "vacuum_count", "autovacuum_count", "analyze_count", "autoanalyze_count",
        ]
        let times = ["last_vacuum", "last_autovacuum", "last_analyze", "last_autoanalyze"]
        return PostgresQuery(
            .userTables,
            labels: ["datname", "schemaname", "relname"],
            families: gauges.map { PostgresFamilies.gauge("pg_stat_user_tables_" + $0) }
                + PostgresFamilies.counters("pg_stat_user_tables_", counters)
                + times.map { PostgresFamilies.gauge("pg_stat_user_tables_" + $0, "Unix time, 0 for never.") },
            isSlow: true,
            """
            SELECT current_database(), schemaname, relname, \((gauges + counters).joined(separator: ", ")), \
            \(times.map { "coalesce(extract(epoch FROM \($0)), 0)" }.joined(separator: ", ")) \
            FROM pg_stat_user_tables ORDER BY n_live_tup + n_dead_tup DESC LIMIT \(limit)
            """
        )
    }

    /// The names say seconds, as the exporter's do; the values are numbers of transactions.
    static let wraparound = PostgresQuery(
        .wraparound,
        labels: ["datname"],
        families: [
            PostgresFamilies.gauge(
                "pg_database_wraparound_age_datfrozenxid_seconds",
                "Age of the oldest transaction ID."
            ),
            PostgresFamilies.gauge("pg_database_wraparound_age_datminmxid_seconds", "Age of the oldest multixact ID."),
        ],
        isSlow: true,
        "SELECT datname, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database WHERE datallowconn"
    )

    /// An estimate from the planner's statistics, as all that does not read the tables: pages in use less those that the
    /// rows need at their average width. Tables that were never analysed have none.
    static func bloat(_ limit: Int) -> PostgresQuery {
        PostgresQuery(
            .bloat,
            labels: ["datname", "schemaname", "relname"],
            families: [
                PostgresFamilies.gauge("pg_table_bloat_size_bytes", "Size of the table without its indexes."),
                PostgresFamilies.gauge("pg_table_bloat_estimate_bytes", "Estimate of what a rewrite would give back."),
            ],
            isSlow: true,
            """
            SELECT current_database(), t.nspname, t.relname, t.pages * t.block, \
            greatest(0, t.pages - ceil(t.rows * t.width / (t.block - 24) * 100 / t.fill)) * t.block \
            FROM (SELECT n.nspname, c.relname, c.relpages::float8 AS pages, c.reltuples::float8 AS rows, \
            current_setting('block_size')::float8 AS block, \
            coalesce(substring(array_to_string(c.reloptions, ' ') FROM 'fillfactor=([0-9]+)')::float8, 100) AS fill, \
            (SELECT 28 + 8 * ceil(sum((1 - s.null_frac) * s.avg_width) / 8) FROM pg_stats AS s \
            WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND NOT s.inherited) AS width \
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
            WHERE c.relkind = 'r' AND c.reltuples > 0 AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
            ORDER BY c.relpages DESC LIMIT \(limit)) AS t WHERE t.width IS NOT NULL
            """
        )
    }

    static func statements(_ version: Int, _ limit: Int) -> PostgresQuery {
        let total = version >= 130_000 ? "total_exec_time" : "total_time"
        let read = version >= 170_000 ? "shared_blk_read_time" : "blk_read_time"
        let write = version >= 170_000 ? "shared_blk_write_time" : "blk_write_time"
        return PostgresQuery(
            .statements,
            labels: ["user", "datname", "queryid"],
            families: PostgresFamilies.counters(
                "pg_stat_statements_",
                [
                    "calls_total", "seconds_total", "rows_total", "block_read_seconds_total",
                    "block_write_seconds_total",
                ]
            ),
            isSlow: true,
            """
            SELECT pg_get_userbyid(s.userid), d.datname, s.queryid, sum(s.calls), sum(s.\(total)) / 1000, sum(s.rows), \
            sum(s.\(read)) / 1000, sum(s.\(write)) / 1000 FROM pg_stat_statements AS s \
            JOIN pg_database AS d ON d.oid = s.dbid WHERE s.queryid IS NOT NULL GROUP BY 1, 2, 3 \
            ORDER BY 5 DESC LIMIT \(limit)
            """
        )
    }
}

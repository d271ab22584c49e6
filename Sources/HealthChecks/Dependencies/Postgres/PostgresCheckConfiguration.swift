// SPDX-License-Identifier: Apache-2.0

/// What to ask a PostgreSQL server. Its description shows no password.
package struct PostgresCheckConfiguration: Sendable, CustomStringConvertible {
    /// A `postgresql://` URL or a keyword/value string, as libpq reads it.
    package var dsn: String
    /// Further series beside `pg_up`; without them an attempt is one small query.
    package var collectors: Set<PostgresCollectorName> = Set(PostgresCollectorName.allCases).subtracting([.statements])
    /// How often sizes, tables and statements are asked for; their values are repeated in between.
    package var slowInterval: Duration = .seconds(30)
    /// Of each statement; the attempt's deadline counts as well.
    package var statementTimeout: Duration = .milliseconds(500)
    package var lockTimeout: Duration = .milliseconds(200)
    /// Beside the open connection, a new login is tried this often; nil never.
    package var loginInterval: Duration? = .seconds(10)
    /// An answer that takes longer makes the check degraded.
    package var slowAfter: Duration?
    /// Whether a server that takes no writes counts as down (`read_only`) instead of up.
    package var requiresWritable = false
    /// A replica that lags more than this is degraded (`replication`).
    package var maximumLag: Duration? = .seconds(30)
    /// A statement of one's own; its failure is the check's failure.
    package var query: String?
    /// At most so many tables and statements, the busiest first.
    package var rowLimit = 100

    package init(dsn: String) {
        self.dsn = dsn
    }

    package var description: String { "postgres check" }
}

/// Groups of series, each one query. Raw values stand in the label `collector` and in the configuration.
package enum PostgresCollectorName: String, Hashable, Sendable, CaseIterable {
    case settings
    case activity = "stat_activity"
    case database = "stat_database"
    case longRunningTransactions = "long_running_transactions"
    case locks
    case replication
    case replicationSlots = "replication_slots"
    case backgroundWriter = "stat_bgwriter"
    case archiver = "stat_archiver"
    case databaseSize = "database"
    case wal
    case userTables = "stat_user_tables"
    case wraparound = "database_wraparound"
    case bloat = "table_bloat"
    case statements = "stat_statements"
}

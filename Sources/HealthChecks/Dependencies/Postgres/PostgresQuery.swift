// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// A query whose first columns are labels and whose others are values of families, in order.
struct PostgresQuery: Sendable {
    let collector: PostgresCollectorName
    /// Tells the queries of one collector apart.
    let part: String
    let labels: [String]
    let families: [CheckFamily]
    let sql: String
    /// Asked for at the slow interval only.
    let isSlow: Bool

    var key: String { collector.rawValue + "/" + part }

    init(
        _ collector: PostgresCollectorName,
        part: String = "",
        labels: [String] = [],
        families: [CheckFamily],
        isSlow: Bool = false,
        _ sql: String
    ) {
        self.collector = collector
        self.part = part
        self.labels = labels
        self.families = families
        self.isSlow = isSlow
        self.sql = sql
    }

    /// Every query that a server of this version understands.
    static func all(serverVersion version: Int, rowLimit: Int) -> [PostgresQuery] {
        let limit = max(1, min(rowLimit, 1_000))
        return [
            settings(version), activity, database(version), longRunningTransactions, locks, blocked, replication,
            replicas, slots(version), backgroundWriter(version), archiver, databaseSize, wal, userTables(limit),
            wraparound, bloat(limit),
        ] + checkpointer(version) + [statements(version, limit)]
    }
}

enum PostgresFamilies {
    static let up = CheckFamily("pg_up", help: "Whether the server answered and is fit for use.")
    static let collectorSuccess = CheckFamily(
        "pg_scrape_collector_success",
        help: "Whether a group of queries succeeded."
    )
    static let collectorDuration = CheckFamily(
        "pg_scrape_collector_duration_seconds",
        help: "How long the message that a group of queries was part of took."
    )
    static let lastScrapeError = CheckFamily(
        "pg_exporter_last_scrape_error",
        help: "Whether a group of queries failed in the last attempt."
    )
    static let collectorLabels = Dictionary(
        uniqueKeysWithValues: PostgresCollectorName.allCases.map { ($0, [CheckLabel("collector", $0.rawValue)]) }
    )

    static func gauge(_ name: String, _ help: String = "") -> CheckFamily { CheckFamily(name, help: help) }

    static func counter(_ name: String, _ help: String = "") -> CheckFamily {
        CheckFamily(name, help: help, kind: .counter)
    }

    static func counters(_ prefix: String, _ columns: [String], suffix: String = "") -> [CheckFamily] {
        columns.map { counter(prefix + $0 + suffix) }
    }
}

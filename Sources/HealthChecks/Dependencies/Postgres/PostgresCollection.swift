// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import PostgresClient

/// Which statistics are due, and the samples of the last time each was asked for.
struct PostgresCollection {
    private struct Entry {
        var samples: [CheckSample] = []
        var due: MonotonicTime?
        var hasSucceeded = false
        var wasAsked = false
        var took = Duration.zero
        var labels: LabelCache
    }

    /// After a failure that asking again does not mend, such as a missing permission.
    private static let pause = Duration.seconds(60)

    private let configuration: PostgresCheckConfiguration
    private var entries: [String: Entry] = [:]
    private var order: [PostgresQuery] = []
    private var version = 0
    private(set) var replicationLag: Double?
    /// Of a replica: whether its receiver streams.
    private(set) var isStreaming: Bool?

    init(_ configuration: PostgresCheckConfiguration) {
        self.configuration = configuration
    }

    /// The queries for this attempt.
    mutating func plan(serverVersion: Int, at now: MonotonicTime) -> [PostgresQuery] {
        if serverVersion != version {
            version = serverVersion
            entries = [:]
            order = PostgresQuery.all(serverVersion: serverVersion, rowLimit: configuration.rowLimit)
                .filter { configuration.collectors.contains($0.collector) }
            for query in order { entries[query.key] = Entry(labels: LabelCache(query.labels)) }
        }
        return order.filter { query in (entries[query.key]?.due).map { $0 <= now } ?? true }
    }

    mutating func take(_ query: PostgresQuery, _ result: PostgresResult, took: Duration, at now: MonotonicTime) {
        guard var entry = entries[query.key] else { return }
        entry.samples.removeAll(keepingCapacity: true)
        for row in result.rows {
            guard row.count == query.labels.count + query.families.count else { continue }
            let labels = entry.labels.labels(row.prefix(query.labels.count).map { $0 ?? "" })
            for (family, text) in zip(query.families, row.dropFirst(query.labels.count)) {
                guard let text, let value = number(text) else { continue }
                entry.samples.append(CheckSample(family, labels, value))
            }
        }
        entry.hasSucceeded = true
        entry.wasAsked = true
        entry.took = took
        entry.due = query.isSlow ? now + configuration.slowInterval : nil
        if query.collector == .replication, query.labels.isEmpty {
            replicationLag = entry.samples.first?.value
            isStreaming = entry.samples.first { $0.name == "pg_wal_receiver_streaming" }.map { $0.value == 1 }
        }
        entries[query.key] = entry
    }

    mutating func failed(_ query: PostgresQuery, _ failure: PostgresFailure, took: Duration, at now: MonotonicTime) {
        entries[query.key]?.samples = []
        entries[query.key]?.hasSucceeded = false
        entries[query.key]?.wasAsked = true
        entries[query.key]?.took = took
        let isTransient = failure.reason == .statementTimeout || failure.reason == .lockTimeout
        entries[query.key]?.due = isTransient && !query.isSlow ? nil : now + Self.pause
    }

    /// No answer came for these: what was known is old.
    mutating func lost(_ queries: [PostgresQuery]) {
        for query in queries {
            entries[query.key]?.samples = []
            entries[query.key]?.hasSucceeded = false
            entries[query.key]?.wasAsked = true
        }
    }

    func samples(serverVersion: Int) -> [CheckSample] {
        var samples: [CheckSample] = []
        var success: [PostgresCollectorName: Bool] = [:]
        var duration: [PostgresCollectorName: Duration] = [:]
        for query in order {
            guard let entry = entries[query.key], entry.wasAsked else { continue }
            samples.append(contentsOf: entry.samples)
            success[query.collector] = (success[query.collector] ?? true) && entry.hasSucceeded
            duration[query.collector] = max(duration[query.collector] ?? .zero, entry.took)
        }
        for (collector, isSuccess) in success.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let labels = PostgresFamilies.collectorLabels[collector] ?? []
            samples.append(CheckSample(PostgresFamilies.collectorSuccess, labels, isSuccess ? 1 : 0))
            let seconds = duration[collector]?.inSeconds ?? 0
            samples.append(CheckSample(PostgresFamilies.collectorDuration, labels, seconds))
        }
        if !success.isEmpty {
            let hasFailed = success.values.contains(false)
            samples.append(CheckSample(PostgresFamilies.lastScrapeError, [], hasFailed ? 1 : 0))
        }
        return samples
    }
}

/// A number or a truth value in PostgreSQL's text form.
private func number(_ text: String) -> Double? {
    switch text {
    case "t": 1
    case "f": 0
    default: Double(text)
    }
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import PostgresClient

/// A queue that is a table: one row of numbers from a query of one's own, over one connection that stays open.
final class PostgresQueueProbe: CheckProbe {
    private let name: String
    private let configuration: QueueCheckConfiguration
    private let query: String
    private let parameters: PostgresParameters
    private let environment: CheckEnvironment
    private let resolver: NameResolver
    private var connection: PostgresConnection?

    init(
        name: String,
        _ configuration: QueueCheckConfiguration,
        _ source: QueueCheckConfiguration.PostgresQueue,
        parameters: PostgresParameters,
        in environment: CheckEnvironment
    ) {
        self.name = name
        self.configuration = configuration
        query = source.query
        self.parameters = parameters
        self.environment = environment
        resolver = NameResolver(loop: environment.loop)
    }

    func close() {
        connection?.close()
        connection = nil
    }

    func begin(_ attempt: CheckAttempt) {
        attempt.whenLate = { [self] in
            close()
            return Self.down(.timeout, "no answer within the deadline", attempt)
        }
        guard let connection, connection.isReady else { return connect(attempt) }
        ask(connection, attempt, isFresh: false)
    }

    private func connect(_ attempt: CheckAttempt) {
        close()
        let fresh = PostgresConnection(loop: environment.loop, resolver: resolver, parameters: parameters)
        connection = fresh
        fresh.connect(deadline: attempt.remaining) { [self] failure in
            guard !attempt.isFinished else { return }
            if let failure {
                connection = nil
                return attempt.finish(Self.down(HealthReason(failure.reason), failure.description, attempt))
            }
            fresh.onClose = { [weak self, weak fresh] _ in
                guard let self, let fresh, connection === fresh else { return }
                connection = nil
                environment.connectionClosed(name)
            }
            ask(fresh, attempt, isFresh: true)
        }
    }

    private func ask(_ connection: PostgresConnection, _ attempt: CheckAttempt, isFresh: Bool) {
        let limit = attempt.remaining.atLeastOneMillisecond
        let sql = "BEGIN READ ONLY; SET LOCAL statement_timeout = \(limit); \(query); COMMIT"
        connection.query(sql, deadline: attempt.remaining) { [self] batch in
            guard !attempt.isFinished else { return }
            if let failure = batch.failure {
                close()
                // A kept connection that the server had ended unseen says nothing about the server.
                if failure.reason == .closed, !isFresh { return connect(attempt) }
                return attempt.finish(Self.down(HealthReason(failure.reason), failure.description, attempt))
            }
            guard batch.results.count > 2, let reading = QueueReading(batch.results[2]) else {
                let text = "the query gives no row with a column that is known"
                return attempt.finish(Self.down(.queryFailed, text, attempt))
            }
            attempt.finish(reading.result(configuration, duration: attempt.elapsed))
        }
    }

    private static func down(_ reason: HealthReason, _ text: String, _ attempt: CheckAttempt) -> CheckResult {
        .down(reason, text, duration: attempt.elapsed, samples: QueueReading.downSamples)
    }
}

extension QueueReading {
    /// The columns of the first row by their names.
    init?(_ result: PostgresResult) {
        self.init()
        guard let row = result.rows.first else { return nil }
        var isKnown = false
        for (column, text) in zip(result.columns, row) {
            let field: WritableKeyPath<QueueReading, Double?>
            switch column {
            case "waiting": field = \.waiting
            case "active": field = \.active
            case "delayed": field = \.delayed
            case "failed": field = \.failed
            case "oldest_seconds": field = \.oldestSeconds
            case "workers": field = \.workers
            default: continue
            }
            isKnown = true
            self[keyPath: field] = text.flatMap { Double($0) }
        }
        // An empty queue has no oldest job, and NULL for its age.
        if !isKnown { return nil }
    }
}

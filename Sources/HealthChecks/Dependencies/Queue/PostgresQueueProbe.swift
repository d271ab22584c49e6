// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import PostgresClient

/// A queue that is a table: one row of numbers from a query of one's own, over one connection that stays open.
final class PostgresQueueProbe: CheckProbe {
    private let configuration: QueueCheckConfiguration
    private let query: String
    private let connection: KeptConnection<PostgresConnection>

    init(
        name: String,
        _ configuration: QueueCheckConfiguration,
        _ source: QueueCheckConfiguration.PostgresQueue,
        parameters: PostgresParameters,
        in environment: CheckEnvironment
    ) {
        self.configuration = configuration
        query = source.query
        connection = KeptConnection(to: parameters, in: environment) { environment.connectionClosed(name) }
    }

    func close() { connection.close() }

    func begin(_ attempt: CheckAttempt) {
        attempt.whenLate = { [self] in
            close()
            return Self.down(.timeout, "no answer within the deadline", attempt)
        }
        connection.use(for: attempt) { [self] in ask($0, attempt) }
    }

    private func ask(_ opened: Result<PostgresConnection, PostgresFailure>, _ attempt: CheckAttempt) {
        switch opened {
        case .failure(let failure): finish(attempt, failure)
        case .success(let open):
            let limit = attempt.remaining.atLeastOneMillisecond
            let sql = "BEGIN READ ONLY; SET LOCAL statement_timeout = \(limit); \(query); COMMIT"
            open.query(sql, deadline: attempt.remaining) { [self] batch in
                guard !attempt.isFinished else { return }
                guard let failure = batch.failure else { return read(batch, attempt) }
                let isReplaced = connection.replaces(after: failure, for: attempt) { [self] in ask($0, attempt) }
                if !isReplaced { finish(attempt, failure) }
            }
        }
    }

    private func read(_ batch: PostgresBatch, _ attempt: CheckAttempt) {
        guard batch.results.count > 2, let reading = QueueReading(batch.results[2]) else {
            let text = "the query gives no row with a column that is known"
            return attempt.finish(Self.down(.queryFailed, text, attempt))
        }
        attempt.finish(reading.result(configuration, duration: attempt.elapsed))
    }

    private func finish(_ attempt: CheckAttempt, _ failure: PostgresFailure) {
        attempt.finish(Self.down(HealthReason(failure.reason), failure.description, attempt))
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

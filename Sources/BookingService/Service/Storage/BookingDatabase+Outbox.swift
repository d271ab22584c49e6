// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// A mail that waits in the outbox.
package struct OutboxJob: Sendable, Equatable {
    package var id: Int64
    package var mail: Mail
    package var attempts: Int
}

/// How many jobs a queue has, by state, and how old the oldest unfinished one is.
package struct QueueStatistics: Sendable, Equatable {
    package var jobs: [String: Int] = [:]
    package var oldestAge: Duration = .zero
}

extension BookingDatabase {
    static let states = ["waiting", "active", "completed", "failed"]

    /// Puts a mail into the outbox, inside the transaction that is its reason. Without an address there is none.
    static func enqueueMail(about booking: Booking, now: Int64, _ database: Database) throws {
        guard let mail = Mail(about: booking) else { return }
        let payload = try String(decoding: JSONEncoder().encode(mail), as: UTF8.self)
        try database.execute(
            sql: "INSERT INTO outbox (queue, payload, state, due_at, created_at) VALUES ('email', ?, 'waiting', ?, ?)",
            arguments: [payload, now, now]
        )
    }

    /// Gives back what a crashed process was working on: it may be sent twice, it is never lost.
    package func releaseAbandonedJobs() async throws {
        try await write { try $0.execute(sql: "UPDATE outbox SET state = 'waiting' WHERE state = 'active'") }
    }

    /// Takes jobs that are due, oldest first.
    package func claimJobs(limit: Int) async throws -> [OutboxJob] {
        let now = now
        return try await write { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    UPDATE outbox SET state = 'active', attempts = attempts + 1 WHERE id IN (
                        SELECT id FROM outbox WHERE queue = 'email' AND state = 'waiting' AND due_at <= ?
                        ORDER BY due_at LIMIT ?
                    ) RETURNING id, payload, attempts
                    """,
                arguments: [now, limit]
            )
            return try rows.map { row in
                let payload: String = row["payload"]
                let mail = try JSONDecoder().decode(Mail.self, from: Data(payload.utf8))
                return OutboxJob(id: row["id"], mail: mail, attempts: row["attempts"])
            }
        }
    }

    /// Records what became of a job: completed, failed for good, or to be tried again later.
    package func finish(_ job: OutboxJob, _ outcome: MailOutcome, retryAfter: Duration) async throws {
        let now = now
        let due = now + retryAfter.components.seconds * 1_000
        try await write { database in
            switch outcome {
            case .delivered, .rejected:
                try database.execute(
                    sql: "UPDATE outbox SET state = ?, finished_at = ? WHERE id = ?",
                    arguments: [outcome == .delivered ? "completed" : "failed", now, job.id]
                )
            case .deferred:
                try database.execute(
                    sql: "UPDATE outbox SET state = 'waiting', due_at = ? WHERE id = ?",
                    arguments: [due, job.id]
                )
            }
        }
    }

    package func queueStatistics() async throws -> QueueStatistics {
        let now = now
        return try await read { database in
            var statistics = QueueStatistics()
            for state in Self.states {
                statistics.jobs[state] = try Int.fetchOne(
                    database,
                    sql: "SELECT count(*) FROM outbox WHERE queue = 'email' AND state = ?",
                    arguments: [state]
                )
            }
            let oldest = try Int64.fetchOne(
                database,
                sql: "SELECT min(created_at) FROM outbox WHERE queue = 'email' AND state IN ('waiting', 'active')"
            )
            if let oldest { statistics.oldestAge = .milliseconds(max(now - oldest, 0)) }
            return statistics
        }
    }

    /// Forgets completed jobs after an hour, failed ones after a week, and idempotency keys after a day.
    package func prune() async throws {
        let now = now
        try await write { database in
            let hour: Int64 = 3_600_000
            try database.execute(
                sql: "DELETE FROM outbox WHERE state = 'completed' AND finished_at < ?",
                arguments: [now - hour]
            )
            try database.execute(
                sql: "DELETE FROM outbox WHERE state = 'failed' AND finished_at < ?",
                arguments: [now - 7 * 24 * hour]
            )
            try database.execute(sql: "DELETE FROM idempotency WHERE created_at < ?", arguments: [now - 24 * hour])
        }
    }
}

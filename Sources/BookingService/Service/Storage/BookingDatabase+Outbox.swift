// SPDX-License-Identifier: Apache-2.0

import Foundation

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
    /// Milliseconds after which a job that was taken and not finished counts as left behind.
    private static let lease: Int64 = 300_000

    /// Puts a mail into the outbox, inside the transaction that is its reason. Without an address there is none.
    static func enqueueMail(about booking: Booking, now: Int64, _ session: any DatabaseSession) throws {
        guard let mail = Mail(about: booking) else { return }
        let payload = try String(decoding: JSONEncoder().encode(mail), as: UTF8.self)
        try session.execute(
            "INSERT INTO outbox (queue, payload, state, due_at, created_at) VALUES ('email', ?, 'waiting', ?, ?)",
            [payload, now, now]
        )
    }

    /// Gives back what crashed processes were working on: it may be sent twice, it is never lost.
    ///
    /// - Parameter isStart: nothing of this process is under way. Then, if no other one shares the database, all of it was
    ///   left behind; otherwise what nobody has finished for so long.
    package func releaseAbandonedJobs(isStart: Bool) async throws {
        let now = now
        let limit = isStart && !engine.isShared ? Int64.max : now
        try await write { session in
            try session.execute(
                """
                UPDATE outbox SET state = 'waiting', due_at = ?
                WHERE queue = 'email' AND state = 'active' AND due_at <= ?
                """,
                [now, limit]
            )
        }
    }

    /// Takes jobs that are due, oldest first, for at most `lease`.
    package func claimJobs(limit: Int) async throws -> [OutboxJob] {
        let now = now
        return try await write { session in
            let rows = try session.rows(
                """
                UPDATE outbox SET state = 'active', attempts = attempts + 1, due_at = ? WHERE id IN (
                    SELECT id FROM outbox WHERE queue = 'email' AND state = 'waiting' AND due_at <= ?
                    ORDER BY due_at LIMIT ?\(session.takingUnlocked)
                ) RETURNING id, payload, attempts
                """,
                [now + Self.lease, now, limit]
            )
            return try rows.map { row in
                let mail = try JSONDecoder().decode(Mail.self, from: Data(try row.text("payload").utf8))
                return OutboxJob(id: try row.integer("id"), mail: mail, attempts: try row.int("attempts"))
            }
        }
    }

    /// Records what became of a job: completed, failed for good, or to be tried again later.
    package func finish(_ job: OutboxJob, _ outcome: MailOutcome, retryAfter: Duration) async throws {
        let now = now
        let due = now + retryAfter.components.seconds * 1_000
        try await write { session in
            switch outcome {
            case .delivered, .rejected:
                try session.execute(
                    "UPDATE outbox SET state = ?, finished_at = ? WHERE id = ?",
                    [outcome == .delivered ? "completed" : "failed", now, job.id]
                )
            case .deferred:
                try session.execute("UPDATE outbox SET state = 'waiting', due_at = ? WHERE id = ?", [due, job.id])
            }
        }
    }

    package func queueStatistics() async throws -> QueueStatistics {
        let now = now
        return try await read { session in
            var statistics = QueueStatistics()
            for state in Self.states { statistics.jobs[state] = 0 }
            let counts = "SELECT state, count(*) AS jobs FROM outbox WHERE queue = 'email' GROUP BY state"
            for row in try session.rows(counts, []) { statistics.jobs[try row.text("state")] = try row.int("jobs") }
            let oldest = try session.row(
                "SELECT min(created_at) AS at FROM outbox WHERE queue = 'email' AND state IN ('waiting', 'active')",
                []
            )
            if let oldest = oldest?.optionalInteger("at") { statistics.oldestAge = .milliseconds(max(now - oldest, 0)) }
            return statistics
        }
    }

    /// Forgets completed jobs after an hour, failed ones after a week, and idempotency keys after a day.
    package func prune() async throws {
        let now = now
        try await write { session in
            let hour: Int64 = 3_600_000
            let finished = "DELETE FROM outbox WHERE queue = 'email' AND state = ? AND finished_at < ?"
            try session.execute(finished, ["completed", now - hour])
            try session.execute(finished, ["failed", now - 7 * 24 * hour])
            try session.execute("DELETE FROM idempotency WHERE created_at < ?", [now - 24 * hour])
        }
    }
}

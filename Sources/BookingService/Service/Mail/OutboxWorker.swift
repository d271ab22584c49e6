// SPDX-License-Identifier: Apache-2.0

import HealthChecks
package import Logging
import ServiceLifecycle

/// Delivers the mails of the outbox, a few at a time, and keeps the queue's series up to date.
///
/// A mail is sent at least once. What could not be delivered is tried again after 1, 2, 4 … 60 seconds, ten times.
package struct OutboxWorker: Service {
    private static let lastAttempt = 10
    private static let releaseEvery = 60
    private static let pruneEvery = 600

    private let database: BookingDatabase
    private let sink: any MailSink
    private let workers: Int
    private let metrics: BookingMetrics
    private let logger: Logger

    package init(
        database: BookingDatabase,
        sink: any MailSink,
        workers: Int,
        metrics: BookingMetrics,
        logger: Logger
    ) {
        self.database = database
        self.sink = sink
        self.workers = max(workers, 1)
        self.metrics = metrics
        self.logger = logger
    }

    /// Runs until graceful shutdown; the mails under way are finished first.
    package func run() async throws {
        var round = 0
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            if round % Self.releaseEvery == 0 {
                await attempt("release") { [round] in try await database.releaseAbandonedJobs(isStart: round == 0) }
            }
            let delivered = await deliverDue()
            await attempt("statistics") { metrics.setQueue(try await database.queueStatistics(), workers: workers) }
            if round % Self.pruneEvery == 0 { await attempt("prune") { try await database.prune() } }
            round &+= 1
            if delivered == 0 { await pause() }
        }
        metrics.setQueue(workers: 0)
    }

    /// Delivers one batch.
    ///
    /// - Returns: the number of jobs that were tried.
    package func deliverDue() async -> Int {
        var jobs: [OutboxJob] = []
        await attempt("claim") { jobs = try await database.claimJobs(limit: workers) }
        await withDiscardingTaskGroup { group in
            for job in jobs { group.addTask { await deliver(job) } }
        }
        return jobs.count
    }

    private func deliver(_ job: OutboxJob) async {
        var outcome = await sink.deliver(job.mail)
        if outcome == .deferred, job.attempts >= Self.lastAttempt { outcome = .rejected }
        metrics.mail(outcome)
        let delay = Duration.seconds(min(1 << min(job.attempts - 1, 6), 60))
        await attempt("finish") { [outcome] in try await database.finish(job, outcome, retryAfter: delay) }
    }

    private func pause() async {
        do {
            try await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(1)) }
        } catch {
            // cancelled: the loop looks at that itself
        }
    }

    /// The database may be away for a while; the worker goes on when it is back. The breaker counts and logs failures.
    private func attempt(_ step: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            logger.debug("outbox step failed", metadata: ["step": .string(step), "error": .string("\(error)")])
        }
    }
}

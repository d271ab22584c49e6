// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import PostgresClient

/// The attempts of a PostgreSQL check, on the loop's thread.
///
/// An attempt is two messages: one small query that says whether the server is well, and one with everything that is
/// worth knowing. What is slow or fails in the second does not make the first untrue.
final class PostgresProbe: CheckProbe {
    private let name: String
    private let configuration: PostgresCheckConfiguration
    private let parameters: PostgresParameters
    private let environment: CheckEnvironment
    private let resolver: NameResolver
    private var collection: PostgresCollection
    private var connection: PostgresConnection?
    private var login: PostgresConnection?
    private var lastLogin: MonotonicTime?
    private var hasStreamed = false
    private var isClosed = false

    init(
        name: String,
        configuration: PostgresCheckConfiguration,
        parameters: PostgresParameters,
        environment: CheckEnvironment
    ) {
        self.name = name
        self.configuration = configuration
        self.parameters = parameters
        self.environment = environment
        resolver = NameResolver(loop: environment.loop)
        collection = PostgresCollection(configuration)
    }

    func close() {
        isClosed = true
        connection?.close()
        connection = nil
        login?.close()
        login = nil
    }

    func begin(_ attempt: CheckAttempt) {
        let round = PostgresRound(attempt)
        attempt.whenLate = { [self] in
            giveUp()
            return round.late()
        }
        guard let connection, connection.isReady else { return connect(round) }
        if let interval = configuration.loginInterval, attempt.started - (lastLogin ?? attempt.started) >= interval {
            tryLogin(round)
        }
        ask(connection, round)
    }

    /// Whatever is under way may answer too late: none of it is used again.
    private func giveUp() {
        connection?.close()
        connection = nil
        login?.close()
        login = nil
    }

    // MARK: Logging in

    private func connect(_ round: PostgresRound) {
        connection?.close()
        let fresh = PostgresConnection(loop: environment.loop, resolver: resolver, parameters: parameters)
        connection = fresh
        environment.note("connecting to \(parameters.instance)")
        fresh.connect(deadline: round.attempt.remaining) { [self] failure in
            guard !round.attempt.isFinished else { return }
            if let failure {
                connection = nil
                return round.attempt.finish(round.down(failure))
            }
            if isClosed { return fresh.close() }
            lastLogin = MonotonicTime.now()
            environment.note("logged in, server version \(fresh.serverVersion)")
            fresh.onClose = { [weak self, weak fresh] _ in
                guard let self, let fresh, connection === fresh else { return }
                connection = nil
                environment.connectionClosed(name)
            }
            ask(fresh, round)
        }
    }

    /// A server may serve its old connections and hang on new ones.
    private func tryLogin(_ round: PostgresRound) {
        lastLogin = round.attempt.started
        round.isLoginPending = true
        let second = PostgresConnection(loop: environment.loop, resolver: resolver, parameters: parameters)
        login = second
        second.connect(deadline: round.attempt.remaining) { [self] failure in
            second.close()
            login = nil
            round.isLoginPending = false
            round.loginFailure = failure
            finishIfComplete(round)
        }
    }

    // MARK: Asking

    private func ask(_ connection: PostgresConnection, _ round: PostgresRound) {
        let asked = MonotonicTime.now()
        connection.query(
            "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'",
            deadline: round.attempt.remaining
        ) { [self] batch in
            guard !round.attempt.isFinished else { return }
            round.answerTime = MonotonicTime.now() - asked
            environment.note(Self.line("asked whether it is well", batch, took: round.answerTime))
            if let failure = batch.failure { return failed(connection, round, failure) }
            let row = batch.results.first?.rows.first ?? []
            round.isInRecovery = row.first == "t"
            round.isReadOnly = row.count > 1 && row[1] == "t"
            round.isAlive = true
            askOwnQuery(connection, round)
        }
    }

    private func askOwnQuery(_ connection: PostgresConnection, _ round: PostgresRound) {
        guard let query = configuration.query else { return collect(connection, round) }
        let sql = "BEGIN; \(settings(round.attempt)); \(query); COMMIT"
        let asked = MonotonicTime.now()
        connection.query(sql, deadline: round.attempt.remaining) { [self] batch in
            guard !round.attempt.isFinished else { return }
            environment.note(Self.line("the configured query", batch, took: MonotonicTime.now() - asked))
            if let failure = batch.failure { return failed(connection, round, failure) }
            collect(connection, round)
        }
    }

    /// One collector that fails takes the rest of its message with it; the rest is asked for again without it.
    private func collect(_ connection: PostgresConnection, _ round: PostgresRound, after rollback: String = "") {
        if round.plan == nil {
            round.plan = collection.plan(serverVersion: connection.serverVersion, at: round.attempt.started)
        }
        guard let queries = round.plan, !queries.isEmpty else { return completeMain(round) }
        let statements = queries.map(\.sql).joined(separator: "; ")
        let sql = "\(rollback)BEGIN READ ONLY; \(settings(round.attempt)); \(statements); COMMIT"
        let skipped = (rollback.isEmpty ? 0 : 1) + 3
        let asked = MonotonicTime.now()
        connection.query(sql, deadline: max(.milliseconds(1), round.attempt.remaining - .milliseconds(20))) {
            [self] batch in
            guard !round.attempt.isFinished else { return }
            let took = MonotonicTime.now() - asked
            environment.note(
                Self.line(
                    "statistics: \(Set(queries.map(\.collector.rawValue)).sorted().joined(separator: " "))",
                    batch,
                    took: took
                )
            )
            let count = max(0, min(queries.count, batch.results.count - skipped))
            for index in 0..<count {
                collection.take(queries[index], batch.results[skipped + index], took: took, at: round.attempt.started)
            }
            round.plan = Array(queries.dropFirst(count))
            guard let failure = batch.failure else { return completeMain(round) }
            guard connection.isReady, count < queries.count else {
                collection.lost(Array(queries.dropFirst(count)))
                round.collectionFailure = failure
                return completeMain(round)
            }
            collection.failed(queries[count], failure, took: took, at: round.attempt.started)
            round.plan = Array(queries.dropFirst(count + 1))
            collect(connection, round, after: "ROLLBACK; ")
        }
    }

    private static func line(_ what: String, _ batch: PostgresBatch, took: Duration) -> String {
        let outcome = batch.failure?.description ?? "answered"
        return "\(what): \(outcome) after \(HTTPTrace.milliseconds(took))"
    }

    private func settings(_ attempt: CheckAttempt) -> String {
        let statement = min(configuration.statementTimeout, attempt.remaining)
        let lock = min(configuration.lockTimeout, statement)
        return "SET LOCAL statement_timeout = \(statement.atLeastOneMillisecond); "
            + "SET LOCAL lock_timeout = \(lock.atLeastOneMillisecond)"
    }

    // MARK: Answering

    private func failed(_ connection: PostgresConnection, _ round: PostgresRound, _ failure: PostgresFailure) {
        connection.close()
        if self.connection === connection { self.connection = nil }
        // A kept connection that the server had ended unseen says nothing about the server: a new one does.
        if failure.reason == .closed || failure.reason == .shuttingDown, !round.hasReconnected, !round.isAlive {
            round.hasReconnected = true
            return connect(round)
        }
        round.attempt.finish(round.down(failure))
    }

    private func completeMain(_ round: PostgresRound) {
        round.isMainComplete = true
        finishIfComplete(round)
    }

    private func finishIfComplete(_ round: PostgresRound) {
        guard !round.attempt.isFinished, round.isMainComplete, !round.isLoginPending else { return }
        let outcome = verdict(round)
        let isUp = outcome.map { $0.isDegradedOnly } ?? true
        var samples = collection.samples(serverVersion: connection?.serverVersion ?? 0)
        samples.append(CheckSample(PostgresFamilies.up, [], isUp ? 1 : 0))
        let duration = round.attempt.elapsed
        guard let outcome else { return round.attempt.finish(.up(duration: duration, samples: samples)) }
        round.attempt.finish(
            outcome.isDegradedOnly
                ? .degraded(outcome.reason, outcome.text, duration: duration, samples: samples)
                : .down(outcome.reason, outcome.text, duration: duration, samples: samples)
        )
    }

    /// An idle primary gives its replica nothing to replay: that the receiver has gone is the first sign.
    private func hasStoppedStreaming(_ round: PostgresRound) -> Bool {
        guard round.isInRecovery, let isStreaming = collection.isStreaming else { return false }
        if isStreaming { hasStreamed = true }
        return hasStreamed && !isStreaming
    }

    private func verdict(_ round: PostgresRound) -> (reason: HealthReason, text: String, isDegradedOnly: Bool)? {
        if let failure = round.loginFailure {
            return (HealthReason(failure.reason), "a new login failed: \(failure.text)", false)
        }
        if configuration.requiresWritable, round.isInRecovery || round.isReadOnly {
            return (.readOnly, round.isInRecovery ? "in recovery" : "read-only transactions", false)
        }
        if hasStoppedStreaming(round) { return (.replication, "the replica receives nothing any more", true) }
        if let maximum = configuration.maximumLag, round.isInRecovery, let lag = collection.replicationLag,
            lag > maximum.inSeconds
        {
            return (.replication, "the replica is \(Int(clamping: Int64(lag.rounded(.down).clamped))) s behind", true)
        }
        if let failure = round.collectionFailure {
            return (.slow, "statistics did not come: \(failure.reason.rawValue)", true)
        }
        if let limit = configuration.slowAfter, round.answerTime > limit {
            return (.slow, "the answer took too long", true)
        }
        return nil
    }
}

extension Double {
    /// Within what an `Int64` holds; NaN as 0.
    fileprivate var clamped: Double { isNaN ? 0 : Swift.min(Swift.max(self, -9e15), 9e15) }
}

/// What is known within one attempt.
final class PostgresRound {
    let attempt: CheckAttempt
    var isAlive = false
    var isInRecovery = false
    var isReadOnly = false
    var answerTime = Duration.zero
    var hasReconnected = false
    var isMainComplete = false
    var isLoginPending = false
    var loginFailure: PostgresFailure?
    var collectionFailure: PostgresFailure?
    var plan: [PostgresQuery]?

    init(_ attempt: CheckAttempt) {
        self.attempt = attempt
    }

    func down(_ failure: PostgresFailure) -> CheckResult {
        .down(HealthReason(failure.reason), failure.description, duration: attempt.elapsed, samples: Self.downSamples)
    }

    /// The deadline came first.
    func late() -> CheckResult {
        if isAlive, !isLoginPending {
            return .degraded(
                .slow,
                "statistics did not come in time",
                duration: attempt.elapsed,
                samples: Self.upSamples
            )
        }
        let text = isAlive ? "a new login got no answer" : "no answer within the deadline"
        return .down(.timeout, text, duration: attempt.elapsed, samples: Self.downSamples)
    }

    private static let downSamples = [CheckSample(PostgresFamilies.up, [], 0)]
    private static let upSamples = [CheckSample(PostgresFamilies.up, [], 1)]
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import PostgresClient

/// The attempts of a PostgreSQL check, on the loop's thread.
///
/// An attempt is two messages: one small query that says whether the server is well, and one with everything that is
/// worth knowing. What is slow or fails in the second does not make the first untrue.
final class PostgresProbe: CheckProbe {
    private let configuration: PostgresCheckConfiguration
    private let parameters: PostgresParameters
    private let environment: CheckEnvironment
    private let resolver: NameResolver
    private let connection: KeptConnection<PostgresConnection>
    private var logins: LoginSchedule
    private var collection: PostgresCollection
    private var second: PostgresConnection?
    private var hasStreamed = false

    init(
        name: String,
        configuration: PostgresCheckConfiguration,
        parameters: PostgresParameters,
        environment: CheckEnvironment
    ) {
        self.configuration = configuration
        self.parameters = parameters
        self.environment = environment
        logins = LoginSchedule(every: configuration.loginInterval)
        resolver = NameResolver(loop: environment.loop)
        connection = KeptConnection(to: parameters, in: environment) { environment.connectionClosed(name) }
        collection = PostgresCollection(configuration)
    }

    /// Whatever is under way may answer too late: none of it is used again.
    func close() {
        connection.close()
        second?.close()
        second = nil
    }

    func begin(_ attempt: CheckAttempt) {
        let round = PostgresRound(attempt)
        attempt.whenLate = { [self] in
            close()
            return round.late()
        }
        if connection.current?.isUsable != true {
            environment.note("connecting to \(parameters.instance)")
            logins.connectionLost()
        } else if logins.isDue(at: attempt.started) {
            tryLogin(round)
        }
        connection.use(for: attempt) { [self] in ask($0, round) }
    }

    // MARK: Logging in

    private func tryLogin(_ round: PostgresRound) {
        logins.begin(at: round.attempt.started)
        round.isLoginPending = true
        let second = PostgresConnection(loop: environment.loop, resolver: resolver, parameters: parameters)
        self.second = second
        second.connect(deadline: round.attempt.remaining) { [self] failure in
            second.close()
            self.second = nil
            round.isLoginPending = false
            round.loginFailure = failure
            logins.end(failed: failure != nil)
            finishIfComplete(round)
        }
    }

    // MARK: Asking

    private func ask(_ opened: Result<PostgresConnection, PostgresFailure>, _ round: PostgresRound) {
        let open: PostgresConnection
        switch opened {
        case .failure(let failure): return round.attempt.finish(round.down(failure))
        case .success(let connection): open = connection
        }
        if logins.connected(at: MonotonicTime.now()) {
            environment.note("logged in, server version \(open.serverVersion)")
        }
        let asked = MonotonicTime.now()
        open.query(
            "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'",
            deadline: round.attempt.remaining
        ) { [self] batch in
            guard !round.attempt.isFinished else { return }
            round.answerTime = MonotonicTime.now() - asked
            environment.note(Self.line("asked whether it is well", batch, took: round.answerTime))
            if let failure = batch.failure { return failed(round, failure) }
            let row = batch.results.first?.rows.first ?? []
            round.isInRecovery = row.first == "t"
            round.isReadOnly = row.count > 1 && row[1] == "t"
            round.isAlive = true
            askOwnQuery(open, round)
        }
    }

    private func askOwnQuery(_ connection: PostgresConnection, _ round: PostgresRound) {
        guard let query = configuration.query else { return collect(connection, round) }
        round.isOwnQueryPending = true
        let sql = "BEGIN; \(settings(round.attempt)); \(query); COMMIT"
        let asked = MonotonicTime.now()
        connection.query(sql, deadline: round.attempt.remaining) { [self] batch in
            guard !round.attempt.isFinished else { return }
            round.isOwnQueryPending = false
            environment.note(Self.line("the configured query", batch, took: MonotonicTime.now() - asked))
            if let failure = batch.failure { return failed(round, failure) }
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

    private func failed(_ round: PostgresRound, _ failure: PostgresFailure) {
        guard round.isAlive else {
            logins.connectionLost()
            let isReplaced = connection.replaces(after: failure, for: round.attempt) { [self] in ask($0, round) }
            if !isReplaced { round.attempt.finish(round.down(failure)) }
            return
        }
        connection.close()
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
        var samples = collection.samples(serverVersion: connection.current?.serverVersion ?? 0)
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
    var isMainComplete = false
    var isLoginPending = false
    var isOwnQueryPending = false
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
        if isAlive, !isLoginPending, !isOwnQueryPending {
            return .degraded(
                .slow,
                "statistics did not come in time",
                duration: attempt.elapsed,
                samples: Self.upSamples
            )
        }
        let text =
            !isAlive
            ? "no answer within the deadline"
            : isOwnQueryPending ? "the configured query got no answer" : "a new login got no answer"
        return .down(.timeout, text, duration: attempt.elapsed, samples: Self.downSamples)
    }

    private static let downSamples = [CheckSample(PostgresFamilies.up, [], 0)]
    private static let upSamples = [CheckSample(PostgresFamilies.up, [], 1)]
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import RedisClient

/// A queue in Redis: first the types of its keys, then their sizes, over one connection that stays open.
final class RedisQueueProbe: CheckProbe {
    private let name: String
    private let configuration: QueueCheckConfiguration
    private let source: QueueCheckConfiguration.RedisQueue
    private let connector: RedisConnector
    private let environment: CheckEnvironment
    private let keys: [RedisQueueKey]
    private var connection: RedisConnection?

    init(
        name: String,
        _ configuration: QueueCheckConfiguration,
        _ source: QueueCheckConfiguration.RedisQueue,
        url: RedisURL,
        in environment: CheckEnvironment
    ) {
        self.name = name
        self.configuration = configuration
        self.source = source
        self.environment = environment
        connector = RedisConnector(url: url, tls: source.tls, environment: environment)
        keys = RedisQueueKey.all(source)
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
        guard let connection, connection.isOpen else { return connect(attempt) }
        askTypes(connection, attempt, isFresh: false)
    }

    private func connect(_ attempt: CheckAttempt) {
        close()
        connection = connector.open(database: connector.url.database, deadline: attempt.remaining) {
            [self] fresh, failure in
            guard !attempt.isFinished else { return }
            if let failure {
                connection = nil
                return attempt.finish(Self.down(HealthReason(failure), failure.description, attempt))
            }
            fresh.onClose = { [weak self, weak fresh] _ in
                guard let self, let fresh, connection === fresh else { return }
                connection = nil
                environment.connectionClosed(name)
            }
            askTypes(fresh, attempt, isFresh: true)
        }
    }

    private func askTypes(_ connection: RedisConnection, _ attempt: CheckAttempt, isFresh: Bool) {
        connection.send(keys.map { ["TYPE", $0.key] }, deadline: attempt.remaining) { [self] outcome in
            guard !attempt.isFinished else { return }
            switch outcome {
            case .success(let replies): askSizes(connection, attempt, types: replies)
            case .failure(let failure):
                close()
                // A kept connection that the server had ended unseen says nothing about the server.
                if failure.stream != nil, !isFresh { return connect(attempt) }
                attempt.finish(Self.down(HealthReason(failure), failure.description, attempt))
            }
        }
    }

    private func askSizes(_ connection: RedisConnection, _ attempt: CheckAttempt, types: [RedisValue]) {
        if let failure = Self.failure(in: types) { return finish(attempt, failure) }
        var questions: [RedisQueueQuestion] = []
        for (key, type) in zip(keys, types) { questions += key.questions(type: type.text ?? "none", source) }
        ask(questions, connection, attempt, QueueReading())
    }

    /// Answers may lead to one more question, such as for the entry after the last one that was handed out.
    private func ask(
        _ questions: [RedisQueueQuestion],
        _ connection: RedisConnection,
        _ attempt: CheckAttempt,
        _ reading: QueueReading
    ) {
        guard !questions.isEmpty else {
            return attempt.finish(reading.result(configuration, duration: attempt.elapsed))
        }
        connection.send(questions.map(\.command), deadline: attempt.remaining) { [self] outcome in
            guard !attempt.isFinished else { return }
            switch outcome {
            case .failure(let failure):
                close()
                finish(attempt, failure)
            case .success(let replies):
                if let failure = Self.failure(in: replies) { return finish(attempt, failure) }
                var reading = reading
                var further: [RedisQueueQuestion] = []
                for (question, reply) in zip(questions, replies) {
                    further += question.take(reply, into: &reading, source, now: environment.unixTime())
                }
                ask(further, connection, attempt, reading)
            }
        }
    }

    private static func failure(in replies: [RedisValue]) -> RedisFailure? {
        replies.lazy.compactMap(\.errorText).first.map { RedisFailure(reply: $0) }
    }

    private func finish(_ attempt: CheckAttempt, _ failure: RedisFailure) {
        attempt.finish(Self.down(HealthReason(failure), failure.description, attempt))
    }

    private static func down(_ reason: HealthReason, _ text: String, _ attempt: CheckAttempt) -> CheckResult {
        .down(reason, text, duration: attempt.elapsed, samples: QueueReading.downSamples)
    }
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import RedisClient

/// A queue in Redis: first the types of its keys, then their sizes, over one connection that stays open.
final class RedisQueueProbe: CheckProbe {
    private let configuration: QueueCheckConfiguration
    private let source: QueueCheckConfiguration.RedisQueue
    private let environment: CheckEnvironment
    private let keys: [RedisQueueKey]
    private let connection: KeptConnection<RedisConnection>

    init(
        name: String,
        _ configuration: QueueCheckConfiguration,
        _ source: QueueCheckConfiguration.RedisQueue,
        url: RedisURL,
        in environment: CheckEnvironment
    ) {
        self.configuration = configuration
        self.source = source
        self.environment = environment
        keys = RedisQueueKey.all(source)
        let connector = RedisConnector(url: url, tls: source.tls, environment: environment)
        connection = KeptConnection { deadline, completion in
            connector.open(database: url.database, deadline: deadline, completion: completion)
        } closed: {
            environment.connectionClosed(name)
        }
    }

    func close() { connection.close() }

    func begin(_ attempt: CheckAttempt) {
        attempt.whenLate = { [self] in
            close()
            return Self.down(.timeout, "no answer within the deadline", attempt)
        }
        connection.use(for: attempt) { [self] in askTypes($0, attempt) }
    }

    private func askTypes(_ opened: Result<RedisConnection, RedisFailure>, _ attempt: CheckAttempt) {
        switch opened {
        case .failure(let failure): finish(attempt, failure)
        case .success(let open):
            open.send(keys.map { ["TYPE", $0.key] }, deadline: attempt.remaining) { [self] outcome in
                guard !attempt.isFinished else { return }
                switch outcome {
                case .success(let replies): askSizes(open, attempt, types: replies)
                case .failure(let failure):
                    let isReplaced = connection.replaces(after: failure, for: attempt) { [self] in
                        askTypes($0, attempt)
                    }
                    if !isReplaced { finish(attempt, failure) }
                }
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

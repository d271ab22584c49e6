// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import PostgresClient
import RedisClient

/// A client's connection, as far as it can be kept between attempts.
protocol KeepableConnection: AnyObject {
    associatedtype Failure: ConnectionFailure
    /// Whether it can be asked now.
    var isUsable: Bool { get }
    /// Called when the peer ends it while nothing is asked.
    var onClose: ((Failure) -> Void)? { get set }
    func close()
}

/// Why something failed on a connection.
protocol ConnectionFailure: Error {
    /// Whether the peer has ended the connection, rather than answered.
    var isEnd: Bool { get }
}

/// The one connection that a check keeps between its attempts: opened when there is none, watched while it is idle, and
/// replaced when the server has ended it unseen. On the loop's thread.
final class KeptConnection<Connection: KeepableConnection> {
    typealias Failure = Connection.Failure
    typealias Answer = (Result<Connection, Failure>) -> Void

    private let open: (Duration, @escaping (Connection, Failure?) -> Void) -> Connection
    private let closed: () -> Void
    private(set) var current: Connection?
    /// Whether the connection was opened for the attempt under way.
    private var isFresh = false

    /// - Parameters:
    ///   - open: opens one within a deadline and calls back once.
    ///   - closed: the peer has ended the idle connection.
    init(
        open: @escaping (Duration, @escaping (Connection, Failure?) -> Void) -> Connection,
        closed: @escaping () -> Void
    ) {
        self.open = open
        self.closed = closed
    }

    /// Gives the open connection, or a new one; nothing when the attempt is over by then.
    func use(for attempt: CheckAttempt, then answer: @escaping Answer) {
        guard let current, current.isUsable else { return renew(for: attempt, then: answer) }
        isFresh = false
        answer(.success(current))
    }

    /// Gives the connection up after a failure.
    ///
    /// - Returns: true when `answer` will be given a new one: a kept connection that the server had ended unseen says
    ///   nothing about the server.
    func replaces(after failure: Failure, for attempt: CheckAttempt, then answer: @escaping Answer) -> Bool {
        let wasFresh = isFresh
        close()
        guard failure.isEnd, !wasFresh else { return false }
        renew(for: attempt, then: answer)
        return true
    }

    func close() {
        let connection = current
        current = nil
        connection?.close()
    }

    private func renew(for attempt: CheckAttempt, then answer: @escaping Answer) {
        close()
        isFresh = true
        // The connection's own clock ends it, so that connecting and logging in are told apart; the attempt's is the second.
        let deadline = max(.milliseconds(1), attempt.remaining - .milliseconds(2))
        current = open(deadline) { [weak self] fresh, failure in
            guard let self, !attempt.isFinished else { return }
            if let failure {
                if current === fresh { current = nil }
                return answer(.failure(failure))
            }
            fresh.onClose = { [weak self, weak fresh] _ in
                guard let self, let fresh, current === fresh else { return }
                current = nil
                closed()
            }
            answer(.success(fresh))
        }
    }
}

extension PostgresConnection: KeepableConnection {
    var isUsable: Bool { isReady }
}

extension KeptConnection where Connection == PostgresConnection {
    /// To the server that the parameters name.
    convenience init(
        to parameters: PostgresParameters,
        in environment: CheckEnvironment,
        closed: @escaping () -> Void
    ) {
        let resolver = NameResolver(loop: environment.loop)
        self.init(
            open: { deadline, completion in
                let fresh = PostgresConnection(loop: environment.loop, resolver: resolver, parameters: parameters)
                fresh.connect(deadline: deadline) { [weak fresh] failure in
                    if let fresh { completion(fresh, failure) }
                }
                return fresh
            },
            closed: closed
        )
    }
}

extension PostgresFailure: ConnectionFailure {
    var isEnd: Bool { reason == .closed || reason == .shuttingDown }
}

extension RedisConnection: KeepableConnection {
    var isUsable: Bool { isOpen }
}

extension RedisFailure: ConnectionFailure {
    var isEnd: Bool { stream != nil }
}

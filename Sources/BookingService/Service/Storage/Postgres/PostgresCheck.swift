// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import EventLoop
import HealthChecks
import PostgresClient

/// Asks on a connection of its own whether the server answers and takes writes: a pool in full use says nothing about it.
struct PostgresCheck: CallbackHealthCheck {
    private final class Held {
        var connection: PostgresConnection?
    }

    let name: String
    let kind = "postgres"
    let instance: String
    private let loop: EventLoop
    private let resolver: LoopBound<NameResolver>
    private let parameters: PostgresParameters
    private let clock: HealthClock
    private let held: LoopBound<Held>

    init(
        name: String,
        loop: EventLoop,
        resolver: LoopBound<NameResolver>,
        parameters: PostgresParameters,
        clock: HealthClock
    ) {
        self.name = name
        self.loop = loop
        self.resolver = resolver
        self.parameters = parameters
        self.clock = clock
        instance = parameters.instance
        held = LoopBound(Held(), on: loop)
    }

    func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        let start = clock.now().uptime
        let isAccepted = loop.execute {
            connection(deadline: deadline) { connection in
                let left = deadline - (clock.now().uptime - start)
                switch connection {
                case .failure(let failure): completion(down(failure, since: start))
                case .success(let connection):
                    connection.query("SHOW transaction_read_only", deadline: max(left, .milliseconds(1))) { batch in
                        completion(verdict(batch, since: start))
                    }
                }
            }
        }
        if !isAccepted { completion(.undetermined(.internalError, "closed", duration: .zero)) }
    }

    /// The connection of the last time, or a new one.
    private func connection(
        deadline: Duration,
        completion: @escaping (Result<PostgresConnection, PostgresFailure>) -> Void
    ) {
        let held = held.value
        if let connection = held.connection, connection.isReady { return completion(.success(connection)) }
        held.connection?.close()
        let connection = PostgresConnection(loop: loop, resolver: resolver.value, parameters: parameters)
        held.connection = connection
        connection.connect(deadline: deadline) { failure in
            completion(failure.map { .failure($0) } ?? .success(connection))
        }
    }

    private func verdict(_ batch: PostgresBatch, since start: Duration) -> CheckResult {
        if let failure = batch.failure { return down(failure, since: start) }
        guard batch.results.first?.scalar == "off" else {
            return .down(.readOnly, "the server takes no writes", duration: clock.now().uptime - start)
        }
        return .up(duration: clock.now().uptime - start)
    }

    private func down(_ failure: PostgresFailure, since start: Duration) -> CheckResult {
        .down(HealthReason(failure.reason), failure.description, duration: clock.now().uptime - start)
    }
}

// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import EventLoop
import HTTPClient
import HealthChecks
import Synchronization

/// A loop with its clients, and a record of the edges that checks report.
final class CheckFixture: Sendable {
    let loop: EventLoop
    let http: HTTPClient
    private let edges: Edges

    private final class Edges: Sendable {
        let names = Mutex<[String]>([])
    }

    init() throws {
        loop = try EventLoop()
        http = try HTTPClient(loop: loop)
        edges = Edges()
    }

    deinit {
        loop.stop()
    }

    var environment: CheckEnvironment {
        CheckEnvironment(
            loop: loop,
            http: http,
            connectionClosed: { [edges] name in edges.names.withLock { $0.append(name) } }
        )
    }

    /// A check without logins beside its connection.
    func postgres(
        _ dsn: String,
        _ change: (inout PostgresCheckConfiguration) -> Void = { _ in }
    ) throws -> PostgresCheck {
        var configuration = PostgresCheckConfiguration(dsn: dsn)
        configuration.loginInterval = nil
        change(&configuration)
        return try PostgresCheck(name: "database", configuration, in: environment)
    }

    /// A check without logins beside its connection.
    func redis(_ url: String, _ change: (inout RedisCheckConfiguration) -> Void = { _ in }) throws -> RedisCheck {
        var configuration = RedisCheckConfiguration(url: url)
        configuration.loginInterval = nil
        change(&configuration)
        return try RedisCheck(name: "cache", configuration, in: environment)
    }

    var edgeNames: [String] { edges.names.withLock { $0 } }
}

extension CheckResult {
    /// The value of a series; labels in any order, those not named may be anything.
    func value(_ name: String, _ labels: KeyValuePairs<String, String> = [:]) -> Double? {
        samples.first { sample in
            sample.name == name
                && labels.allSatisfy { label in
                    sample.labels.contains { $0.name == label.key && $0.value == label.value }
                }
        }?.value
    }
}

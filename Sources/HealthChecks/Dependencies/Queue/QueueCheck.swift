// SPDX-License-Identifier: Apache-2.0

import EventLoop
package import HealthChecks
import PostgresClient
import RedisClient

/// Looks at a queue: how much waits and runs, how old the oldest job is, and who works.
package final class QueueCheck: DependencyCheck {
    package let name: String
    package let kind = "queue"
    package let instance: String
    private let inner: any DependencyCheck

    package init(
        name: String,
        _ configuration: QueueCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        self.name = name
        switch configuration.source {
        case .redis(let source):
            let url = try RedisConnector.url(source.url, username: source.username, password: source.password)
            let probe = RedisQueueProbe(name: name, configuration, source, url: url, in: environment)
            instance = url.description
            inner = ProbeCheck(name: name, kind: "queue", instance: instance, probe: probe, in: environment)
        case .postgres(let source):
            let parameters: PostgresParameters
            do throws(PostgresFailure) {
                parameters = try PostgresParameters(dsn: source.dsn)
            } catch {
                throw CheckConfigurationError("dsn: \(error.text)")
            }
            let probe = PostgresQueueProbe(name: name, configuration, source, parameters: parameters, in: environment)
            instance = parameters.instance
            inner = ProbeCheck(name: name, kind: "queue", instance: instance, probe: probe, in: environment)
        case .expressions(let source):
            let probe = try ExpressionQueueProbe.make(configuration, source, in: environment)
            instance = configuration.queue
            inner = ProbeCheck(name: name, kind: "queue", instance: instance, probe: probe, in: environment)
        }
    }

    package func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        inner.begin(deadline: deadline, completion: completion)
    }

    package func close() {
        inner.close()
    }
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
package import HealthChecks
import PostgresClient

/// Asks a PostgreSQL server how it is, over one connection that stays open and is watched.
package final class PostgresCheck: DependencyCheck {
    package let name: String
    package let kind = "postgres"
    package let instance: String
    private let probe: LoopBound<PostgresProbe>

    package init(
        name: String,
        _ configuration: PostgresCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        let parameters: PostgresParameters
        do throws(PostgresFailure) {
            parameters = try PostgresParameters(dsn: configuration.dsn)
        } catch {
            throw CheckConfigurationError("dsn: \(error.text)")
        }
        self.name = name
        instance = parameters.instance
        let probe = PostgresProbe(
            name: name,
            configuration: configuration,
            parameters: parameters,
            environment: environment
        )
        self.probe = LoopBound(probe, on: environment.loop)
    }

    package func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        probe.begin(deadline: deadline, completion: completion)
    }

    package func close() {
        probe.close()
    }
}

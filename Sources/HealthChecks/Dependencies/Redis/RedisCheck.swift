// SPDX-License-Identifier: Apache-2.0

import EventLoop
package import HealthChecks
import RedisClient

/// Asks a Redis or Valkey server how it is, over one connection that stays open and is watched.
package final class RedisCheck: DependencyCheck {
    package let name: String
    package let kind = "redis"
    package let instance: String
    private let probe: LoopBound<RedisProbe>

    package init(
        name: String,
        _ configuration: RedisCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        let url = try RedisConnector.url(
            configuration.url,
            username: configuration.username,
            password: configuration.password
        )
        self.name = name
        instance = url.description
        let probe = RedisProbe(name: name, configuration: configuration, url: url, environment: environment)
        self.probe = LoopBound(probe, on: environment.loop)
    }

    package func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        probe.begin(deadline: deadline, completion: completion)
    }

    package func close() {
        probe.close()
    }
}

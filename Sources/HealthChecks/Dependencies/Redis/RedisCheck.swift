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
        guard var url = RedisURL(configuration.url) else {
            throw CheckConfigurationError("url: expected redis://host:port/db, rediss://… or unix:/path")
        }
        if let username = configuration.username { url.username = username }
        if let password = configuration.password { url.password = password }
        if url.usesTLS, case .unix = url.address { throw CheckConfigurationError("url: no TLS over a Unix socket") }
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

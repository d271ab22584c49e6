// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
package import HealthChecks

/// Sends a request and looks at the answer. The connection is kept between attempts and watched.
package final class HTTPCheck: DependencyCheck {
    package let name: String
    package let kind = "http"
    package let instance: String
    private let probe: LoopBound<HTTPProbe>

    package init(
        name: String,
        _ configuration: HTTPCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard let origin = HTTPOrigin(url: configuration.url, unixSocketPath: configuration.unixSocketPath),
            origin.scheme == "http" || origin.scheme == "https"
        else { throw CheckConfigurationError("url: expected http://… or https://…") }
        self.name = name
        instance = origin.description
        let expectation = try HTTPExpectation(configuration)
        let probe = HTTPProbe(
            name: name,
            configuration: configuration,
            expectation: expectation,
            origin: origin,
            environment: environment
        )
        let bound = LoopBound(probe, on: environment.loop)
        self.probe = bound
        environment.loop.execute { bound.value.observe() }
    }

    package func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        probe.begin(deadline: deadline, completion: completion)
    }

    package func close() {
        probe.close()
    }
}

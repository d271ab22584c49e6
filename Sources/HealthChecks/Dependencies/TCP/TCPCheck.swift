// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
package import HealthChecks
import RegularExpressions

/// Connects, says and hears what it is told, and hangs up.
package final class TCPCheck: DependencyCheck {
    package let name: String
    package let kind = "tcp"
    package let instance: String
    private let probe: LoopBound<TCPProbe>

    package init(
        name: String,
        _ configuration: TCPCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard let address = StreamAddress(configuration.address) else {
            throw CheckConfigurationError("address: expected host:port, [address]:port or unix:/path")
        }
        var steps: [TCPProbe.Step] = []
        for step in configuration.steps {
            switch step {
            case .send(let text): steps.append(.send(Array(text.utf8)))
            case .expect(let pattern):
                do throws(RegularExpressionError) {
                    steps.append(.expect(try RegularExpression(pattern)))
                } catch {
                    throw CheckConfigurationError(error.description)
                }
            case .startTLS: throw CheckConfigurationError("starttls: only the smtp check speaks it")
            }
        }
        if configuration.usesTLS, case .unix = address { throw CheckConfigurationError("tls: not over a Unix socket") }
        self.name = name
        instance = address.description
        let probe = TCPProbe(configuration: configuration, address: address, steps: steps, environment: environment)
        self.probe = LoopBound(probe, on: environment.loop)
    }

    package func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        probe.begin(deadline: deadline, completion: completion)
    }

    package func close() {
        probe.close()
    }
}

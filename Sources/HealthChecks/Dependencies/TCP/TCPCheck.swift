// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks

/// Connects, says and hears what it is told, and hangs up.
package typealias TCPCheck = ProbeCheck<TCPProbe>

extension ProbeCheck where Probe == TCPProbe {
    package convenience init(
        name: String,
        _ configuration: TCPCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        var steps = try configuration.startTLS?.steps() ?? []
        for step in configuration.steps {
            switch step {
            case .send(let text): steps.append(.say(text))
            case .expect(let pattern): steps.append(try .hear(pattern))
            case .startTLS: steps.append(.startTLS)
            }
        }
        try self.init(name: name, kind: "tcp", configuration, steps: steps, in: environment)
    }

    convenience init(
        name: String,
        kind: String,
        _ configuration: TCPCheckConfiguration,
        steps: [ConversationStep],
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard let address = StreamAddress(configuration.address) else {
            throw CheckConfigurationError("address: expected host:port, [address]:port or unix:/path")
        }
        let startsTLS = steps.filter { if case .startTLS = $0 { true } else { false } }.count
        if startsTLS > 1 || startsTLS > 0 && configuration.usesTLS {
            throw CheckConfigurationError("tls and starttls: TLS begins once")
        }
        if configuration.usesTLS || startsTLS > 0, case .unix = address {
            throw CheckConfigurationError("tls: not over a Unix socket")
        }
        let probe = TCPProbe(configuration: configuration, address: address, steps: steps, environment: environment)
        self.init(name: name, kind: kind, instance: address.description, probe: probe, in: environment)
    }
}

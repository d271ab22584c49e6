// SPDX-License-Identifier: Apache-2.0

package import DNSClient
import EventLoop
import HealthChecks
import RegularExpressions

/// What to ask a name server for.
package struct DNSCheckConfiguration: Sendable {
    package var name: String
    package var type = DNSRecordType.a
    /// `host[:port]`; nil is the first of the machine's own.
    package var server: String?
    /// Over TCP from the start; a truncated answer is asked for again over TCP anyway.
    package var usesTCP = false
    /// RE2 expressions over the data of the answers, as zone files write it: each must fit one answer.
    package var expect: [String] = []
    package var slowAfter: Duration?

    package init(name: String) {
        self.name = name
    }
}

/// Asks a name server, and looks at its answer.
package typealias DNSCheck = ProbeCheck<DNSProbe>

extension ProbeCheck where Probe == DNSProbe {
    package convenience init(
        name: String,
        _ configuration: DNSCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        let server = configuration.server ?? DNSProbe.machineServer() ?? "127.0.0.1"
        let isBareIPv6 = !server.hasPrefix("[") && ResolvedAddress(numeric: server)?.isIPv6 == true
        guard let address = StreamAddress(isBareIPv6 ? "[\(server)]" : server, defaultPort: 53),
            case .host(let host, let port) = address
        else {
            throw CheckConfigurationError("server: expected host or host:port")
        }
        guard (try? DNSMessage.query(configuration.name, configuration.type, id: 0)) != nil else {
            throw CheckConfigurationError("name: \"\(configuration.name)\" is no host name")
        }
        var patterns: [RegularExpression] = []
        for pattern in configuration.expect {
            do throws(RegularExpressionError) {
                patterns.append(try RegularExpression(pattern))
            } catch {
                throw CheckConfigurationError(error.description)
            }
        }
        let probe = DNSProbe(configuration, host: host, port: port, patterns: patterns, in: environment)
        self.init(name: name, kind: "dns", instance: address.description, probe: probe, in: environment)
    }
}

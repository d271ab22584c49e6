// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
import HealthChecks

/// Which server to ask `grpc.health.v1.Health/Check`.
package struct GRPCCheckConfiguration: Sendable {
    /// `host:port`.
    package var address: String
    /// Empty asks for the server as a whole.
    package var service = ""
    package var usesTLS = false
    package var tls = TLSOptions()
    package var slowAfter: Duration?

    package init(address: String) {
        self.address = address
    }
}

/// Asks a gRPC server how a service of it is.
package typealias GRPCCheck = ProbeCheck<GRPCProbe>

extension ProbeCheck where Probe == GRPCProbe {
    package convenience init(
        name: String,
        _ configuration: GRPCCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        let scheme = configuration.usesTLS ? "https" : "http"
        let url = "\(scheme)://\(configuration.address)/grpc.health.v1.Health/Check"
        guard !configuration.address.contains("/"), !configuration.address.contains("@"),
            configuration.address.contains(":"), HTTPRequest(url: url).origin != nil
        else {
            throw CheckConfigurationError("address: expected host:port")
        }
        guard configuration.service.utf8.count <= 1_000 else { throw CheckConfigurationError("service: too long") }
        let probe = GRPCProbe(configuration, url: url, in: environment)
        self.init(name: name, kind: "grpc", instance: configuration.address, probe: probe, in: environment)
    }
}

// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks

/// Which units have to be active.
package struct SystemdCheckConfiguration: Sendable {
    /// With their suffix; one without is a service.
    package var units: [String]
    /// The bus of the system.
    package var bus = "unix:/run/dbus/system_bus_socket"

    package init(units: [String]) {
        self.units = units
    }
}

/// Asks systemd over D-Bus whether units are active.
package typealias SystemdCheck = ProbeCheck<SystemdProbe>

extension ProbeCheck where Probe == SystemdProbe {
    package convenience init(
        name: String,
        _ configuration: SystemdCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard !configuration.units.isEmpty, configuration.units.count <= 200 else {
            throw CheckConfigurationError("units: expected 1 to 200 units")
        }
        guard configuration.units.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 255 && !$0.contains("/") }) else {
            throw CheckConfigurationError("units: expected names such as nginx.service")
        }
        guard let address = StreamAddress(configuration.bus), case .unix = address else {
            throw CheckConfigurationError("bus: expected unix:/path")
        }
        let units = configuration.units.map { $0.contains(".") ? $0 : $0 + ".service" }
        let probe = SystemdProbe(units: units, address: address, in: environment)
        self.init(
            name: name,
            kind: "systemd",
            instance: units.count == 1 ? units[0] : "systemd",
            probe: probe,
            in: environment
        )
    }
}

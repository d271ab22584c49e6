// SPDX-License-Identifier: Apache-2.0

import DependencyChecks

extension CheckDefinition {
    /// Makes the check that was configured.
    func make(in environment: CheckEnvironment) throws(CheckConfigurationError) -> any DependencyCheck {
        switch kind {
        case .postgres(let configuration): try PostgresCheck(name: name, configuration, in: environment)
        case .redis(let configuration): try RedisCheck(name: name, configuration, in: environment)
        case .http(let configuration): try HTTPCheck(name: name, configuration, in: environment)
        case .tcp(let configuration): try TCPCheck(name: name, configuration, in: environment)
        case .sqlite(let configuration): try SQLiteCheck(name: name, configuration, in: environment)
        case .host(let configuration): try HostCheck(name: name, configuration, in: environment)
        case .expression(let configuration): try ExpressionCheck(name: name, configuration, in: environment)
        case .queue(let configuration): try QueueCheck(name: name, configuration, in: environment)
        case .heartbeat(let definition): try HeartbeatCheck(definition, in: environment)
        case .disk(let configuration): try DiskCheck(name: name, configuration, in: environment)
        }
    }
}

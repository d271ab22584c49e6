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
        case .smtp(let configuration): try TCPCheck(name: name, smtp: configuration, in: environment)
        case .dns(let configuration): try DNSCheck(name: name, configuration, in: environment)
        case .memcached(let configuration): try MemcachedCheck(name: name, configuration, in: environment)
        case .grpc(let configuration): try GRPCCheck(name: name, configuration, in: environment)
        case .exec(let configuration): try ExecCheck(name: name, configuration, in: environment)
        case .file(let configuration): try FileCheck(name: name, configuration, in: environment)
        case .process(let configuration): try ProcessCheck(name: name, configuration, in: environment)
        case .systemd(let configuration): try SystemdCheck(name: name, configuration, in: environment)
        case .expression(let configuration): try ExpressionCheck(name: name, configuration, in: environment)
        case .queue(let configuration): try QueueCheck(name: name, configuration, in: environment)
        case .heartbeat(let definition): try HeartbeatCheck(definition, in: environment)
        case .disk(let configuration): try DiskCheck(name: name, configuration, in: environment)
        }
    }
}

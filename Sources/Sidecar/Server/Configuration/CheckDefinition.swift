// SPDX-License-Identifier: Apache-2.0

package import DependencyChecks
package import HealthChecks

/// One entry of `health_checks`.
package struct CheckDefinition: Sendable {
    package enum Kind: Sendable {
        case postgres(PostgresCheckConfiguration)
        case redis(RedisCheckConfiguration)
        case http(HTTPCheckConfiguration)
        case tcp(TCPCheckConfiguration)
        case sqlite(SQLiteCheckConfiguration)
        case host(HostCheckConfiguration)
        case disk(DiskCheckConfiguration)
        case smtp(SMTPCheckConfiguration)
        case dns(DNSCheckConfiguration)
        case memcached(MemcachedCheckConfiguration)
        case grpc(GRPCCheckConfiguration)
        case exec(ExecCheckConfiguration)
        case file(FileCheckConfiguration)
        case process(ProcessCheckConfiguration)
        case systemd(SystemdCheckConfiguration)
        case expression(ExpressionCheckConfiguration)
        case queue(QueueCheckConfiguration)
        /// From the section `heartbeats`.
        case heartbeat(HeartbeatDefinition)

        /// As the file names it, and the label `job`.
        package static let names = [
            "postgres", "redis", "http", "tcp", "sqlite", "host", "disk", "smtp", "dns", "memcached", "grpc",
            "exec", "file", "process", "systemd", "expression", "queue",
        ]
    }

    package var name: String
    package var settings: CheckSettings
    package var kind: Kind
    /// Differs when the check has to be made anew after a reload.
    package var fingerprint: String
}

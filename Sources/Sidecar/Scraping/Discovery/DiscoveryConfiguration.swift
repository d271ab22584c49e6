// SPDX-License-Identifier: Apache-2.0

package import DNSClient

/// One entry of `file_sd_configs` or `dns_sd_configs`.
package enum DiscoveryConfiguration: Hashable, Sendable {
    case files(Files)
    case names(Names)

    package struct Files: Hashable, Sendable {
        /// Paths or patterns, absolute or as the process counts them.
        package var patterns: [String]
        /// How often everything is read anew; changes are noticed earlier.
        package var refreshInterval: Duration

        package init(patterns: [String], refreshInterval: Duration = .seconds(300)) {
            self.patterns = patterns
            self.refreshInterval = refreshInterval
        }
    }

    package struct Names: Hashable, Sendable {
        package var names: [String]
        package var type: DNSRecordType
        /// Of the targets, where the record names none; 0 where it does.
        package var port: UInt16
        package var refreshInterval: Duration
        /// nil: those of `/etc/resolv.conf`.
        package var servers: [DNSConfiguration.Server]?

        package init(
            names: [String],
            type: DNSRecordType = .srv,
            port: UInt16 = 0,
            refreshInterval: Duration = .seconds(30),
            servers: [DNSConfiguration.Server]? = nil
        ) {
            self.names = names
            self.type = type
            self.port = port
            self.refreshInterval = refreshInterval
            self.servers = servers
        }
    }

    /// A label value.
    package var mechanism: String {
        switch self {
        case .files: "file"
        case .names: "dns"
        }
    }
}

/// What one look at a source of targets gave.
package struct DiscoveryResult: Hashable, Sendable {
    /// All that is known now, what could not be read anew as it was before.
    package var groups: [ScrapeConfiguration.TargetGroup]
    /// What could not be read, and why; the reason is one of a closed set.
    package var failures: [Failure] = []

    package init(groups: [ScrapeConfiguration.TargetGroup], failures: [Failure] = []) {
        self.groups = groups
        self.failures = failures
    }

    package struct Failure: Hashable, Sendable {
        /// The file or name.
        package var subject: String
        package var reason: String
        package var text: String

        package init(subject: String, reason: String, text: String) {
            self.subject = subject
            self.reason = reason
            self.text = text
        }
    }
}

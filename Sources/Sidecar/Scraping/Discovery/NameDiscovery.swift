// SPDX-License-Identifier: Apache-2.0

package import DNSClient

/// Finds targets by the records of names. A name whose servers fail keeps the targets it had; one that does not exist has
/// none.
package struct NameDiscovery: Sendable {
    private let configuration: DiscoveryConfiguration.Names
    private let resolve: @Sendable (String, DNSRecordType) throws(DNSFailure) -> [DNSRecord]
    private var known: [String: [ScrapeConfiguration.TargetGroup]] = [:]

    package init(
        _ configuration: DiscoveryConfiguration.Names,
        resolve: @escaping @Sendable (String, DNSRecordType) throws(DNSFailure) -> [DNSRecord]
    ) {
        self.configuration = configuration
        self.resolve = resolve
    }

    /// Asks for all names. Blocks: for a thread of its own.
    package mutating func look() -> DiscoveryResult {
        var failures: [DiscoveryResult.Failure] = []
        for name in configuration.names {
            do throws(DNSFailure) {
                known[name] = try resolve(name, configuration.type).compactMap { group($0, name) }
            } catch {
                failures.append(
                    DiscoveryResult.Failure(
                        subject: name,
                        reason: error.rawValue,
                        text: "\(configuration.type.rawValue)"
                    )
                )
            }
        }
        return DiscoveryResult(groups: configuration.names.flatMap { known[$0] ?? [] }, failures: failures)
    }

    private func group(_ record: DNSRecord, _ name: String) -> ScrapeConfiguration.TargetGroup? {
        var labels = ["__meta_dns_name": name]
        let target: String
        switch record {
        case .address(let address):
            target = address.contains(":") ? "[\(address)]:\(configuration.port)" : "\(address):\(configuration.port)"
        case .mailExchange(_, let host):
            labels["__meta_dns_mx_record_target"] = host
            target = "\(Self.withoutDot(host)):\(configuration.port)"
        case .name(let host):
            labels["__meta_dns_ns_record_target"] = host
            target = "\(Self.withoutDot(host)):\(configuration.port)"
        case .authority, .text: return nil
        case .service(_, _, let port, let host):
            labels["__meta_dns_srv_record_target"] = host
            labels["__meta_dns_srv_record_port"] = "\(port)"
            target = "\(Self.withoutDot(host)):\(port)"
        }
        return ScrapeConfiguration.TargetGroup(targets: [target], labels: labels, source: "dns:\(name)")
    }

    private static func withoutDot(_ host: String) -> String { host.hasSuffix(".") ? String(host.dropLast()) : host }
}

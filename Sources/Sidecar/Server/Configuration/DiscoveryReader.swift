// SPDX-License-Identifier: Apache-2.0

import DNSClient
import Scraping
import YAMLDocument

/// Reads `file_sd_configs` and `dns_sd_configs`; says of the other mechanisms that there are none.
struct DiscoveryReader {
    let files: FileAccess

    private static let unsupported = [
        "azure", "consul", "digitalocean", "docker", "dockerswarm", "ec2", "eureka", "gce", "hetzner", "http", "ionos",
        "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad", "openstack", "ovhcloud", "puppetdb",
        "scaleway", "serverset", "stackit", "triton", "uyuni", "vultr",
    ]

    func read(_ reader: YAMLMappingReader) -> [DiscoveryConfiguration] {
        for mechanism in Self.unsupported where reader.contains("\(mechanism)_sd_configs") {
            reader.problem(
                "\(mechanism)_sd_configs",
                "\(mechanism)_sd_configs is not supported; use static_configs, file_sd_configs or dns_sd_configs"
            )
        }
        let files = (reader.mappings("file_sd_configs") ?? []).compactMap { targetFiles($0) }
        let names = (reader.mappings("dns_sd_configs") ?? []).compactMap { hostNames($0) }
        return files + names
    }

    private func targetFiles(_ reader: YAMLMappingReader) -> DiscoveryConfiguration? {
        defer { reader.finish() }
        let interval = reader.duration("refresh_interval", atLeast: .seconds(1)) ?? .seconds(300)
        guard let patterns = reader.strings("files") else {
            reader.missing("files")
            return nil
        }
        if patterns.isEmpty { reader.problem("files", "files must name at least one file") }
        for pattern in patterns {
            let name = pattern.split(separator: "/").last ?? ""
            let isKnown = [".json", ".yml", ".yaml"].contains { name.hasSuffix($0) }
            let isStarred = pattern.dropLast(name.count).contains { "*?[".contains($0) }
            if !isKnown { reader.problem("files", "\"\(pattern)\": expected a name that ends in .json, .yml or .yaml") }
            if isStarred { reader.problem("files", "\"\(pattern)\": a pattern is allowed in the last part only") }
        }
        return .files(.init(patterns: patterns.map { files.absolute($0) }, refreshInterval: interval))
    }

    private func hostNames(_ reader: YAMLMappingReader) -> DiscoveryConfiguration? {
        defer { reader.finish() }
        let type: DNSRecordType = reader.choice("type") ?? .srv
        if ![.srv, .a, .aaaa, .mx, .ns].contains(type) {
            reader.problem("type", "expected one of SRV, A, AAAA, MX, NS")
        }
        let port = reader.integer("port", in: 1...65_535)
        let interval = reader.duration("refresh_interval", atLeast: .seconds(1)) ?? .seconds(30)
        let servers = nameServers(reader)
        guard let names = reader.strings("names") else {
            reader.missing("names")
            return nil
        }
        if names.isEmpty { reader.problem("names", "names must hold at least one name") }
        if type != .srv, port == nil { reader.problem(nil, "a port is required for records of type \(type.rawValue)") }
        return .names(
            .init(
                names: names,
                type: type,
                port: UInt16(clamping: port ?? 0),
                refreshInterval: interval,
                servers: servers
            )
        )
    }

    /// Ours: whom to ask instead of the machine's name servers.
    private func nameServers(_ reader: YAMLMappingReader) -> [DNSConfiguration.Server]? {
        guard let texts = reader.strings("nameservers") else { return nil }
        return texts.compactMap { text in
            if let server = DNSConfiguration.Server(text) { return server }
            reader.problem("nameservers", "\"\(text)\": expected an address like 10.0.0.2 or 127.0.0.1:5353")
            return nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import YAMLDocument

/// Checks of what listens somewhere.
extension CheckConfigurationReader {
    func tcp(_ reader: YAMLMappingReader) -> TCPCheckConfiguration? {
        guard let address = address ?? reader.requiredString("address") else { return nil }
        var configuration = TCPCheckConfiguration(address: address)
        configuration.startTLS = reader.choice("starttls")
        for section in reader.mappings("query_response") ?? [] {
            if let text = section.string("expect") { configuration.steps.append(.expect(text)) }
            if let text = section.string("send") { configuration.steps.append(.send(text)) }
            if section.boolean("starttls") == true { configuration.steps.append(.startTLS) }
            section.finish()
        }
        configuration.usesTLS = reader.boolean("tls") ?? configuration.usesTLS
        if let section = reader.mapping("tls_config") { configuration.tls = TLSOptionsReader.read(section) }
        configuration.slowAfter = reader.duration("slow_after")
        configuration.certificateWarning = reader.duration("certificate_warning") ?? configuration.certificateWarning
        return configuration
    }

    func smtp(_ reader: YAMLMappingReader) -> SMTPCheckConfiguration? {
        guard let address = reader.requiredString("address") else { return nil }
        var configuration = SMTPCheckConfiguration(address: address)
        configuration.encryption = reader.choice("encryption") ?? configuration.encryption
        if let section = reader.mapping("tls_config") { configuration.tls = TLSOptionsReader.read(section) }
        configuration.greeting = reader.string("ehlo") ?? configuration.greeting
        configuration.expect = reader.string("expect")
        configuration.slowAfter = reader.duration("slow_after")
        configuration.certificateWarning = reader.duration("certificate_warning") ?? configuration.certificateWarning
        return configuration
    }

    func dns(_ reader: YAMLMappingReader) -> DNSCheckConfiguration? {
        guard let name = reader.requiredString("name") else { return nil }
        var configuration = DNSCheckConfiguration(name: name)
        configuration.type = reader.choice("type") ?? configuration.type
        configuration.server = reader.string("server")
        configuration.usesTCP = reader.boolean("tcp") ?? configuration.usesTCP
        configuration.expect = reader.strings("expect", orSingle: true) ?? []
        configuration.slowAfter = reader.duration("slow_after")
        return configuration
    }

    func memcached(_ reader: YAMLMappingReader) -> MemcachedCheckConfiguration? {
        guard let address = reader.requiredString("address") else { return nil }
        var configuration = MemcachedCheckConfiguration(address: address)
        configuration.fullWarning = reader.number("full_warning", in: 0...1)
        configuration.slowAfter = reader.duration("slow_after")
        return configuration
    }

    func grpc(_ reader: YAMLMappingReader) -> GRPCCheckConfiguration? {
        guard let address = reader.requiredString("address") else { return nil }
        var configuration = GRPCCheckConfiguration(address: address)
        configuration.service = reader.string("service") ?? ""
        configuration.usesTLS = reader.boolean("tls") ?? configuration.usesTLS
        if let section = reader.mapping("tls_config") { configuration.tls = TLSOptionsReader.read(section) }
        configuration.slowAfter = reader.duration("slow_after")
        return configuration
    }
}

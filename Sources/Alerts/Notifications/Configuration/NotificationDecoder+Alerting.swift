// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

extension NotificationDecoder {
    /// Reads the Alertmanagers of Prometheus's `alerting` section, and reports the keys that nobody has asked for yet.
    package static func endpoints(
        _ alerting: YAMLMappingReader,
        environment: Environment
    ) -> [AlertmanagerEndpoint] {
        let decoder = NotificationDecoder(
            environment: environment,
            document: alerting,
            defaults: NotificationDefaults()
        )
        var endpoints: [AlertmanagerEndpoint] = []
        for reader in alerting.mappings("alertmanagers") ?? [] { endpoints += decoder.alertmanagers(reader) }
        alerting.finish()
        return endpoints
    }

    private func alertmanagers(_ reader: YAMLMappingReader) -> [AlertmanagerEndpoint] {
        let scheme = reader.string("scheme") ?? "http"
        if scheme != "http", scheme != "https" {
            reader.problem("scheme", "\(reader.name("scheme")) must be http or https")
        }
        if let version = reader.string("api_version"), version != "v2" {
            reader.problem("api_version", "\(reader.name("api_version")) must be v2")
        }
        var prefix = reader.string("path_prefix") ?? ""
        while prefix.hasSuffix("/") { prefix.removeLast() }
        if !prefix.isEmpty, !prefix.hasPrefix("/") { prefix = "/" + prefix }
        let timeout = reader.duration("timeout", atLeast: .milliseconds(1), atMost: .seconds(300)) ?? .seconds(10)
        let targets = (reader.mappings("static_configs") ?? []).flatMap { group in
            defer { group.finish() }
            group.ignore("labels")
            return group.strings("targets") ?? []
        }
        // The HTTP keys stand in the same mapping; this reads them and reports what is left over.
        var options = httpOptions(reader, base: HTTPOptions())
        options.timeout = timeout
        return targets.compactMap { target in
            guard !target.isEmpty, !target.contains("/"), !target.contains("@"),
                !target.utf8.contains(where: { $0 <= 0x20 })
            else {
                reader.problem("static_configs", "\"\(target)\" must be host:port")
                return nil
            }
            var endpoint = AlertmanagerEndpoint(baseURL: Secret("\(scheme)://\(target)\(prefix)"))
            endpoint.http = options
            return endpoint
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import YAMLDocument

/// Reads `tls_config`.
enum TLSOptionsReader {
    /// - Parameters:
    ///   - secrets: for placeholders in inline texts; without it those stay as they are.
    ///   - files: says what relative paths count from.
    static func read(
        _ reader: YAMLMappingReader,
        secrets: SecretResolver? = nil,
        files: FileAccess? = nil
    ) -> TLSOptions {
        func path(_ key: String) -> String? { reader.string(key).map { files?.absolute($0) ?? $0 } }
        func text(_ key: String) -> String? {
            secrets.map { HTTPAuthorizationReader(secrets: $0, files: files).secret(reader, key) } ?? reader.string(key)
        }
        var options = TLSOptions()
        options.caFile = path("ca_file")
        options.certificateFile = path("cert_file")
        options.keyFile = path("key_file")
        options.caText = text("ca")
        options.certificateText = text("cert")
        options.keyText = text("key")
        for (inline, file) in [("ca", "ca_file"), ("cert", "cert_file"), ("key", "key_file")]
        where reader.contains(inline) && reader.contains(file) {
            reader.problem(inline, "at most one of \(inline) and \(file)")
        }
        let hasCertificate = options.certificateFile != nil || options.certificateText != nil
        if hasCertificate != (options.keyFile != nil || options.keyText != nil) {
            reader.problem(
                nil,
                "a client certificate needs both its certificate (cert, cert_file) and its key (key, key_file)"
            )
        }
        options.serverName = reader.string("server_name")
        if reader.boolean("insecure_skip_verify") == true {
            options.verifiesPeer = false
            reader.problem("insecure_skip_verify", "certificates of this peer are not verified", severity: .warning)
        }
        options.lowestVersion = reader.choice("min_version")
        options.highestVersion = reader.choice("max_version")
        let order = TLSOptions.Version.allCases
        if let low = options.lowestVersion, let high = options.highestVersion,
            let first = order.firstIndex(of: low), let last = order.firstIndex(of: high), first > last
        {
            reader.problem("max_version", "max_version is below min_version")
        }
        reader.finish()
        return options
    }
}

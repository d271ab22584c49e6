// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// `web.config_file` — Prometheus's file for TLS and users, as its exporters and servers read it.
package struct WebAccessConfiguration: Sendable, Equatable {
    package enum ClientAuthentication: String, Sendable, CaseIterable {
        case none = "NoClientCert"
        case verifyIfGiven = "VerifyClientCertIfGiven"
        case require = "RequireAndVerifyClientCert"
    }

    package enum Version: String, Sendable, CaseIterable {
        case tls10 = "TLS10"
        case tls11 = "TLS11"
        case tls12 = "TLS12"
        case tls13 = "TLS13"
    }

    package struct TLS: Sendable, Equatable {
        package var certificateFile = ""
        package var keyFile = ""
        package var clientCAFile: String?
        package var clientAuthentication = ClientAuthentication.none
        package var minimumVersion = Version.tls12
        package var maximumVersion = Version.tls13
    }

    package var tls: TLS?
    package var users: [String: PasswordHash] = [:]

    /// Whether whoever comes in has shown who they are.
    package var identifiesClients: Bool { !users.isEmpty || tls?.clientAuthentication == .require }

    /// Reads the file; its problems go where those of the configuration go.
    package static func read(file path: String, files: FileAccess, problems: YAMLProblems) -> Self? {
        guard let bytes = files.read(path) else { return nil }
        let document = YAMLDocument.parse(bytes, file: path, problems: problems)
        guard let root = document?.root else { return Self() }
        guard let reader = YAMLMappingReader(root, file: path, problems: problems) else { return Self() }
        var access = Self()
        let base = FileAccess.directory(of: path)
        if let section = reader.mapping("tls_server_config") {
            access.tls = TLS(section, directory: base, files: files)
        }
        if let section = reader.mapping("basic_auth_users") {
            for user in section.keys {
                guard let text = section.string(user) else { continue }
                if let hash = PasswordHash(text) {
                    access.users[user] = hash
                } else {
                    section.problem(user, "\(section.name(user)): expected a bcrypt hash ($2y$…)")
                }
            }
        }
        reader.finish()
        return access
    }
}

extension WebAccessConfiguration.TLS {
    init(_ reader: YAMLMappingReader, directory: String, files: FileAccess) {
        func file(_ key: String) -> String? {
            guard let name = reader.string(key) else { return nil }
            let path = name.hasPrefix("/") || directory.isEmpty ? name : "\(directory)/\(name)"
            if files.read(path) == nil { reader.problem(key, "\(reader.name(key)): the file cannot be read") }
            return path
        }
        if let path = file("cert_file") { certificateFile = path } else { reader.missing("cert_file") }
        if let path = file("key_file") { keyFile = path } else { reader.missing("key_file") }
        clientCAFile = file("client_ca_file")
        clientAuthentication = reader.choice("client_auth_type") ?? (clientCAFile == nil ? .none : .require)
        if clientAuthentication != .none, clientCAFile == nil { reader.missing("client_ca_file") }
        minimumVersion = reader.choice("min_version") ?? .tls12
        maximumVersion = reader.choice("max_version") ?? .tls13
        reader.finish()
    }
}

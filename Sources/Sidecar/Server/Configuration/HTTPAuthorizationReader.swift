// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import YAMLDocument

/// Reads `basic_auth`, `authorization` and the older `bearer_token` keys. Values never appear in messages.
struct HTTPAuthorizationReader {
    let secrets: SecretResolver
    let files: FileAccess?

    func read(_ reader: YAMLMappingReader) -> HTTPRequest.Authorization? {
        let basic = reader.mapping("basic_auth").map { self.basic($0) }
        let scheme = reader.mapping("authorization").map { self.authorization($0) }
        let token = secret(reader, "bearer_token").map { HTTPRequest.Authorization.bearer($0) }
        let fromFile = secretFile(reader, "bearer_token_file").map { HTTPRequest.Authorization.bearer($0) }
        let all = [basic, scheme, token, fromFile].compactMap { $0 }
        if all.count > 1 {
            reader.problem(nil, "at most one of basic_auth, authorization, bearer_token and bearer_token_file")
        }
        return all.first
    }

    private func basic(_ reader: YAMLMappingReader) -> HTTPRequest.Authorization {
        let user = reader.string("username") ?? ""
        let password = secret(reader, "password") ?? secretFile(reader, "password_file") ?? ""
        reader.finish()
        return .basic(user: user, password: password)
    }

    private func authorization(_ reader: YAMLMappingReader) -> HTTPRequest.Authorization {
        let type = reader.string("type") ?? "Bearer"
        if type.lowercased() != "bearer" {
            reader.problem("type", "authorization type must be Bearer; use basic_auth for basic authentication")
        }
        let credentials = secret(reader, "credentials") ?? secretFile(reader, "credentials_file") ?? ""
        reader.finish()
        return .bearer(credentials)
    }

    func secret(_ reader: YAMLMappingReader, _ key: String) -> String? {
        guard let text = reader.string(key) else { return nil }
        do throws(SecretResolver.Failure) {
            return try secrets.resolve(text)
        } catch {
            reader.problem(key, error.description)
            return nil
        }
    }

    private func secretFile(_ reader: YAMLMappingReader, _ key: String) -> String? {
        guard let path = reader.string(key) else { return nil }
        guard let files, var bytes = files.read(path) else {
            reader.problem(key, "\(reader.name(key)): the file cannot be read")
            return nil
        }
        while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Reads `tls_config`.
enum TLSOptionsReader {
    static func read(_ reader: YAMLMappingReader) -> TLSOptions {
        var options = TLSOptions()
        options.caFile = reader.string("ca_file")
        options.certificateFile = reader.string("cert_file")
        options.keyFile = reader.string("key_file")
        if reader.boolean("insecure_skip_verify") == true {
            options.verifiesPeer = false
            reader.problem("insecure_skip_verify", "certificates of this peer are not verified", severity: .warning)
        }
        if let version = reader.string("min_version") {
            switch version {
            case "TLS12": options.requiresTLS13 = false
            case "TLS13": options.requiresTLS13 = true
            default: reader.problem("min_version", "min_version must be TLS12 or TLS13")
            }
        }
        reader.finish()
        return options
    }
}

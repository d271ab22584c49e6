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
        if reader.contains("username"), reader.contains("username_file") {
            reader.problem("username_file", "at most one of username and username_file")
        }
        if reader.contains("password"), reader.contains("password_file") {
            reader.problem("password_file", "at most one of password and password_file")
        }
        let user = secret(reader, "username") ?? secretFile(reader, "username_file") ?? ""
        let password = secret(reader, "password") ?? secretFile(reader, "password_file") ?? ""
        reader.finish()
        return .basic(user: user, password: password)
    }

    private func authorization(_ reader: YAMLMappingReader) -> HTTPRequest.Authorization {
        let type = reader.string("type") ?? "Bearer"
        if type.lowercased() == "basic" {
            reader.problem("type", "authorization type must not be Basic; use basic_auth for basic authentication")
        }
        if reader.contains("credentials"), reader.contains("credentials_file") {
            reader.problem("credentials_file", "at most one of credentials and credentials_file")
        }
        let credentials = secret(reader, "credentials") ?? secretFile(reader, "credentials_file") ?? ""
        reader.finish()
        return type.lowercased() == "bearer" ? .bearer(credentials) : .other(scheme: type, credentials: credentials)
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

    func secretFile(_ reader: YAMLMappingReader, _ key: String) -> String? {
        guard let path = reader.string(key) else { return nil }
        guard let files, let bytes = files.read(path) else {
            reader.problem(key, "\(reader.name(key)): the file cannot be read")
            return nil
        }
        return Self.trimmed(bytes)
    }

    /// A file's text without the line ends that editors leave.
    static func trimmed(_ bytes: [UInt8]) -> String {
        let rest = bytes.reversed().drop { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        return String(decoding: rest.reversed(), as: UTF8.self)
    }
}

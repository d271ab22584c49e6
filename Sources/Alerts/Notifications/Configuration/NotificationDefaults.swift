// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// Alertmanager's `global` section: what receivers fall back to.
struct NotificationDefaults {
    var resolveTimeout = Duration.seconds(300)
    var http = HTTPOptions()
    var slackURL: Secret?
    var pagerDutyURL = PagerDutySettings.defaultURL
    var mailFrom: String?
    var mailHello = "localhost"
    var smarthost: String?
    var mailUser: String?
    var mailPassword: Secret?
    var mailRequiresTLS = true
    var mailCAFile: String?
}

extension NotificationDecoder {
    func globalDefaults(_ reader: YAMLMappingReader) -> NotificationDefaults {
        var defaults = NotificationDefaults()
        if let timeout = reader.duration("resolve_timeout", atLeast: .milliseconds(1)) {
            defaults.resolveTimeout = timeout
        }
        if let http = reader.mapping("http_config") { defaults.http = httpOptions(http, base: HTTPOptions()) }
        defaults.slackURL = secret(reader, "slack_api_url", file: "slack_api_url_file")
        if let url = reader.string("pagerduty_url") { defaults.pagerDutyURL = url }
        defaults.mailFrom = reader.string("smtp_from")
        if let hello = reader.string("smtp_hello") { defaults.mailHello = hello }
        defaults.smarthost = reader.string("smtp_smarthost")
        defaults.mailUser = reader.string("smtp_auth_username")
        defaults.mailPassword = secret(reader, "smtp_auth_password", file: "smtp_auth_password_file")
        if let requires = reader.boolean("smtp_require_tls") { defaults.mailRequiresTLS = requires }
        if let tls = reader.mapping("smtp_tls_config") { defaults.mailCAFile = tlsFiles(tls).ca }
        // Of receivers that are not built in here; harmless in a file that came from Alertmanager.
        reader.ignore(
            "smtp_auth_secret",
            "smtp_auth_secret_file",
            "smtp_auth_identity",
            "opsgenie_api_key",
            "opsgenie_api_key_file",
            "opsgenie_api_url",
            "victorops_api_key",
            "victorops_api_key_file",
            "victorops_api_url",
            "wechat_api_url",
            "wechat_api_secret",
            "wechat_api_secret_file",
            "wechat_api_corp_id",
            "telegram_api_url",
            "webex_api_url",
            "rocketchat_api_url",
            "rocketchat_token",
            "rocketchat_token_file",
            "rocketchat_token_id",
            "rocketchat_token_id_file",
            "jira_api_url",
            "slack_app_token",
            "slack_app_token_file",
            "slack_app_url"
        )
        return defaults
    }

    // MARK: Values

    /// A text with its placeholders replaced.
    func text(_ reader: YAMLMappingReader, _ key: String) -> String? {
        guard let raw = reader.string(key) else { return nil }
        do {
            return try environment.resolve(raw)
        } catch {
            reader.problem(key, "\(reader.name(key)): \(error)")
            return nil
        }
    }

    /// A secret, in place or in a file of its own.
    func secret(_ reader: YAMLMappingReader, _ key: String, file fileKey: String? = nil) -> Secret? {
        let inPlace = text(reader, key)
        guard let fileKey, let path = text(reader, fileKey) else { return inPlace.map { Secret($0) } }
        if inPlace != nil {
            reader.problem(fileKey, "at most one of \(key) and \(fileKey) may be given")
            return nil
        }
        guard var bytes = environment.readFile(path) else {
            reader.problem(fileKey, "\(reader.name(fileKey)): the file cannot be read")
            return nil
        }
        while let last = bytes.last, last == 0x0a || last == 0x0d || last == 0x20 { bytes.removeLast() }
        return Secret(String(decoding: bytes, as: UTF8.self))
    }

    /// An http or https URL; nothing of it is repeated in the problem, because it may be a secret.
    func url(_ reader: YAMLMappingReader, _ key: String, file: String? = nil) -> Secret? {
        guard let secret = secret(reader, key, file: file) else { return nil }
        let text = secret.reveal().lowercased()
        let rest = text.hasPrefix("https://") ? text.dropFirst(8) : text.hasPrefix("http://") ? text.dropFirst(7) : ""
        guard !rest.isEmpty, rest.first != "/", !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) else {
            reader.problem(key, "\(reader.name(key)) must be an http or https URL")
            return nil
        }
        return secret
    }

    // MARK: HTTP

    func httpOptions(_ reader: YAMLMappingReader, base: HTTPOptions) -> HTTPOptions {
        var options = base
        if let authorization = authorization(reader) { options.authorization = authorization }
        if let proxy = secret(reader, "proxy_url") { options.proxy = proxy }
        if let tls = reader.mapping("tls_config") {
            let files = tlsFiles(tls)
            options.caFile = files.ca
            options.certificateFile = files.certificate
            options.keyFile = files.key
        }
        if let headers = reader.mapping("http_headers") { options.headers += httpHeaders(headers) }
        if reader.boolean("follow_redirects") == true {
            reader.problem("follow_redirects", "notifications never follow redirects", severity: .warning)
        }
        for key in ["proxy_from_environment", "no_proxy", "proxy_connect_header"] where reader.contains(key) {
            reader.problem(key, "\(reader.name(key)) is not used", severity: .warning)
        }
        if reader.contains("oauth2") { reader.problem("oauth2", "\(reader.name("oauth2")) is not supported") }
        reader.ignore("enable_http2")
        reader.finish()
        return options
    }

    private func authorization(_ reader: YAMLMappingReader) -> HTTPOptions.Authorization? {
        var found: [HTTPOptions.Authorization] = []
        if let basic = reader.mapping("basic_auth") {
            let user = secret(basic, "username", file: "username_file")?.reveal() ?? ""
            let password = secret(basic, "password", file: "password_file") ?? Secret("")
            basic.finish()
            found.append(.basic(user: user, password: password))
        }
        if let scheme = reader.mapping("authorization") {
            let type = scheme.string("type") ?? "Bearer"
            if let credentials = secret(scheme, "credentials", file: "credentials_file") {
                found.append(.scheme(type, credentials))
            } else {
                scheme.problem(nil, "\(scheme.path) needs credentials")
            }
            scheme.finish()
        }
        if let token = secret(reader, "bearer_token", file: "bearer_token_file") {
            found.append(.scheme("Bearer", token))
        }
        if found.count > 1 { reader.problem(nil, "\(reader.path): at most one way to authenticate may be given") }
        return found.first
    }

    private func httpHeaders(_ reader: YAMLMappingReader) -> [HTTPOptions.Header] {
        var headers: [HTTPOptions.Header] = []
        for name in reader.keys {
            guard Self.isHeaderName(name) else {
                reader.problem(name, "\"\(name)\" is not a header name")
                _ = reader.value(name)
                continue
            }
            guard let header = reader.mapping(name) else { continue }
            let values = (header.strings("values") ?? []) + (header.strings("secrets") ?? [])
            for raw in values {
                guard let value = try? environment.resolve(raw) else {
                    header.problem(nil, "\(header.path): a placeholder cannot be replaced")
                    continue
                }
                headers.append(HTTPOptions.Header(name, Secret(value)))
            }
            for path in header.strings("files") ?? [] {
                guard let bytes = environment.readFile(path) else {
                    header.problem("files", "\(header.path): the file cannot be read")
                    continue
                }
                let value = NotificationFunctions.trimmed(String(decoding: bytes, as: UTF8.self))
                headers.append(HTTPOptions.Header(name, Secret(value)))
            }
            header.finish()
        }
        for header in headers where header.value.reveal().utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
            reader.problem(header.name, "the value of header \(header.name) holds a control character")
        }
        return headers
    }

    static func isHeaderName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    func tlsFiles(_ reader: YAMLMappingReader) -> (ca: String?, certificate: String?, key: String?) {
        let files = (text(reader, "ca_file"), text(reader, "cert_file"), text(reader, "key_file"))
        if reader.boolean("insecure_skip_verify") == true {
            let message = "notifications always verify certificates; give the authority in ca_file"
            reader.problem("insecure_skip_verify", message, severity: .warning)
        }
        for key in ["server_name", "min_version", "max_version"] where reader.contains(key) {
            reader.problem(key, "\(reader.name(key)) is not used", severity: .warning)
        }
        reader.finish()
        return files
    }
}

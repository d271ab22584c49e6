// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

extension NotificationDecoder {
    func receivers() -> [Receiver] {
        var receivers: [Receiver] = []
        for reader in document.mappings("receivers") ?? [] {
            let name = reader.requiredString("name") ?? ""
            if receivers.contains(where: { $0.name == name }), !name.isEmpty {
                reader.problem("name", "receiver \"\(name)\" is defined twice")
            }
            let known: [(String, (YAMLMappingReader) -> Integration?)] = [
                ("webhook_configs", webhook), ("slack_configs", slack), ("pagerduty_configs", pagerDuty),
                ("email_configs", email), ("journald_configs", journald),
            ]
            var integrations: [Integration] = []
            for (key, decode) in known {
                for settings in reader.mappings(key) ?? [] {
                    if let integration = decode(settings) { integrations.append(integration) }
                    settings.finish()
                }
            }
            reader.finish()
            receivers.append(Receiver(name: name, integrations: integrations))
        }
        return receivers
    }

    private func http(_ reader: YAMLMappingReader) -> HTTPOptions {
        var options = defaults.http
        if let http = reader.mapping("http_config") { options = httpOptions(http, base: HTTPOptions()) }
        if let timeout = reader.duration("timeout", atLeast: .milliseconds(1), atMost: .seconds(300)) {
            // Alertmanager writes 0 for its own default, which `atLeast` turns into a problem; nothing is unlimited here.
            options.timeout = timeout
        }
        return options
    }

    private func webhook(_ reader: YAMLMappingReader) -> Integration? {
        var settings = WebhookSettings(url: url(reader, "url", file: "url_file") ?? Secret(""))
        if !reader.contains("url"), !reader.contains("url_file") { reader.missing("url") }
        settings.maximumAlerts = reader.integer("max_alerts", in: 0...1_000_000) ?? 0
        if let size = reader.integer("alerts_per_message", in: 1...100_000) { settings.alertsPerMessage = size }
        let single = secret(reader, "signing_secret", file: "signing_secret_file").map { [$0] } ?? []
        settings.signingSecrets = single + secrets(reader, "signing_secrets")
        for secret in settings.signingSecrets where StandardWebhook.key(secret) == nil {
            reader.problem("signing_secret", "\(reader.path): behind whsec_ base64 is expected")
        }
        settings.http = http(reader)
        return Integration(.webhook(settings), sendsResolved: reader.boolean("send_resolved"))
    }

    private func secrets(_ reader: YAMLMappingReader, _ key: String) -> [Secret] {
        (reader.strings(key) ?? []).compactMap { raw in
            do {
                return Secret(try environment.resolve(raw))
            } catch {
                reader.problem(key, "\(reader.name(key)): \(error)")
                return nil
            }
        }
    }

    private func slack(_ reader: YAMLMappingReader) -> Integration? {
        let own = url(reader, "api_url", file: "api_url_file")
        if own == nil, defaults.slackURL == nil, !reader.contains("api_url"), !reader.contains("api_url_file") {
            reader.problem(nil, "\(reader.path) needs api_url, here or as global slack_api_url")
        }
        var settings = SlackSettings(url: own ?? defaults.slackURL ?? Secret(""))
        let texts: [(String, WritableKeyPath<SlackSettings, String>)] = [
            ("channel", \.channel), ("username", \.username), ("color", \.color), ("title", \.title),
            ("title_link", \.titleLink), ("pretext", \.pretext), ("text", \.text), ("fallback", \.fallback),
            ("footer", \.footer), ("icon_emoji", \.iconEmoji), ("icon_url", \.iconURL), ("image_url", \.imageURL),
            ("thumb_url", \.thumbURL),
        ]
        for (key, path) in texts { if let text = text(reader, key) { settings[keyPath: path] = text } }
        let isShort = reader.boolean("short_fields") ?? false
        settings.fields = (reader.mappings("fields") ?? []).map { field in
            let value = SlackSettings.Field(
                title: field.requiredString("title") ?? "",
                value: field.requiredString("value") ?? "",
                isShort: field.boolean("short") ?? isShort
            )
            field.finish()
            return value
        }
        if let names = reader.strings("mrkdwn_in") { settings.markdownIn = names }
        settings.linksNames = reader.boolean("link_names") ?? false
        settings.http = http(reader)
        reader.ignore("callback_id")
        return Integration(.slack(settings), sendsResolved: reader.boolean("send_resolved"))
    }

    private func pagerDuty(_ reader: YAMLMappingReader) -> Integration? {
        let key = secret(reader, "routing_key", file: "routing_key_file")
        let oldKey = secret(reader, "service_key", file: "service_key_file")
        let names = ["routing_key", "routing_key_file", "service_key", "service_key_file"].filter {
            reader.contains($0)
        }
        if names.isEmpty { reader.problem(nil, "\(reader.path) needs routing_key (Events v2) or service_key (v1)") }
        if names.count > 1 {
            reader.problem(names[1], "\(reader.path) has either routing_key or service_key, or one of their files")
        }
        var settings = PagerDutySettings(routingKey: key ?? oldKey ?? Secret(""))
        settings.isVersion1 = names.first?.hasPrefix("service") ?? false
        let standard = settings.isVersion1 ? PagerDutySettings.firstVersionURL : defaults.pagerDutyURL
        settings.url = url(reader, "url")?.reveal() ?? standard
        let texts: [(String, WritableKeyPath<PagerDutySettings, String>)] = [
            ("client", \.client), ("client_url", \.clientURL), ("description", \.summary), ("source", \.source),
            ("severity", \.severity), ("component", \.component), ("group", \.group), ("class", \.eventClass),
        ]
        for (key, path) in texts { if let text = text(reader, key) { settings[keyPath: path] = text } }
        for pair in reader.stringPairs("details") ?? [] {
            settings.details.removeAll { $0.name == pair.name }
            settings.details.append(PagerDutySettings.Detail(name: pair.name, value: pair.value))
        }
        settings.details.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        settings.links = (reader.mappings("links") ?? []).map { link in
            defer { link.finish() }
            return PagerDutySettings.Link(href: link.string("href") ?? "", text: link.string("text") ?? "")
        }
        settings.images = (reader.mappings("images") ?? []).map { image in
            defer { image.finish() }
            return PagerDutySettings.Image(
                source: image.string("src") ?? "",
                alternative: image.string("alt") ?? "",
                href: image.string("href") ?? ""
            )
        }
        settings.http = http(reader)
        return Integration(.pagerduty(settings), sendsResolved: reader.boolean("send_resolved"))
    }

    private func email(_ reader: YAMLMappingReader) -> Integration? {
        let to = (reader.requiredString("to") ?? "").split(separator: ",").map {
            NotificationFunctions.trimmed(String($0))
        }
        let from = text(reader, "from") ?? defaults.mailFrom
        let host = text(reader, "smarthost") ?? defaults.smarthost
        if from == nil { reader.problem(nil, "\(reader.path) needs from, here or as global smtp_from") }
        if host == nil { reader.problem(nil, "\(reader.path) needs smarthost, here or as global smtp_smarthost") }
        if let host, EmailSettings.split(host) == nil {
            reader.problem("smarthost", "\(reader.name("smarthost")) must be host:port")
        }
        for address in to + (from.map { [$0] } ?? []) where EmailSettings.address(address) == nil {
            reader.problem("to", "\"\(address)\" is not a mail address")
        }
        var settings = EmailSettings(to: to, from: from ?? "", smarthost: host ?? "")
        settings.hello = reader.string("hello") ?? defaults.mailHello
        settings.username = text(reader, "auth_username") ?? defaults.mailUser
        settings.password = secret(reader, "auth_password", file: "auth_password_file") ?? defaults.mailPassword
        settings.requiresTLS = reader.boolean("require_tls") ?? defaults.mailRequiresTLS
        settings.caFile = reader.mapping("tls_config").flatMap { tlsFiles($0).ca } ?? defaults.mailCAFile
        for pair in reader.stringPairs("headers") ?? [] {
            if pair.name.lowercased() == "subject" {
                settings.subject = pair.value
            } else if Self.isHeaderName(pair.name) {
                settings.headers.append(EmailSettings.Header(name: pair.name, value: pair.value))
            } else {
                reader.problem("headers", "\"\(pair.name)\" is not a header name")
            }
        }
        if let html = reader.string("html") { settings.html = html }
        if let text = reader.string("text") { settings.text = text }
        reader.ignore("auth_secret", "auth_identity")
        return Integration(.email(settings), sendsResolved: reader.boolean("send_resolved"))
    }

    private func journald(_ reader: YAMLMappingReader) -> Integration? {
        var settings = JournaldSettings()
        if let identifier = reader.string("identifier") { settings.identifier = identifier }
        return Integration(.journald(settings), sendsResolved: reader.boolean("send_resolved"))
    }
}

extension EmailSettings {
    /// `host:port`, the host of an IPv6 address in brackets.
    static func split(_ smarthost: String) -> (host: String, port: UInt16)? {
        guard let colon = smarthost.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = UInt16(smarthost[smarthost.utf8.index(after: colon)...]), port > 0
        else { return nil }
        var host = smarthost[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return host.isEmpty ? nil : (String(host), port)
    }

    /// The bare address of `Name <user@host>` or `user@host`.
    static func address(_ text: String) -> String? {
        var bare = text[...]
        if let open = text.utf8.lastIndex(of: UInt8(ascii: "<")), text.hasSuffix(">") {
            bare = text[text.utf8.index(after: open)...].dropLast()
        }
        let isPlain = bare.utf8.allSatisfy {
            $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">")
        }
        guard isPlain, let at = bare.utf8.firstIndex(of: UInt8(ascii: "@")), at != bare.startIndex,
            bare.utf8.index(after: at) != bare.endIndex
        else { return nil }
        return String(bare)
    }
}

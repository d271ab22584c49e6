// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import YAMLDocument

/// Prints sections of a configuration file with every secret replaced, for the status page and amtool.
enum RedactedYAML {
    /// Keys whose values are secrets, or may be.
    private static let secretKeys: Set<String> = [
        "api_url", "slack_api_url", "pagerduty_url", "routing_key", "service_key", "auth_password",
        "auth_secret",
        "smtp_auth_password", "smtp_auth_secret", "password", "credentials", "bearer_token", "client_secret",
        "proxy_url",
        "values", "secrets", "slack_app_token", "opsgenie_api_key",
        "victorops_api_key", "wechat_api_secret", "rocketchat_token", "proxy_connect_header",
    ]
    private static let maximumDepth = 100
    /// Keys that Alertmanager's tools would refuse: our own receivers and options.
    private static let omittedKeys: Set<String> = [
        "journald_configs", "signing_secret", "signing_secret_file", "signing_secrets", "alerts_per_message",
    ]
    /// Of the global section, which is shared with Prometheus, what Alertmanager knows.
    private static func isGlobalKey(_ name: String) -> Bool {
        ["smtp_", "slack_", "pagerduty_", "opsgenie_", "victorops_", "wechat_", "telegram_", "webex_"].contains {
            name.hasPrefix($0)
        } || name == "resolve_timeout" || name == "http_config"
    }

    static func text(_ node: YAMLNode, keys: [String]) -> String {
        var text = ""
        for entry in node.entries ?? [] where entry.name.map(keys.contains) == true {
            if entry.name == "global" {
                let known = (entry.value.entries ?? []).filter { isGlobalKey($0.name ?? "") }
                guard !known.isEmpty else { continue }
                text += "global:\n"
                for entry in known { write(entry, indentation: 2, depth: 1, into: &text) }
            } else {
                write(entry, indentation: 0, depth: 0, into: &text)
            }
        }
        return text
    }

    private static func write(_ entry: YAMLEntry, indentation: Int, depth: Int, into text: inout String) {
        let name = entry.name ?? ""
        text += String(repeating: " ", count: indentation) + key(name) + ":"
        if name == "url" {
            // Older tools parse this one before they accept the word.
            text += " https://secret.invalid/\n"
        } else if secretKeys.contains(name) {
            text += " \(Secret.redacted)\n"
        } else {
            write(entry.value, indentation: indentation, depth: depth + 1, into: &text)
        }
    }

    private static func write(_ node: YAMLNode, indentation: Int, depth: Int, into text: inout String) {
        guard depth < maximumDepth else {
            text += " ~\n"
            return
        }
        switch node.content {
        case .scalar(let value, let style): text += " \(style == .plain ? value : quoted(value))\n"
        case .mapping(let entries):
            guard !entries.isEmpty else {
                text += " {}\n"
                return
            }
            text += "\n"
            for entry in entries where !omittedKeys.contains(entry.name ?? "") {
                write(entry, indentation: indentation + 2, depth: depth, into: &text)
            }
        case .sequence(let elements):
            guard !elements.isEmpty else {
                text += " []\n"
                return
            }
            text += "\n"
            for element in elements {
                text += String(repeating: " ", count: indentation) + "-"
                write(element, indentation: indentation + 2, depth: depth + 1, into: &text)
            }
        }
    }

    private static func key(_ name: String) -> String {
        name.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: ":") && $0 < 0x7f } && !name.isEmpty
            ? name : quoted(name)
    }

    /// JSON's strings are YAML's.
    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

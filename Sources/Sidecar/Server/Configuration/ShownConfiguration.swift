// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import YAMLDocument

/// The configuration as `/api/v1/status/config` shows it. Every value that is, or may hold, a secret is replaced: by the
/// name of its key, and wherever a URL or a DSN carries credentials.
enum ShownConfiguration {
    private static let secretWords = [
        "password", "secret", "token", "credential", "api_key", "routing_key", "service_key", "api_url", "_key",
    ]
    /// Their values are secrets in these sections (a webhook's URL is its password) but not elsewhere.
    private static let secretURLSections: Set<String> = ["webhook_configs", "slack_configs"]
    private static let maximumDepth = 100

    static func text(_ node: YAMLNode) -> String {
        var text = ""
        write(node, indentation: 0, section: "", depth: 0, into: &text)
        return text
    }

    private static func write(
        _ node: YAMLNode,
        indentation: Int,
        section: String,
        depth: Int,
        into text: inout String
    ) {
        guard depth < maximumDepth else {
            text += " ~\n"
            return
        }
        let margin = String(repeating: " ", count: indentation)
        switch node.content {
        case .scalar(let value, let style):
            let shown = withoutCredentials(value)
            text += " \(style == .plain && shown == value ? value : quoted(shown))\n"
        case .mapping(let entries):
            text += entries.isEmpty ? " {}\n" : indentation == 0 && depth == 0 ? "" : "\n"
            for entry in entries {
                let name = entry.name ?? ""
                text += margin + (isPlain(name) ? name : quoted(name)) + ":"
                if isSecret(name, in: section) {
                    text += " <secret>\n"
                } else {
                    let inner = secretURLSections.contains(name) || section.isEmpty ? name : section
                    write(entry.value, indentation: indentation + 2, section: inner, depth: depth + 1, into: &text)
                }
            }
        case .sequence(let elements):
            text += elements.isEmpty ? " []\n" : "\n"
            for element in elements {
                text += margin + "-"
                write(element, indentation: indentation + 2, section: section, depth: depth + 1, into: &text)
            }
        }
    }

    private static func isSecret(_ name: String, in section: String) -> Bool {
        if name.hasSuffix("_file") { return false }
        // Whoever knows the key of a job can report for it.
        if section == "heartbeats", name == "key" { return true }
        if name == "url" || name == "proxy_url" { return secretURLSections.contains(section) || name == "proxy_url" }
        if section == "http_headers" || name == "headers" { return true }
        return secretWords.contains { name.contains($0) }
    }

    /// `scheme://user:password@host` and `password=…` of a DSN.
    static func withoutCredentials(_ text: String) -> String {
        var bytes = Array(text.utf8)
        if let start = bytes.firstRange(of: Array("://".utf8))?.upperBound {
            let end =
                bytes[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? bytes.endIndex
            if let at = bytes[start..<end].lastIndex(of: UInt8(ascii: "@")) {
                bytes.replaceSubrange(start..<at, with: Array("<secret>".utf8))
            }
        }
        if let start = bytes.firstRange(of: Array("password=".utf8))?.upperBound {
            let end =
                bytes[start...].firstIndex { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "&") } ?? bytes.endIndex
            bytes.replaceSubrange(start..<end, with: Array("<secret>".utf8))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "#") && $0 < 0x7f }
    }

    /// JSON's strings are YAML's.
    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension [UInt8] {
    fileprivate func firstRange(of wanted: [UInt8]) -> Range<Int>? {
        guard !wanted.isEmpty, count >= wanted.count else { return nil }
        for start in 0...(count - wanted.count) where self[start...].starts(with: wanted) {
            return start..<(start + wanted.count)
        }
        return nil
    }
}

// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// An RFC 5322 message with a text and an HTML part, base64-encoded so that no line is too long and no byte is lost.
enum EmailMessage {
    static func bytes(_ notification: AlertNotification, _ settings: EmailSettings, _ texts: inout TextExpander)
        -> [UInt8]
    {
        let boundary = "=_" + Digest.hexadecimal(Digest.sha256("boundary \(notification.id)".utf8).prefix(16))
        let html = settings.html.isEmpty ? "" : texts.expand(settings.html, escapesHTML: true)
        let text = texts.expand(settings.text)
        var lines: [String] = []
        var names: Set<String> = []
        func header(_ name: String, _ value: String) {
            guard names.insert(name.lowercased()).inserted, isHeaderName(name) else { return }
            lines.append("\(name): \(encoded(value))")
        }
        for custom in settings.headers { header(custom.name, texts.expand(custom.value)) }
        header("From", settings.from)
        header("To", settings.to.joined(separator: ", "))
        header("Subject", texts.expand(settings.subject))
        header("Message-Id", "<\(notification.id)@\(domain(settings.from))>")
        header("Date", date(notification.createdAt))
        header("X-Notification-Id", notification.id)
        header("MIME-Version", "1.0")
        lines.append("Content-Type: multipart/alternative; boundary=\"\(boundary)\"")
        lines.append("")
        for (type, content) in [("text/plain", text), ("text/html", html)] where !content.isEmpty {
            lines.append("--\(boundary)")
            lines.append("Content-Type: \(type); charset=UTF-8")
            lines.append("Content-Transfer-Encoding: base64")
            lines.append("")
            lines.append(contentsOf: wrapped(Digest.base64(Array(content.utf8))))
        }
        lines.append("--\(boundary)--")
        lines.append("")
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    /// One header line stays one line: control characters become spaces; what is not ASCII is encoded (RFC 2047).
    static func encoded(_ value: String) -> String {
        var flat = ""
        for scalar in value.unicodeScalars {
            flat.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7f ? " " : scalar)
        }
        flat = NotificationFunctions.trimmed(flat)
        if flat.utf8.allSatisfy({ $0 < 0x80 }), flat.utf8.count <= 900 { return flat }
        var words: [String] = []
        var chunk = ""
        for scalar in flat.unicodeScalars {
            if chunk.utf8.count + String(scalar).utf8.count > 42 {
                words.append(chunk)
                chunk = ""
            }
            chunk.unicodeScalars.append(scalar)
        }
        words.append(chunk)
        return words.map { "=?UTF-8?B?\(Digest.base64(Array($0.utf8)))?=" }.joined(separator: "\r\n ")
    }

    private static func isHeaderName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") }
    }

    private static func domain(_ address: String) -> String {
        let tail = address.utf8.drop { $0 != UInt8(ascii: "@") }.dropFirst()
        let domain = tail.prefix { $0 != UInt8(ascii: ">") && $0 > 0x20 && $0 < 0x7f }
        return domain.isEmpty ? "localhost" : String(decoding: domain, as: UTF8.self)
    }

    private static func date(_ moment: Timestamp) -> String {
        TemplateTime(moment).format("Mon, 02 Jan 2006 15:04:05 -0700")
    }

    private static func wrapped(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return stride(from: 0, to: bytes.count, by: 76).map {
            String(decoding: bytes[$0..<min($0 + 76, bytes.count)], as: UTF8.self)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import TimeSeries

/// A Slack message with one attachment, as Alertmanager builds it.
enum SlackPayload {
    /// Slack refuses longer titles and texts.
    private static let titleLimit = 1024
    private static let textLimit = 3000

    static func bytes(_ notification: AlertNotification, _ settings: SlackSettings, _ texts: inout TextExpander)
        -> [UInt8]
    {
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.object { json in
            json.optional("channel", texts.expand(settings.channel))
            json.optional("username", texts.expand(settings.username))
            json.optional("icon_emoji", texts.expand(settings.iconEmoji))
            json.optional("icon_url", texts.expand(settings.iconURL))
            if settings.linksNames { json.member("link_names", true) }
            json.member("attachments", array: CollectionOfOne(settings)) { json, settings in
                attachment(notification, settings, &texts, &json)
            }
        }
        return writer.bytes
    }

    private static func attachment(
        _ notification: AlertNotification,
        _ settings: SlackSettings,
        _ texts: inout TextExpander,
        _ writer: inout JSONWriter
    ) {
        writer.object { json in
            json.optional("title", shortened(escaped(texts.expand(settings.title)), to: titleLimit))
            json.optional("title_link", texts.expand(settings.titleLink))
            json.optional("pretext", shortened(texts.expand(settings.pretext), to: textLimit))
            json.member("text", shortened(texts.expand(settings.text), to: textLimit))
            json.member("fallback", shortened(escaped(texts.expand(settings.fallback)), to: titleLimit))
            json.optional("color", texts.expand(settings.color))
            json.optional("footer", texts.expand(settings.footer))
            json.optional("image_url", texts.expand(settings.imageURL))
            json.optional("thumb_url", texts.expand(settings.thumbURL))
            json.member("ts", notification.createdAt.milliseconds.flooredQuotient(1000))
            if !settings.fields.isEmpty {
                json.member("fields", array: settings.fields) { json, field in
                    let title = texts.expand(field.title), value = texts.expand(field.value)
                    json.object { json in
                        json.member("title", title)
                        json.member("value", value)
                        json.member("short", field.isShort)
                    }
                }
            }
            json.member("mrkdwn_in", array: settings.markdownIn) { $0.string($1) }
        }
    }

    /// Slack's three control characters, where no markup is meant.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// At most `limit` characters, an ellipsis for what was cut.
func shortened(_ text: String, to limit: Int) -> String {
    guard text.utf8.count > limit, text.unicodeScalars.count > limit else { return text }
    var result = String.UnicodeScalarView()
    result.append(contentsOf: text.unicodeScalars.prefix(limit - 1))
    result.append("…")
    return String(result)
}

extension JSONWriter {
    /// A member that is left out when empty.
    mutating func optional(_ name: String, _ value: String) {
        if !value.isEmpty { member(name, value) }
    }
}

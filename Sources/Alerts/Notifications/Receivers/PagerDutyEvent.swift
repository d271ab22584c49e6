// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import TimeSeries

/// A PagerDuty event of version 2, or 1 for a service key. The stored body lacks the key, which is put in front for each
/// attempt.
enum PagerDutyEvent {
    /// PagerDuty refuses larger events.
    static let sizeLimit = 512_000
    private static let summaryLimit = 1024

    static func bytes(
        _ notification: AlertNotification,
        _ settings: PagerDutySettings,
        _ texts: inout TextExpander
    ) -> [UInt8] {
        let details = settings.details.map { (name: $0.name, value: texts.expand($0.value)) }
        let event = event(notification, settings, &texts, details: details)
        guard event.count > sizeLimit - 128 else { return event }
        let note = "custom details were removed: the event was larger than \(sizeLimit) bytes"
        return self.event(notification, settings, &texts, details: [(name: "error", value: note)])
    }

    private static func event(
        _ notification: AlertNotification,
        _ settings: PagerDutySettings,
        _ texts: inout TextExpander,
        details: [(name: String, value: String)]
    ) -> [UInt8] {
        if settings.isVersion1 { return firstVersion(notification, settings, &texts, details: details) }
        var writer = JSONWriter(reservingCapacity: 2048)
        writer.object { json in
            json.member("event_action", notification.status == .firing ? "trigger" : "resolve")
            json.member("dedup_key", dedupKey(notification.groupKey))
            json.optional("client", texts.expand(settings.client))
            json.optional("client_url", texts.expand(settings.clientURL))
            json.member(
                "payload",
                object: { json in
                    json.member("summary", shortened(nonEmpty(texts.expand(settings.summary)), to: summaryLimit))
                    let source = texts.expand(settings.source.isEmpty ? settings.client : settings.source)
                    json.member("source", nonEmpty(source))
                    json.member("severity", severity(texts.expand(settings.severity)))
                    if let first = notification.entries.map(\.alert.startsAt).min() {
                        json.member("timestamp", TimeText.format(first))
                    }
                    json.optional("component", texts.expand(settings.component))
                    json.optional("group", texts.expand(settings.group))
                    json.optional("class", texts.expand(settings.eventClass))
                    json.member("custom_details", strings: details)
                }
            )
            json.member("images", array: settings.images) { json, image in
                json.object { json in
                    json.member("src", texts.expand(image.source))
                    json.optional("href", texts.expand(image.href))
                    json.optional("alt", texts.expand(image.alternative))
                }
            }
            json.member("links", array: settings.links) { json, link in
                json.object { json in
                    json.member("href", texts.expand(link.href))
                    json.optional("text", texts.expand(link.text))
                }
            }
        }
        return writer.bytes
    }

    /// What integrations made before Events v2 take.
    private static func firstVersion(
        _ notification: AlertNotification,
        _ settings: PagerDutySettings,
        _ texts: inout TextExpander,
        details: [(name: String, value: String)]
    ) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.object { json in
            json.member("event_type", notification.status == .firing ? "trigger" : "resolve")
            json.member("incident_key", dedupKey(notification.groupKey))
            json.member("description", shortened(nonEmpty(texts.expand(settings.summary)), to: summaryLimit))
            guard notification.status == .firing else { return }
            json.optional("client", texts.expand(settings.client))
            json.optional("client_url", texts.expand(settings.clientURL))
            json.member("details", strings: details)
        }
        return writer.bytes
    }

    /// The incident's name: lower-case hexadecimal SHA-256 of the group key, as Alertmanager's.
    static func dedupKey(_ groupKey: String) -> String { Digest.hexadecimal(Digest.sha256(groupKey.utf8)) }

    static func withKey(_ settings: PagerDutySettings, _ body: [UInt8]) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: body.count + 64)
        writer.string(settings.routingKey.reveal())
        return Array((settings.isVersion1 ? "{\"service_key\":" : "{\"routing_key\":").utf8) + writer.bytes + [
            UInt8(ascii: ",")
        ] + body.dropFirst()
    }

    private static func severity(_ text: String) -> String {
        ["critical", "error", "warning", "info"].contains(text) ? text : "error"
    }

    private static func nonEmpty(_ text: String) -> String { text.isEmpty ? "sidecar" : text }
}

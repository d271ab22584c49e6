// SPDX-License-Identifier: Apache-2.0

import GoTemplates
import TimeSeries

/// Alertmanager's data model for templates: `.Alerts`, `.GroupLabels`, `.CommonLabels` and so on.
enum TemplateData {
    static func value(_ notification: AlertNotification) -> TemplateValue {
        .map(
            TemplateMap([
                "Receiver": .string(WebhookPayload.quotedMeta(notification.receiver)),
                "Status": .string(notification.status.rawValue),
                "Alerts": .object(AlertList(notification.entries, createdAt: notification.createdAt)),
                "GroupLabels": .object(LabelMap(notification.groupLabels)),
                "CommonLabels": .object(LabelMap(notification.commonLabels)),
                "CommonAnnotations": .object(LabelMap(notification.commonAnnotations)),
                "ExternalURL": .string(notification.externalURL),
                "GroupKey": .string(notification.groupKey),
                "NotificationReason": .string(notification.reason.rawValue),
                "NotificationID": .string(notification.id),
                "TruncatedAlerts": .integer(Int64(notification.truncated)),
                "RouteLabels": .object(LabelMap(Labels())),
            ])
        )
    }

    static func value(_ entry: AlertNotification.Entry, createdAt: Timestamp) -> TemplateValue {
        let alert = entry.alert
        let end = entry.isResolved ? alert.endsAt : nil
        let duration = max(((end ?? createdAt) - alert.startsAt).inSeconds, 0)
        return .map(
            TemplateMap([
                "Status": .string(entry.status.rawValue),
                "Labels": .object(LabelMap(alert.labels)),
                "Annotations": .object(LabelMap(alert.annotations)),
                "StartsAt": .object(TemplateTime(alert.startsAt)),
                "EndsAt": .object(TemplateTime(end)),
                "GeneratorURL": .string(alert.generatorURL),
                "Fingerprint": .string(alert.fingerprintText),
                "Value": alert.value.map { .float($0) } ?? .null,
                "ValueAtResolve": alert.valueAtResolve.map { .float($0) } ?? .null,
                "Peak": alert.peak.map { .float($0) } ?? .null,
                "DurationSeconds": .float(duration),
                "Stale": .bool(alert.isStale),
            ])
        )
    }
}

/// A set of labels or annotations with Alertmanager's methods.
struct LabelMap: TemplateObject {
    let pairs: [(name: String, value: String)]

    init(_ labels: Labels) { pairs = labels.pairs }
    private init(pairs: [(name: String, value: String)]) { self.pairs = pairs }

    var typeName: String { "template.KV" }
    var plain: TemplateValue { .texts(pairs) }

    func member(_ name: String, _ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "SortedPairs": return .object(PairList(sorted))
        case "Names": return .texts(sorted.map(\.name))
        case "Values": return .texts(sorted.map(\.value))
        case "Remove":
            let names = try TemplateArguments(arguments).list(0).compactMap(\.text)
            return .object(LabelMap(pairs: pairs.filter { !names.contains($0.name) }))
        case "String":
            return .string(sorted.map { "\($0.name)=\($0.value)" }.joined(separator: ", "))
        default: return .string(pairs.last { $0.name == name }?.value ?? "")
        }
    }

    /// By name, `alertname` first.
    private var sorted: [(name: String, value: String)] {
        pairs.filter { $0.name == "alertname" } + pairs.filter { $0.name != "alertname" }
    }
}

/// Pairs in order.
struct PairList: TemplateObject {
    let pairs: [(name: String, value: String)]

    init(_ pairs: [(name: String, value: String)]) { self.pairs = pairs }

    var typeName: String { "template.Pairs" }

    var plain: TemplateValue {
        .list(pairs.map { .texts([(name: "Name", value: $0.name), (name: "Value", value: $0.value)]) })
    }

    func member(_ name: String, _ arguments: [TemplateValue]) -> TemplateValue? {
        switch name {
        case "Names": .texts(pairs.map(\.name))
        case "Values": .texts(pairs.map(\.value))
        case "String": .string(pairs.map { "\($0.name)=\($0.value)" }.joined(separator: ", "))
        default: nil
        }
    }
}

/// Alerts with the two views of them.
struct AlertList: TemplateObject {
    let entries: [AlertNotification.Entry]
    let createdAt: Timestamp

    init(_ entries: [AlertNotification.Entry], createdAt: Timestamp) {
        self.entries = entries
        self.createdAt = createdAt
    }

    var typeName: String { "template.Alerts" }
    var plain: TemplateValue { .list(entries.map { TemplateData.value($0, createdAt: createdAt) }) }

    func member(_ name: String, _ arguments: [TemplateValue]) -> TemplateValue? {
        switch name {
        case "Firing": .object(AlertList(entries.filter { !$0.isResolved }, createdAt: createdAt))
        case "Resolved": .object(AlertList(entries.filter(\.isResolved), createdAt: createdAt))
        default: nil
        }
    }
}

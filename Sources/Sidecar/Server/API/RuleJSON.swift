// SPDX-License-Identifier: Apache-2.0

import AlertRules
import GoFormatting
import JSONDocument
import TimeSeries

/// Groups, rules and alerts in the shapes of Prometheus's HTTP API.
enum RuleJSON {
    static func write(
        _ group: RuleGroup,
        _ entries: [RuleGroup.Entry],
        _ manager: RuleManager,
        withoutAlerts: Bool,
        to json: inout JSONWriter
    ) {
        json.beginObject()
        json.member("name", group.definition.name)
        json.member("file", group.definition.file)
        json.member("rules", array: entries) { json, entry in
            write(entry, group, manager, withoutAlerts: withoutAlerts, to: &json)
        }
        json.member("interval", group.interval(manager.context) / .seconds(1))
        json.member("limit", group.definition.limit)
        json.member("evaluationTime", group.lastDuration / .seconds(1))
        json.member("lastEvaluation", TimeText.rfc3339(group.lastEvaluation ?? .never))
        json.endObject()
    }

    private static func write(
        _ entry: RuleGroup.Entry,
        _ group: RuleGroup,
        _ manager: RuleManager,
        withoutAlerts: Bool,
        to json: inout JSONWriter
    ) {
        let definition = entry.definition
        json.beginObject()
        if definition.kind == .alerting {
            let alerts = manager.alerts(of: entry, in: group)
            let state =
                entry.lastEvaluation == nil
                ? "unknown"
                : alerts.contains { $0.state == .firing } ? "firing" : alerts.isEmpty ? "inactive" : "pending"
            json.member("state", state)
            json.member("name", definition.name)
            json.member("query", definition.query.text)
            json.member("duration", definition.holdDuration / .seconds(1))
            json.member("keepFiringFor", definition.keepFiringFor / .seconds(1))
            json.member("labels", strings: definition.labels)
            json.member("annotations", strings: definition.annotations)
            json.member("alerts", array: withoutAlerts ? [] : alerts) { write($1, to: &$0) }
        } else {
            json.member("name", definition.name)
            json.member("query", definition.query.text)
            if !definition.labels.isEmpty { json.member("labels", strings: definition.labels) }
        }
        json.member("health", entry.health.rawValue)
        if !entry.hasMatched { json.member("neverMatched", true) }
        if let error = entry.lastError { json.member("lastError", error) }
        json.member("evaluationTime", entry.evaluationDuration / .seconds(1))
        json.member("lastEvaluation", TimeText.rfc3339(entry.lastEvaluation ?? .never))
        json.member("type", definition.kind == .alerting ? "alerting" : "recording")
        json.endObject()
    }

    static func write(_ alert: AlertSnapshot, to json: inout JSONWriter) {
        json.beginObject()
        json.key("labels")
        ResultJSON.labels(alert.labels, to: &json)
        json.member("annotations", strings: alert.annotations.map { ($0.name, $0.value) })
        json.member("state", alert.state.rawValue)
        json.member("activeAt", TimeText.rfc3339(alert.activeAt))
        if let since = alert.keepFiringSince { json.member("keepFiringSince", TimeText.rfc3339(since)) }
        json.member("value", GoFloat.exponential(alert.value).lowercased())
        json.endObject()
    }
}

// SPDX-License-Identifier: Apache-2.0

import AlertRules
import GoFormatting
import Hummingbird
import JSONDocument
import PromQL
import Scraping
import TimeSeries
import YAMLDocument

/// `/api/v1/rules`, `alerts`, `targets`, `metadata`: how rules and targets stand.
struct StateRoutes: Sendable {
    let rules: RuleLoop
    let targets: TargetBoard
    let metadata: MetadataBoard

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.get("/api/v1/rules") { request, _ in try await listRules(request) }
        router.get("/api/v1/alerts") { _, _ in try await alerts() }
        router.get("/api/v1/targets") { request, _ in try await listTargets(request) }
        router.get("/api/v1/targets/metadata") { _, _ in Response.success { $0.array([] as [Int]) { _, _ in } } }
        router.get("/api/v1/metadata") { request, _ in try await listMetadata(request) }
    }

    // MARK: Rules and alerts

    private func listRules(_ request: Request) async throws -> Response {
        var request = request
        let parameters = try await request.parameters()
        let type = parameters["type"] ?? ""
        guard ["", "alert", "record"].contains(type) else {
            throw APIError.invalidParameter("type", "not supported value \"\(type)\"")
        }
        let names = Set(parameters.all("rule_name[]"))
        let groupNames = Set(parameters.all("rule_group[]"))
        let files = Set(parameters.all("file[]"))
        let withoutAlerts = parameters["exclude_alerts"] == "true"
        let selectors = try parameters.selectors()
        let bytes = await rules.access { manager in
            var json = JSONWriter(reservingCapacity: 16 << 10)
            json.beginArray()
            for group in manager.groups {
                guard groupNames.isEmpty || groupNames.contains(group.definition.name),
                    files.isEmpty || files.contains(group.definition.file)
                else { continue }
                let entries = group.entries.filter { entry in
                    (type.isEmpty || (type == "alert") == (entry.definition.kind == .alerting))
                        && (names.isEmpty || names.contains(entry.definition.name))
                        && (selectors.isEmpty || Self.matches(entry.definition, selectors))
                }
                if entries.isEmpty, !(names.isEmpty && type.isEmpty && selectors.isEmpty) { continue }
                Self.write(group, entries, manager, withoutAlerts: withoutAlerts, to: &json)
            }
            json.endArray()
            return json.bytes
        }
        guard let bytes else { throw APIError(.unavailable, "the rules have stopped") }
        return .success { json in
            json.object {
                $0.key("groups")
                $0.raw(bytes)
            }
        }
    }

    /// Whether the labels that a rule adds match one of the selectors.
    private static func matches(_ definition: RuleDefinition, _ selectors: [[LabelMatcher]]) -> Bool {
        let labels = Labels(definition.labels.map { ($0.name, $0.value) })
        return selectors.contains { $0.allSatisfy { $0.matches(labels) } }
    }

    private static func write(
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

    private static func write(_ alert: AlertSnapshot, to json: inout JSONWriter) {
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

    private func alerts() async throws -> Response {
        let alerts = await rules.access { $0.alerts() }
        guard let alerts else { throw APIError(.unavailable, "the rules have stopped") }
        return .success { json in
            json.object { $0.member("alerts", array: alerts) { Self.write($1, to: &$0) } }
        }
    }

    // MARK: Targets

    private func listTargets(_ request: Request) async throws -> Response {
        var request = request
        let parameters = try await request.parameters()
        let state = parameters["state"] ?? ""
        let pool = parameters["scrapePool"] ?? ""
        let active = state == "dropped" ? [] : targets.active.filter { pool.isEmpty || $0.target.jobName == pool }
        let dropped = state == "active" ? [] : targets.dropped.filter { pool.isEmpty || $0.job == pool }
        return .success { json in
            json.object {
                $0.member("activeTargets", array: active) { Self.write($1, to: &$0) }
                let shown = dropped.flatMap { entry in entry.labels.map { (job: entry.job, labels: $0) } }
                $0.member("droppedTargets", array: shown) { json, dropped in
                    json.object {
                        $0.key("discoveredLabels")
                        ResultJSON.labels(dropped.labels, to: &$0)
                        $0.member("scrapePool", dropped.job)
                    }
                }
                $0.member(
                    "droppedTargetCounts",
                    object: { json in for entry in dropped { json.member(entry.job, entry.count) } }
                )
            }
        }
    }

    private static func write(_ status: TargetStatus, to json: inout JSONWriter) {
        let target = status.target
        json.beginObject()
        json.key("discoveredLabels")
        ResultJSON.labels(target.discoveredLabels, to: &json)
        json.key("labels")
        ResultJSON.labels(target.labels, to: &json)
        json.member("scrapePool", target.jobName)
        json.member("scrapeUrl", ShownConfiguration.withoutCredentials(target.url))
        json.member("globalUrl", ShownConfiguration.withoutCredentials(target.url))
        json.member("lastError", status.lastFailure.map { "\($0.reason.rawValue): \($0.text)" } ?? "")
        json.member("lastScrape", TimeText.rfc3339(status.lastScrape ?? .never))
        json.member("lastScrapeDuration", status.lastDuration / .seconds(1))
        json.member("health", status.health.rawValue)
        json.member("scrapeInterval", PrometheusDuration.format(target.interval))
        json.member("scrapeTimeout", PrometheusDuration.format(target.timeout))
        json.endObject()
    }

    private func listMetadata(_ request: Request) async throws -> Response {
        var request = request
        let parameters = try await request.parameters()
        let limit = try RequestTimes.number(parameters, "limit") ?? -1
        let perMetric = try RequestTimes.number(parameters, "limit_per_metric") ?? 0
        let wanted = parameters["metric"]
        var found = metadata.all()
        if let wanted, !wanted.isEmpty { found = found.filter { $0.metric == wanted } }
        if limit >= 0 { found = Array(found.prefix(limit)) }
        return .success { json in
            json.object {
                for (metric, variants) in found {
                    $0.member(metric, array: perMetric > 0 ? variants.prefix(perMetric) : variants[...]) {
                        json,
                        metadata in
                        json.object {
                            $0.member("type", metadata.type)
                            $0.member("help", metadata.help)
                            $0.member("unit", metadata.unit)
                        }
                    }
                }
            }
        }
    }
}

extension Timestamp {
    /// Go's zero time, which Prometheus shows for what never happened.
    static let never = Timestamp(milliseconds: -62_135_596_800_000)
}

// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import JSONDocument
import PromQL
import Scraping
import TimeSeries
import YAMLDocument

/// `/api/v1/targets`, `scrape_pools`, `targets/metadata`, `metadata`: what is scraped and what it says about itself.
struct TargetRoutes: Sendable {
    let targets: TargetBoard
    let metadata: MetadataBoard

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.get("/api/v1/targets") { request, _ in try await listTargets(request) }
        router.get("/api/v1/scrape_pools") { _, _ in listPools() }
        router.get("/api/v1/targets/metadata") { request, _ in try await listTargetMetadata(request) }
        router.get("/api/v1/metadata") { request, _ in try await listMetadata(request) }
    }

    private func listTargets(_ request: Request) async throws -> Response {
        var request = request
        let parameters = try await request.parameters()
        let state = parameters["state"]?.lowercased() ?? ""
        let pool = parameters["scrapePool"] ?? ""
        let active =
            !["", "any", "active"].contains(state)
            ? [] : targets.active.filter { pool.isEmpty || $0.target.jobName == pool }
        let dropped =
            !["", "any", "dropped"].contains(state) ? [] : targets.dropped.filter { pool.isEmpty || $0.job == pool }
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
                        json.object { Self.write(metadata, to: &$0) }
                    }
                }
            }
        }
    }

    private func listPools() -> Response {
        let jobs = Set(targets.active.map(\.target.jobName)).union(targets.dropped.map(\.job))
        return .success { json in
            json.object { $0.member("scrapePools", array: jobs.sorted()) { $0.string($1) } }
        }
    }

    /// What each target says about its metrics.
    private func listTargetMetadata(_ request: Request) async throws -> Response {
        var request = request
        let parameters = try await request.parameters()
        let limit = try RequestTimes.number(parameters, "limit") ?? -1
        let matchers = try parameters.selector("match_target") ?? []
        let wanted = parameters["metric"] ?? ""
        var found: [(target: Labels, metric: String, metadata: MetricMetadata)] = []
        for status in targets.active where matchers.allSatisfy({ $0.matches(status.target.labels) }) {
            // Where one metric is asked for, the limit counts targets.
            if limit >= 0, found.count >= limit { break }
            let metrics = metadata.metrics(of: status.target.identity)
            if wanted.isEmpty {
                for (name, metadata) in metrics.sorted(by: { $0.key < $1.key }) {
                    found.append((status.target.labels, name, metadata))
                }
            } else if let one = metrics[wanted] {
                found.append((status.target.labels, "", one))
            }
        }
        return .success { json in
            json.array(found) { json, entry in
                json.object {
                    $0.key("target")
                    ResultJSON.labels(entry.target, to: &$0)
                    if !entry.metric.isEmpty { $0.member("metric", entry.metric) }
                    Self.write(entry.metadata, to: &$0)
                }
            }
        }
    }

    private static func write(_ metadata: MetricMetadata, to json: inout JSONWriter) {
        json.member("type", metadata.type)
        json.member("help", metadata.help)
        json.member("unit", metadata.unit)
    }
}

// SPDX-License-Identifier: Apache-2.0

import AlertRules
import HTTPClient
import HealthChecks
import Hummingbird
import JSONDocument
import Notifications
import Scraping
import TimeSeries

/// `/api/sidecar/*`: what neither Prometheus nor Alertmanager answers.
struct SidecarRoutes: Sendable {
    let registry: HealthRegistry
    let targets: TargetBoard
    let notifications: NotificationLoop
    let rules: RuleLoop
    let clock: HealthClock

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.get("/api/sidecar/checks") { _, _ in checks() }
        router.get("/api/sidecar/targets") { _, _ in failures() }
        router.get("/api/sidecar/explain") { request, _ in try await explain(request) }
        router.get("/api/sidecar/outbox") { _, _ in
            let bytes = await notifications.access { engine, _ in engine.outboxJSON() }
            return bytes.map { Response.json($0) } ?? .text("stopping\n", status: .serviceUnavailable)
        }
        router.post("/api/sidecar/outbox/:id/replay") { _, context in
            let id = Int64(context.parameters.get("id") ?? "") ?? -1
            let done = await notifications.access { engine, now in engine.replay(id, at: now) }
            return done == true ? Response.text("replayed\n") : .text("no such dead letter\n", status: .notFound)
        }
        router.post("/api/sidecar/receivers/:name/test") { _, context in
            let name = Parameters.decodePathComponent(context.parameters.get("name") ?? "") ?? ""
            let done = await notifications.access { engine, now in engine.sendTest(receiver: name, at: now) }
            return done == true ? Response.text("queued\n") : .text("no such receiver\n", status: .notFound)
        }
        router.get("/api/sidecar/history") { request, _ in try await history(request) }
        router.post("/api/sidecar/routes/test") { request, _ in try await destinations(request) }
    }

    private func checks() -> Response {
        let snapshot = registry.snapshot
        var json = JSONWriter(reservingCapacity: 4_096)
        json.array(snapshot.checks) { json, check in
            json.object {
                $0.member("name", check.name)
                $0.member("kind", check.descriptor.kind)
                $0.member("instance", check.descriptor.instance)
                $0.member("policy", check.descriptor.settings.policy.rawValue)
                $0.member("state", check.state.rawValue)
                if let reason = check.reason { $0.member("reason", reason.rawValue) }
                if let result = check.lastResult {
                    $0.member("durationSeconds", result.duration / .seconds(1))
                    $0.member("text", result.text)
                }
                if let last = check.lastAttempt { $0.member("lastAttempt", Self.time(last)) }
                if let since = check.since { $0.member("since", Self.time(since)) }
                $0.member("attempts", check.attempts)
                $0.member("failures", check.failedAttempts)
                $0.member("rootCauses", array: check.rootCauses) { $0.string($1) }
                $0.member("recentFailures", array: check.recentFailures) { json, failure in
                    json.object {
                        $0.member("time", TimeText.rfc3339(Timestamp(milliseconds: failure.unixMilliseconds)))
                        $0.member("reason", failure.reason.rawValue)
                        $0.member("text", failure.text)
                    }
                }
            }
        }
        return .json(json.bytes)
    }

    private func failures() -> Response {
        var json = JSONWriter(reservingCapacity: 4_096)
        json.array(targets.active) { json, status in
            json.object {
                $0.member("job", status.target.jobName)
                $0.member("instance", status.target.instance)
                $0.member("health", status.health.rawValue)
                $0.member("skippedTicks", status.skippedTicks)
                $0.member("edges", status.edges)
                $0.member("orderlyCloses", status.orderlyCloses)
                $0.member("recentFailures", array: status.recentFailures) { json, failure in
                    json.object {
                        $0.member("time", TimeText.rfc3339(failure.timestamp))
                        $0.member("reason", failure.reason.rawValue)
                        $0.member("text", failure.text)
                        $0.member("durationSeconds", failure.duration / .seconds(1))
                        if let status = failure.status { $0.member("status", status) }
                        $0.member("resolveSeconds", failure.phases.resolve / .seconds(1))
                        $0.member("connectSeconds", failure.phases.connect / .seconds(1))
                        $0.member("tlsSeconds", failure.phases.tls / .seconds(1))
                        $0.member("processingSeconds", failure.phases.processing / .seconds(1))
                        $0.member("transferSeconds", failure.phases.transfer / .seconds(1))
                        $0.member("body", String(decoding: failure.body, as: UTF8.self))
                    }
                }
            }
        }
        return .json(json.bytes)
    }

    private func history(_ request: Request) async throws -> Response {
        var request = request
        let parameters = try await request.parameters()
        var query = HistoryQuery()
        query.since = try RequestTimes.time(parameters, "since") ?? query.since
        query.until = try RequestTimes.time(parameters, "until") ?? query.until
        query.receiver = parameters["receiver"]
        query.alertName = parameters["alertname"]
        query.limit = min(10_000, max(1, Int(parameters["limit"] ?? "") ?? query.limit))
        let wanted = query
        let bytes = await notifications.access { engine, _ in try? engine.historyJSON(wanted) }
        guard let bytes, let bytes else { throw APIError(.unavailable, "the history cannot be read") }
        return .json(bytes)
    }

    private func destinations(_ request: Request) async throws -> Response {
        var request = request
        let parameters = try await request.parameters()
        let labels = Labels(parameters.pairs.map { ($0.name, $0.value) })
        let found = await notifications.access { engine, _ in engine.destinations(of: labels) } ?? []
        var json = JSONWriter()
        json.array(found) { json, destination in
            json.object {
                $0.member("receiver", destination.receiver)
                $0.member("groupKey", destination.groupKey)
            }
        }
        return .json(json.bytes)
    }

    /// Why the alerts of a rule fire or do not: `alertname`, and labels that the alert has to have. Without a name every
    /// alert there is.
    private func explain(_ request: Request) async throws -> Response {
        var request = request
        let pairs = try await request.parameters().pairs
        let name = pairs.first { $0.name == "alertname" }?.value
        let labels = Labels(pairs.filter { $0.name != "alertname" }.map { ($0.name, $0.value) })
        let now = Timestamp(milliseconds: clock.now().unixMilliseconds)
        let found = await rules.access { manager in
            let names = name.map { [$0] } ?? Set(manager.alerts(includingResolved: true).map(\.rule)).sorted()
            return names.flatMap { manager.explain(rule: $0, labels: labels, at: now) }
        }
        guard let found else { throw APIError(.unavailable, "the rules have stopped") }
        var json = JSONWriter(reservingCapacity: 4_096)
        json.array(found) { AlertJSON.write($1, to: &$0) }
        return .json(json.bytes)
    }

    private static func time(_ time: HealthTime) -> String {
        TimeText.rfc3339(Timestamp(milliseconds: time.unixMilliseconds))
    }
}

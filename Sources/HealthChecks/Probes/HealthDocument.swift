// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import JSONDocument

/// The JSON forms of a probe's answer.
struct HealthDocument {
    let snapshot: HealthSnapshot
    let lines: [ProbeLine]
    let endpoint: ProbeEndpoint
    let now: HealthTime
    let memory: ProbeResponder.Memory?
    let showsDetails: Bool

    /// 200 while healthy or degraded, 503 otherwise.
    func answer(isDraft: Bool) -> ProbeAnswer {
        let failing = lines.filter { $0.failure != nil && $0.isCritical }
        return ProbeAnswer(
            isPassing: failing.isEmpty,
            reason: ProbeLines.leading(failing),
            contentType: isDraft ? ProbeAnswer.healthJSON : ProbeAnswer.json,
            body: isDraft ? draft(isPassing: failing.isEmpty) : plain(isPassing: failing.isEmpty)
        )
    }

    private var hasWarnings: Bool {
        lines.contains { $0.warning != nil || ($0.failure != nil && !$0.isCritical) }
    }

    private func plain(isPassing: Bool) -> String {
        var json = JSONWriter()
        json.beginObject()
        json.member("status", isPassing ? (hasWarnings ? "degraded" : "healthy") : "unhealthy")
        json.member("timestamp", InstantText.render(unixMilliseconds: now.unixMilliseconds))
        json.member("uptime", (now.uptime - snapshot.startedAt.uptime).components.seconds)
        json.member("version", snapshot.version)
        json.member("phase", snapshot.phase.rawValue)
        json.member("checks") { checks in
            for line in lines where endpoint != .health || line.status != nil {
                checks.member(line.name) { plain(line, in: &$0) }
            }
        }
        if let memory {
            json.member("memory") {
                $0.member("residentBytes", memory.residentBytes)
                $0.member("virtualBytes", memory.virtualBytes)
            }
        }
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self) + "\n"
    }

    private func plain(_ line: ProbeLine, in json: inout JSONWriter) {
        let state: HealthState =
            switch line.failure {
            case nil: line.warning == nil ? .healthy : .degraded
            case .stale?, .pending?: .unknown
            default: line.status?.state ?? .unhealthy
            }
        json.member("status", state.rawValue)
        if let reason = line.failure ?? line.warning { json.member("reason", reason.rawValue) }
        guard let status = line.status else { return }
        json.member("policy", status.descriptor.settings.policy.rawValue)
        if let result = status.lastResult { json.member("responseTime", result.duration.inMilliseconds) }
        if let attempt = status.lastAttempt { json.member("age", (now.uptime - attempt.uptime).inMilliseconds) }
        if !status.rootCauses.isEmpty { json.member("because", array: status.rootCauses) { $0.string($1) } }
        guard showsDetails else { return }
        json.member("kind", status.descriptor.kind)
        json.member("instance", status.descriptor.instance)
        if let text = status.lastResult?.text, !text.isEmpty { json.member("output", text) }
    }

    private func draft(isPassing: Bool) -> String {
        var json = JSONWriter()
        json.beginObject()
        json.member("status", isPassing ? (hasWarnings ? "warn" : "pass") : "fail")
        json.member("version", snapshot.version)
        if !isPassing, let reason = ProbeLines.leading(lines.filter { $0.failure != nil && $0.isCritical }) {
            json.member("output", reason.rawValue)
        }
        json.member("checks") { checks in
            for line in lines where line.status != nil || endpoint != .health {
                checks.member("\(line.name):responseTime", array: [line]) { json, line in
                    json.object { draft(line, in: &$0) }
                }
            }
            checks.member("uptime", array: [now]) { json, now in json.object { uptime(at: now, in: &$0) } }
        }
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self) + "\n"
    }

    private func uptime(at now: HealthTime, in json: inout JSONWriter) {
        json.member("componentType", "system")
        json.member("observedValue", (now.uptime - snapshot.startedAt.uptime).components.seconds)
        json.member("observedUnit", "s")
        json.member("status", "pass")
        json.member("time", InstantText.render(unixMilliseconds: now.unixMilliseconds))
    }

    private func draft(_ line: ProbeLine, in json: inout JSONWriter) {
        json.member("componentType", line.status == nil ? "system" : Self.componentType(line.status?.descriptor.kind))
        if let result = line.status?.lastResult {
            json.member("observedValue", result.duration.inMilliseconds)
            json.member("observedUnit", "ms")
        }
        if let attempt = line.status?.lastAttempt {
            json.member("time", InstantText.render(unixMilliseconds: attempt.unixMilliseconds))
        }
        let fails = line.failure != nil
        json.member("status", fails && line.isCritical ? "fail" : (fails || line.warning != nil ? "warn" : "pass"))
        guard let reason = line.failure ?? line.warning else { return }
        let text = showsDetails ? line.status?.lastResult?.text ?? "" : ""
        json.member("output", text.isEmpty ? reason.rawValue : "\(reason.rawValue): \(text)")
    }

    private static func componentType(_ kind: String?) -> String {
        switch kind {
        case "postgres", "redis", "sqlite", "memcached": "datastore"
        case "host", "disk", "systemd", "file": "system"
        default: "component"
        }
    }
}

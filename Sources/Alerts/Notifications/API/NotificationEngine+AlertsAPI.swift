// SPDX-License-Identifier: Apache-2.0

import JSONDocument
package import TimeSeries

/// Alertmanager's API v2 for alerts: bytes in, bytes out. Every call is made from the engine's thread.
extension NotificationEngine {
    /// How an alert stands with regard to notifications.
    package struct AlertStanding: Hashable, Sendable {
        package var silencedBy: [String] = []
        package var inhibitedBy: [String] = []
        package var mutedBy: [String] = []

        package var isSuppressed: Bool { !silencedBy.isEmpty || !inhibitedBy.isEmpty }
    }

    /// `GET /api/v2/alerts`
    package func alertsJSON(_ query: AlertQuery, at now: Timestamp) -> [UInt8] {
        let active = muting(at: now)
        let chosen = alerts.values.filter { !$0.isResolved(at: now) && query.matchers.matches($0.labels) }
            .sorted { $0.fingerprint < $1.fingerprint }
        var writer = JSONWriter(reservingCapacity: 512 + chosen.count * 768)
        writer.beginArray()
        for alert in chosen {
            let receivers = receiverNames(of: alert)
            let standing = standing(alert, silences: active, node: nil, at: now)
            guard receivers.contains(where: query.takes(receiver:)), Self.takes(query, standing) else { continue }
            write(alert, standing, receivers: receivers, to: &writer, at: now)
        }
        writer.endArray()
        return writer.bytes
    }

    /// `GET /api/v2/alerts/groups`
    package func alertGroupsJSON(_ query: AlertQuery, at now: Timestamp) -> [UInt8] {
        let active = muting(at: now)
        let chosen = groups.values.filter { query.takes(receiver: routes.nodes[$0.id.node].receiver) }.sorted {
            $0.id.labels == $1.id.labels
                ? routes.nodes[$0.id.node].receiver < routes.nodes[$1.id.node].receiver : $0.id.labels < $1.id.labels
        }
        var writer = JSONWriter(reservingCapacity: 4096)
        writer.beginArray()
        for group in chosen {
            let node = routes.nodes[group.id.node]
            let members = group.members.compactMap { alerts[$0] }
                .filter { !$0.isResolved(at: now) && query.matchers.matches($0.labels) }
                .inOrder()
                .map { (alert: $0, standing: standing($0, silences: active, node: node, at: now)) }
                .filter { Self.takes(query, $0.standing) }
            guard !members.isEmpty else { continue }
            writer.object { json in
                json.member("alerts", array: members) { json, member in
                    let receivers = receiverNames(of: member.alert)
                    write(member.alert, member.standing, receivers: receivers, to: &json, at: now)
                }
                json.member("labels", strings: group.id.labels.pairs)
                json.member("receiver", object: { $0.member("name", node.receiver) })
            }
        }
        writer.endArray()
        return writer.bytes
    }

    /// `GET /api/v2/receivers`
    package func receiversJSON() -> [UInt8] {
        var writer = JSONWriter()
        writer.array(configuration.effectiveReceivers) { json, receiver in
            json.object { $0.member("name", receiver.name) }
        }
        return writer.bytes
    }

    /// `GET /api/v2/status`
    package func statusJSON(version: String, revision: String, startedAt: Timestamp) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { json in
            json.member(
                "cluster",
                object: { json in
                    json.member("status", "disabled")
                    json.member("peers", array: [String]()) { $0.string($1) }
                }
            )
            json.member("config", object: { $0.member("original", configuration.original) })
            json.member("uptime", TimeText.format(startedAt))
            json.member(
                "versionInfo",
                object: { json in
                    for name in ["branch", "buildDate", "buildUser", "goVersion"] { json.member(name, "") }
                    json.member("revision", revision)
                    json.member("version", version)
                }
            )
        }
        return writer.bytes
    }

    /// The alerts of a `POST /api/v2/alerts`, checked; hand them to `process`.
    package func postedAlerts(_ body: [UInt8], at now: Timestamp) throws(APIError) -> [Alert] {
        guard let elements = try APIReader.parse(body).array else {
            throw APIError(400, "an array of alerts is expected")
        }
        var result: [Alert] = []
        for (index, element) in elements.enumerated() {
            let reader = APIReader(element, path: "[\(index)]")
            let labels = try reader.labels("labels")
            guard !labels.isEmpty else { throw APIError(400, "[\(index)]: at least one label is required") }
            let end = try reader.time("endsAt")
            let start = try reader.time("startsAt") ?? min(end ?? now, now)
            if let end, end < start { throw APIError(400, "[\(index)]: start time must be before end time") }
            result.append(
                Alert(
                    labels: labels,
                    annotations: try reader.labels("annotations"),
                    startsAt: start,
                    endsAt: end ?? now + configuration.resolveTimeout,
                    updatedAt: now,
                    timesOut: end == nil,
                    generatorURL: try reader.string("generatorURL") ?? "",
                    source: .api
                )
            )
        }
        return result
    }

    // MARK: Inside

    /// Silences and inhibitions; with `node` its time intervals as well.
    func standing(
        _ alert: Alert,
        silences active: [Silence],
        node: RouteTree.Node?,
        at now: Timestamp
    ) -> AlertStanding {
        var standing = AlertStanding()
        if let found = inhibitor.inhibitor(of: alert, firing: { self.firing($0, at: now) }) {
            standing.inhibitedBy = [Alert.hexadecimal(found.fingerprint)]
        }
        standing.silencedBy = active.filter { $0.matches(alert.labels) }.map(\.id)
        if let node {
            switch mutedByTime(node, at: now) {
            case .mutedByTime(let names), .outsideActiveTime(let names): standing.mutedBy = names
            default: break
            }
        }
        return standing
    }

    func receiverNames(of alert: Alert) -> [String] {
        var names: [String] = []
        for node in routes.matches(alert.labels) {
            let name = routes.nodes[node].receiver
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    private static func takes(_ query: AlertQuery, _ standing: AlertStanding) -> Bool {
        if !query.includesActive, !standing.isSuppressed { return false }
        if !query.includesSilenced, !standing.silencedBy.isEmpty { return false }
        if !query.includesInhibited, !standing.inhibitedBy.isEmpty { return false }
        if !query.includesMuted, !standing.mutedBy.isEmpty { return false }
        return true
    }

    private func write(
        _ alert: Alert,
        _ standing: AlertStanding,
        receivers: [String],
        to writer: inout JSONWriter,
        at now: Timestamp
    ) {
        writer.object { json in
            json.member("annotations", strings: alert.annotations.pairs)
            // An alert of our own rules has no end; the API wants one, as a sender that repeats itself would give it.
            json.member("endsAt", TimeText.format(alert.endsAt ?? now + configuration.resolveTimeout))
            json.member("fingerprint", alert.fingerprintText)
            json.member("receivers", array: receivers) { json, name in json.object { $0.member("name", name) } }
            json.member("startsAt", TimeText.format(alert.startsAt))
            json.member(
                "status",
                object: { json in
                    json.member("inhibitedBy", array: standing.inhibitedBy) { $0.string($1) }
                    json.member("mutedBy", array: standing.mutedBy) { $0.string($1) }
                    json.member("silencedBy", array: standing.silencedBy) { $0.string($1) }
                    json.member("state", standing.isSuppressed ? "suppressed" : "active")
                }
            )
            json.member("updatedAt", TimeText.format(alert.updatedAt))
            json.member("generatorURL", alert.generatorURL)
            json.member("labels", strings: alert.labels.pairs)
            if alert.source != .api { alert.writeMeasures(to: &json, isResolved: alert.isResolved(at: now), at: now) }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import AlertRules
import GoFormatting
import HealthChecks
import Hummingbird
import Notifications
import PromQL
import Scraping
import TimeSeries

/// `/`: targets, checks, alerts and deliveries on one page, without scripts. Every text is escaped.
struct StatusPage: Sendable {
    let version: String
    let registry: HealthRegistry
    let targets: TargetBoard
    let rules: RuleLoop
    let own: OwnMetrics

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.get("/") { _, _ in
            let alerts = await rules.access { $0.alerts() } ?? []
            return Response.bytesResponse(Array(page(alerts).utf8), type: "text/html; charset=utf-8")
        }
    }

    private func page(_ alerts: [AlertSnapshot]) -> String {
        let snapshot = registry.snapshot
        let condition = own.state.condition
        var body = "<h1>Sidecar</h1><p class=\"\(snapshot.overall.rawValue)\">\(snapshot.overall.rawValue)</p>"
        body += table(
            "Alerts",
            ["state", "alert", "labels", "value", "since"],
            alerts.map { alert in
                [
                    alert.state.rawValue, alert.rule, alert.labels.description, GoFloat.plain(alert.value),
                    TimeText.rfc3339(alert.activeAt),
                ]
            }
        )
        body += table(
            "Checks",
            ["state", "check", "kind", "instance", "reason"],
            snapshot.checks.map { check in
                [
                    check.state.rawValue, check.name, check.descriptor.kind, check.descriptor.instance,
                    check.reason?.rawValue ?? "",
                ]
            }
        )
        body += table(
            "Targets",
            ["state", "job", "instance", "samples", "last error"],
            targets.active.map { status in
                [
                    status.health.rawValue, status.target.jobName, status.target.instance, String(status.lastSamples),
                    status.lastFailure.map { "\($0.reason.rawValue): \($0.text)" } ?? "",
                ]
            }
        )
        body += table(
            "Deliveries",
            ["waiting", "in flight", "dead letters", "alerts firing"],
            [
                [condition.outboxItems, condition.inFlight, condition.deadLetters, condition.alertsFiring].map {
                    String($0)
                }
            ]
        )
        return """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">\
            <meta name="viewport" content="width=device-width, initial-scale=1"><title>Sidecar</title><style>\
            body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
            table{border-collapse:collapse;width:100%;margin-bottom:2rem}th,td{text-align:left;padding:.3rem .6rem;\
            border-bottom:1px solid #8884;overflow-wrap:anywhere}.up,.healthy,.ok{color:#17803d}\
            .down,.unhealthy,.firing{color:#b91c1c;font-weight:600}.degraded,.pending,.unknown{color:#a16207}\
            @media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}</style></head><body>\(body)\
            <footer>Version \(Self.escape(version))</footer></body></html>
            """
    }

    private func table(_ title: String, _ heads: [String], _ rows: [[String]]) -> String {
        var html = "<h2>\(Self.escape(title))</h2>"
        guard !rows.isEmpty else { return html + "<p>none</p>" }
        html += "<table><tr>" + heads.map { "<th>\(Self.escape($0))</th>" }.joined() + "</tr>"
        for row in rows {
            html += "<tr>"
            for (column, cell) in row.enumerated() {
                html += column == 0 ? "<td class=\"\(Self.escape(cell))\">" : "<td>"
                html += Self.escape(cell) + "</td>"
            }
            html += "</tr>"
        }
        return html + "</table>"
    }

    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

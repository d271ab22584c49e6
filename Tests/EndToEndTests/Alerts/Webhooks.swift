// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// One alert of a webhook's payload, as a receiver sees it.
struct WebhookAlert {
    let name: String
    let isFiring: Bool
    let labels: [String: String]
    let annotations: [String: String]
    let members: [String: Any]
    let id: String
    let at: ContinuousClock.Instant

    func number(_ name: String) -> Double? { (members[name] as? NSNumber)?.doubleValue }
    func text(_ name: String) -> String? { members[name] as? String }
}

extension HTTPReceiver {
    /// Every alert of every payload so far, in order of arrival.
    var webhookAlerts: [WebhookAlert] {
        requests.flatMap { request -> [WebhookAlert] in
            guard let payload = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any] else {
                return []
            }
            return (payload["alerts"] as? [[String: Any]] ?? []).map { alert in
                let labels = alert["labels"] as? [String: String] ?? [:]
                return WebhookAlert(
                    name: labels["alertname"] ?? "",
                    isFiring: alert["status"] as? String == "firing",
                    labels: labels,
                    annotations: alert["annotations"] as? [String: String] ?? [:],
                    members: alert,
                    id: payload["notificationId"] as? String ?? "",
                    at: request.arrived
                )
            }
        }
    }

    /// Waits for an alert of that name and status.
    func webhookAlert(_ name: String, firing: Bool, deadline: Duration = .seconds(10)) async -> WebhookAlert? {
        var found: WebhookAlert?
        _ = await waitUntil(deadline: deadline) {
            found = webhookAlerts.last { $0.name == name && $0.isFiring == firing }
            return found != nil
        }
        return found
    }

    /// `firing A`, `resolved A`, … in order of arrival, without what was told again.
    var webhookStory: [String] {
        var seen: Set<String> = []
        return webhookAlerts.filter { seen.insert("\($0.id) \($0.labels)").inserted }
            .map { "\($0.isFiring ? "firing" : "resolved") \($0.name)" }
    }
}

/// A sidecar at intervals of 100 ms over one target and one rule file, telling one webhook at once.
struct WatchedTarget {
    let target: ScriptedTarget
    let receiver: HTTPReceiver
    let sidecar: RunningSidecar

    /// - Parameter receivers: more integrations of the one receiver, beside the webhook.
    init(page: String?, rules: String, more: String = "", receivers: String = "") async throws {
        let target = try ScriptedTarget(page: page)
        let receiver = try HTTPReceiver()
        let directory = try TemporaryDirectory("alerts")
        let path = try directory.write("groups:\n  - name: g\n    rules:\n" + rules, to: "rules.yml")
        let configuration = """
            global: { scrape_interval: 100ms, evaluation_interval: 100ms, external_labels: { site: eu1 } }
            self_watch: false
            web: { external_url: "http://sidecar.example" }
            scrape_configs: [ { job_name: t, static_configs: [ { targets: [ "127.0.0.1:\(target.port)" ] } ] } ]
            rule_files: [ "\(path)" ]
            route: { receiver: hook, group_by: [ "..." ], group_wait: 0s, group_interval: 50ms, repeat_interval: 4h }
            receivers:
              - name: hook
                webhook_configs: [ { url: "\(receiver.url)/", send_resolved: true } ]
                \(receivers.split(separator: "\n").joined(separator: "\n    "))
            \(more)
            """
        sidecar = try await RunningSidecar(configuration: configuration, directory: directory)
        self.target = target
        self.receiver = receiver
    }

    /// Ends it, and keeps everything alive until then.
    func stop() async {
        sidecar.process.send(SIGKILL)
        _ = await sidecar.process.wait()
        withExtendedLifetime((target, receiver)) {}
    }
}

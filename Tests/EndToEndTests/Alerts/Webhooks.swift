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
    init(
        page: String?,
        rules: String,
        group: String = "",
        selfWatch: Bool = false,
        more: String = "",
        receivers: String = ""
    ) async throws {
        let target = try ScriptedTarget(page: page)
        let receiver = try HTTPReceiver()
        let directory = try TemporaryDirectory("alerts")
        let configuration = try WebhookConfiguration.make(
            target: target.port,
            receiver: receiver,
            rules: rules,
            in: directory,
            group: group,
            selfWatch: selfWatch,
            global: "external_labels: { site: eu1 }",
            receivers: receivers,
            more: "web: { external_url: \"http://sidecar.example\" }\n" + more
        )
        sidecar = try await RunningSidecar(configuration: configuration, directory: directory)
        self.target = target
        self.receiver = receiver
    }

    /// The status of a reload with other rules.
    func reload(rules: String) async throws -> Int {
        _ = try WebhookConfiguration.write(rules, in: sidecar.directory)
        return try await reload()
    }

    /// The status of a reload.
    func reload() async throws -> Int { try await HTTPGet(sidecar.url + "/-/reload", method: "POST").status }

    /// One rule as the API lists it.
    func rule(_ name: String) async throws -> [String: Any] {
        let answer = try await JSONAnswer(sidecar.url + "/api/v1/rules")
        let groups = (answer["data"] as? [String: Any])?["groups"] as? [[String: Any]] ?? []
        return groups.flatMap { $0["rules"] as? [[String: Any]] ?? [] }.first { $0["name"] as? String == name } ?? [:]
    }

    /// Ends it, and keeps everything alive until then.
    func stop() async {
        sidecar.process.send(SIGKILL)
        _ = await sidecar.process.wait()
        withExtendedLifetime((target, receiver)) {}
    }
}

// SPDX-License-Identifier: Apache-2.0

import AlertRules
import HealthChecks
import Hummingbird
import JSONDocument
import Notifications
import TimeSeries

/// `/api/sidecar/drill`: an alert as a rule would raise it, marked as a drill, sent along the whole way to the receivers.
struct DrillRoutes: Sendable {
    let rules: RuleLoop
    let notifications: NotificationLoop
    let clock: HealthClock

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.post("/api/sidecar/drill") { request, _ in try await drill(request) }
    }

    /// `alertname` names the rule; `end=1` ends the drill; everything else is a label of the alert.
    private func drill(_ request: Request) async throws -> Response {
        var request = request
        let pairs = try await request.parameters().pairs
        guard let name = pairs.first(where: { $0.name == "alertname" })?.value else {
            throw APIError.badData("alertname is missing")
        }
        let ends = pairs.contains { $0.name == "end" && $0.value == "1" }
        let labels = pairs.filter { !["alertname", "end"].contains($0.name) }.map { ($0.name, $0.value) }
        let now = Timestamp(milliseconds: clock.now().unixMilliseconds)
        let found = await rules.access { manager in
            manager.drill(rule: name, labels: labels, at: now).map { Alert($0, context: manager.context, at: now) }
        }
        guard var alert = found ?? nil else { return .text("no alerting rule \(name)\n", status: .notFound) }
        // Not the rules' word: what fires by them is none of a drill's business.
        alert.source = .selfWatch
        if ends { alert.endsAt = now }
        notifications.process([alert])
        var json = JSONWriter()
        json.object {
            $0.member("fingerprint", alert.fingerprintText)
            $0.member("startedAt", TimeText.rfc3339(now))
            $0.key("labels")
            ResultJSON.labels(alert.labels, to: &$0)
        }
        return .json(json.bytes)
    }
}

// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import JSONDocument
import Notifications
import Testing
import TimeSeries

/// What goes over the wire, byte for byte where it matters.
@Suite struct PayloadTests {
    private func first(_ integration: Integration, _ alerts: [Alert], templates: [String] = []) throws
        -> DeliveryAttempt
    {
        var configuration = configuration(receivers: [Receiver(name: "team.x", integrations: [integration])])
        let files = templates.map { NotificationTemplates.File(name: "own.tmpl", text: $0) }
        configuration.templates = NotificationTemplates(files: files)
        let bench = try Bench(configuration)
        bench.answer = { _ in .failed(reason: "connect_refused", text: "") }
        bench.process(alerts, at: 10)
        return try #require(bench.attempts.first)
    }

    private func http(_ attempt: DeliveryAttempt) throws -> (delivery: HTTPDelivery, json: JSONValue) {
        guard case .http(let delivery) = attempt.action else { throw Unexpected() }
        return (delivery, try JSONValue(parsing: delivery.body))
    }

    struct Unexpected: Error {}

    @Test func webhookIsVersion4() throws {
        var one = alert([("alertname", "Down"), ("job", "b"), ("severity", "critical")])
        one.value = 0.5
        one.peak = 1
        let two = alert([("alertname", "Down"), ("job", "a"), ("severity", "critical")], from: 5)
        let attempt = try first(Integration(.webhook(WebhookSettings(url: Secret("http://127.0.0.1:1/")))), [one, two])
        let body = String(decoding: try http(attempt).delivery.body, as: UTF8.self)
        let id = attempt.notificationID
        let expected = """
            {"receiver":"team\\\\.x","status":"firing","alerts":[\
            {"status":"firing","labels":{"alertname":"Down","job":"a","severity":"critical"},\
            "annotations":{"summary":"something is wrong"},"startsAt":"2026-09-01T00:00:05Z","endsAt":"0001-01-01T00:00:00Z",\
            "generatorURL":"http://sidecar/graph","fingerprint":"\(two.fingerprintText)","durationSeconds":5},\
            {"status":"firing","labels":{"alertname":"Down","job":"b","severity":"critical"},\
            "annotations":{"summary":"something is wrong"},"startsAt":"2026-09-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z",\
            "generatorURL":"http://sidecar/graph","fingerprint":"\(one.fingerprintText)","value":0.5,"peak":1,"durationSeconds":10}],\
            "groupLabels":{"alertname":"Down"},"commonLabels":{"alertname":"Down","severity":"critical"},\
            "commonAnnotations":{"summary":"something is wrong"},"externalURL":"http://sidecar",\
            "notification_reason":"first notification","routeLabels":{},"version":"4",\
            "groupKey":"{}:{alertname=\\"Down\\"}","truncatedAlerts":0,"notificationId":"\(id)"}

            """
        #expect(body == expected)
    }

    /// A number that Alertmanager prints for this very label set.
    @Test func fingerprintIsAlertmanagers() {
        #expect(Alert(labels: Labels(), startsAt: seconds(0)).fingerprintText == "cbf29ce484222325")
        let labels: Labels = ["a": "b"]
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in Array("a".utf8) + [0xff] + Array("b".utf8) + [0xff] {
            hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211
        }
        #expect(Alert(labels: labels, startsAt: seconds(0)).fingerprint == hash)
    }

    @Test func resolvedCarriesItsEndAndValue() throws {
        let bench = try Bench(configuration())
        bench.process([alert([("alertname", "A")])], at: 0)
        var ended = alert([("alertname", "A")], until: 90)
        ended.valueAtResolve = 3
        bench.process([ended], at: 90)
        let told = try #require(bench.delivered.last?.json["alerts"]?.array?.first)
        #expect(told["endsAt"]?.string == "2026-09-01T00:01:30Z" && told["valueAtResolve"]?.number == 3)
        #expect(told["durationSeconds"]?.number == 90)
    }

    @Test func hostileTextStaysText() throws {
        let nasty = "\" \\ \r\nX-Evil: 1 \u{0} </script> \u{202e} \u{1F600} {{ .Evil }}"
        let settings = WebhookSettings(url: Secret("http://127.0.0.1:1/"))
        let attempt = try first(Integration(.webhook(settings)), [alert([("alertname", nasty)], summary: nasty)])
        let (delivery, json) = try http(attempt)
        #expect(json["alerts"]?.array?.first?["labels"]?["alertname"]?.string == nasty)
        #expect(json["commonAnnotations"]?["summary"]?.string == nasty)
        let object = try JSONSerialization.jsonObject(with: Data(delivery.body)) as? [String: Any]
        #expect((object?["commonLabels"] as? [String: String])?["alertname"] == nasty)
        for header in delivery.headers { #expect(!header.value.reveal().contains("\n")) }
    }

    @Test func largeGroupsAreToldInParts() throws {
        var settings = WebhookSettings(url: Secret("http://127.0.0.1:1/"))
        settings.alertsPerMessage = 4
        settings.maximumAlerts = 9
        var configuration = configuration()
        configuration.receivers = [Receiver(name: "oncall", integrations: [Integration(.webhook(settings))])]
        let bench = try Bench(configuration)
        bench.process((0..<12).map { alert([("alertname", "A"), ("n", "\($0)")]) }, at: 0)
        #expect(bench.delivered.map(\.alerts.count) == [4, 4, 1])
        #expect(Set(bench.delivered.map(\.id)).count == 3)
        #expect(bench.delivered.allSatisfy { $0.json["truncatedAlerts"]?.number == 3 && $0.status == "firing" })
    }

    @Test func signatureIsStandardWebhooks() throws {
        let key = [UInt8]((0..<24).map { UInt8($0) })
        var settings = WebhookSettings(url: Secret("http://127.0.0.1:1/"))
        settings.signingSecrets = [Secret("whsec_" + Data(key).base64EncodedString()), Secret("old text")]
        let attempt = try first(Integration(.webhook(settings)), [alert([("alertname", "A")])])
        let delivery = try http(attempt).delivery
        let header = { (name: String) in delivery.headers.first { $0.name == name }?.value.reveal() ?? "" }
        #expect(header("webhook-timestamp") == "\(seconds(10).milliseconds / 1000)")
        let signed = Data("\(header("webhook-id")).\(header("webhook-timestamp")).".utf8) + Data(delivery.body)
        let expected = [key, Array("old text".utf8)].map { key in
            "v1,"
                + Data(HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: key)))
                .base64EncodedString()
        }
        #expect(header("webhook-signature") == expected.joined(separator: " "))
    }

    @Test func pagerDutyTriggersAndResolvesOneIncident() throws {
        let settings = PagerDutySettings(routingKey: Secret("0123456789abcdef0123456789abcdef"))
        var configuration = configuration(receivers: [
            Receiver(name: "pd", integrations: [Integration(.pagerduty(settings))])
        ])
        configuration.externalURL = "http://sidecar"
        let bench = try Bench(configuration)
        bench.process([alert([("alertname", "A")])], at: 0)
        bench.process([alert([("alertname", "A")], until: 90)], at: 90)
        let events = bench.delivered.map(\.json)
        #expect(events.map { $0["event_action"]?.string } == ["trigger", "resolve"])
        let key = SHA256.hash(data: Data(#"{}:{alertname="A"}"#.utf8)).map { String(format: "%02x", $0) }.joined()
        #expect(events.allSatisfy { $0["dedup_key"]?.string == key })
        #expect(events.allSatisfy { $0["routing_key"]?.string == "0123456789abcdef0123456789abcdef" })
        #expect(events[0]["payload"]?["summary"]?.string == "[FIRING:1] A")
        #expect(events[0]["payload"]?["severity"]?.string == "error")
        #expect(events[0]["payload"]?["custom_details"]?["num_firing"]?.string == "1")
        #expect(events[0]["client_url"]?.string == "http://sidecar/")
    }

    @Test func pagerDutyServiceKeyMeansVersionOne() throws {
        var settings = PagerDutySettings(routingKey: Secret("0123456789abcdef0123456789abcdef"))
        settings.isVersion1 = true
        let bench = try Bench(
            configuration(receivers: [Receiver(name: "pd", integrations: [Integration(.pagerduty(settings))])])
        )
        bench.process([alert([("alertname", "A")])], at: 0)
        bench.process([alert([("alertname", "A")], until: 90)], at: 90)
        let events = bench.delivered.map(\.json)
        #expect(events.map { $0["event_type"]?.string } == ["trigger", "resolve"])
        #expect(events[0]["incident_key"]?.string == events[1]["incident_key"]?.string)
        #expect(events.allSatisfy { $0["service_key"]?.string == "0123456789abcdef0123456789abcdef" })
        #expect(
            events[0]["description"]?.string == "[FIRING:1] A" && events[0]["details"]?["num_firing"]?.string == "1"
        )
        #expect(events[1]["details"] == nil && events.allSatisfy { $0["routing_key"] == nil })
    }

    @Test func oversizedPagerDutyEventLosesItsDetails() throws {
        let settings = PagerDutySettings(routingKey: Secret("k"))
        let alerts = (0..<1500).map { number in
            alert([("alertname", "A"), ("n", "\(number)")], summary: String(repeating: "x", count: 400))
        }
        let attempt = try first(Integration(.pagerduty(settings)), alerts)
        let (delivery, json) = try http(attempt)
        #expect(delivery.body.count < 512_000)
        let details = json["payload"]?["custom_details"]
        #expect(details?["error"]?.string?.contains("removed") == true, "\("\(details ?? .null)".prefix(300))")
    }

    @Test func slackMessageIsAnAttachment() throws {
        var settings = SlackSettings(url: Secret("https://hooks.example/T0/B0/secret"))
        settings.channel = "#ops"
        settings.fields = [SlackSettings.Field(title: "team", value: "{{ .CommonLabels.team }}", isShort: true)]
        let attempt = try first(Integration(.slack(settings)), [alert([("alertname", "A<b>"), ("team", "x")])])
        let json = try http(attempt).json
        let attachment = try #require(json["attachments"]?.array?.first)
        #expect(json["channel"]?.string == "#ops" && json["username"]?.string == "sidecar")
        #expect(attachment["color"]?.string == "danger")
        #expect(attachment["title"]?.string == "[FIRING:1] A&lt;b&gt; (x)")
        #expect(attachment["fields"]?.array?.first?["value"]?.string == "x")
        #expect(attachment["text"]?.string?.contains("something is wrong") == true)
    }

    @Test func journalEntryHasFieldsAndPriority() throws {
        let attempt = try first(
            Integration(.journald(JournaldSettings())),
            [alert([("alertname", "A"), ("severity", "critical"), ("instance", "db:1")])]
        )
        guard case .journal(let entries) = attempt.action, let fields = entries.first else { throw Unexpected() }
        let value = { (name: String) in fields.first { $0.name == name }?.value }
        #expect(value("MESSAGE") == "A firing: something is wrong" && value("PRIORITY") == "2")
        #expect(value("MESSAGE_ID") == JournalRecord.MessageID.fired.rawValue)
        #expect(value("ALERT_NAME") == "A" && value("ALERT_STATUS") == "firing" && value("TARGET") == "db:1")
        #expect(value("ALERT_LABELS") == #"{"alertname":"A","instance":"db:1","severity":"critical"}"#)
        #expect(value("NOTIFICATION_ID") == attempt.notificationID && value("ALERT_RECEIVER") == "team.x")
        #expect(JournalRecord.MessageID.allCases.allSatisfy { $0.rawValue.count == 32 })
    }

    @Test func mailHasBothPartsAndSafeHeaders() throws {
        var settings = EmailSettings(to: ["me@example.org"], from: "sidecar@example.org", smarthost: "localhost:25")
        settings.headers = [EmailSettings.Header(name: "X-Team", value: "{{ .CommonLabels.team }}")]
        let attempt = try first(
            Integration(.email(settings)),
            [alert([("alertname", "Ä\r\nBcc: you@example.org"), ("team", "a\nb")])]
        )
        guard case .email(let delivery) = attempt.action else { throw Unexpected() }
        let text = String(decoding: delivery.message, as: UTF8.self)
        let head = try #require(text.components(separatedBy: "\r\n\r\n").first)
        #expect(!head.contains("\r\nBcc:") && head.contains("X-Team: a b\r\n"))
        #expect(head.contains("Subject: =?UTF-8?B?") && head.contains("Date: Tue, 01 Sep 2026 00:00:10 +0000\r\n"))
        #expect(head.contains("Message-Id: <\(attempt.notificationID)@example.org>"))
        let parts = text.components(separatedBy: "base64\r\n\r\n").dropFirst().map { part in
            let lines = part.components(separatedBy: "\r\n").prefix { !$0.hasPrefix("--") }.joined()
            return String(decoding: Data(base64Encoded: lines) ?? Data(), as: UTF8.self)
        }
        #expect(parts.count == 2 && parts[0].hasPrefix("[FIRING:1]") && parts[1].contains("<!DOCTYPE html>"))
        #expect(text.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 998 })
    }

    @Test func mailEscapesHTML() throws {
        let settings = EmailSettings(to: ["me@example.org"], from: "sidecar@example.org", smarthost: "localhost:25")
        let attempt = try first(
            Integration(.email(settings)),
            [alert([("alertname", "A")], summary: "<script>x</script>")]
        )
        guard case .email(let delivery) = attempt.action else { throw Unexpected() }
        let text = String(decoding: delivery.message, as: UTF8.self)
        let html = try #require(text.components(separatedBy: "text/html").last?.components(separatedBy: "\r\n\r\n")[1])
        let lines = html.components(separatedBy: "\r\n").prefix { !$0.hasPrefix("--") }.joined()
        let decoded = String(decoding: try #require(Data(base64Encoded: lines)), as: UTF8.self)
        #expect(!decoded.contains("<script>") && decoded.contains("&lt;script&gt;"))
    }

    @Test func failingTemplateDoesNotLoseTheAlert() throws {
        var settings = SlackSettings(url: Secret("https://hooks.example/x"))
        settings.title = "{{ .NoSuchThing.Deeper }}{{ template \"missing\" . }}"
        var configuration = configuration(receivers: [
            Receiver(name: "s", integrations: [Integration(.slack(settings))])
        ])
        configuration.externalURL = ""
        let bench = try Bench(configuration)
        bench.process([alert([("alertname", "A")])], at: 0)
        let json = try #require(bench.delivered.first?.json)
        #expect(json["attachments"]?.array?.first?["title"]?.string == "[FIRING] A (template failed)")
        #expect(try bench.history(.templateFailed).count == 1)
        #expect(bench.engine.statistics.templateFailures == 1)
    }

    @Test(
        arguments: [
            (#"{{ .GroupLabels.alertname }}"#, "A"), (#"{{ len .Alerts }} {{ .Alerts.Firing | len }}"#, "1 1"),
            (#"{{ range .Alerts }}{{ .StartsAt.Format "15:04:05 Jan 2" }}{{ end }}"#, "00:00:00 Sep 1"),
            (#"{{ (index .Alerts 0).Labels.team | title }}"#, "Web Team"),
            (#"{{ .CommonLabels.Names | join "," }}"#, "alertname,team"),
            (#"{{ reReplaceAll "(w)eb" "${1}ww" .CommonLabels.team }}"#, "www team"),
            (#"{{ if match "^w" .CommonLabels.team }}yes{{ end }}"#, "yes"), (#"{{ .CommonLabels.absent }}."#, "."),
            (#"{{ toJson .GroupLabels }}"#, #"{"alertname":"A"}"#),
            (#"{{ since (index .Alerts 0).StartsAt | humanizeDuration }}"#, "10s"),
            (#"{{ "aGk=" | base64decode }}{{ "hi" | base64encode }}"#, "hiaGk="),
            (#"{{ define "x" }}in {{ . }}{{ end }}{{ template "x" .Status }}"#, "in firing"),
            (#"{{ template "own" . }}"#, "mine A"), (#"{{ urlUnescape "a%20b+c" }}"#, "a b c"),
            (#"{{ now | date "2006" }}"#, "2026"),
        ]
    )
    func templatesKnowAlertmanagersDataAndFunctions(text: String, expected: String) throws {
        var settings = SlackSettings(url: Secret("https://hooks.example/x"))
        settings.channel = text
        let attempt = try first(
            Integration(.slack(settings)),
            [alert([("alertname", "A"), ("team", "web team")])],
            templates: [#"{{ define "own" }}mine {{ .GroupLabels.alertname }}{{ end }}"#]
        )
        #expect(try http(attempt).json["channel"]?.string == expected)
    }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Slack, PagerDuty and mail from the whole program to servers that check what they get as the real ones do, and Debian's
/// amtool against the running sidecar.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ReceiverTests {
    private static let rules = """
              - alert: Broken
                expr: broken == 1
                labels: { severity: critical }
                annotations: { summary: 'the <service> & its "queue" are broken', runbook_url: 'http://runbook.example/1' }

        """

    private func watched(_ receivers: String, more: String = "") async throws -> WatchedTarget {
        try await WatchedTarget(
            page: "broken 0\n",
            rules: Self.rules,
            more: more,
            receivers: receivers
        )
    }

    @Test func `Slack takes both messages, and a refusal in its answer is a failure`() async throws {
        let slack = try HTTPReceiver { SlackRules.answer($0) }
        let watched = try await watched(
            """
            slack_configs: [ { api_url: "\(slack.url)/services/T000/B000/secret", channel: "#ops", send_resolved: true,
                fields: [ { title: severity, value: "{{ .CommonLabels.severity }}", short: true } ] } ]
            """
        )
        watched.target.page = "broken 1\n"
        #expect(await slack.waitForRequests(1))
        watched.target.page = "broken 0\n"
        #expect(await slack.waitForRequests(2))
        #expect(slack.requests.map { SlackRules.problem($0) } == [nil, nil])
        let colors = slack.requests.compactMap { request -> String? in
            let body = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
            return ((body?["attachments"] as? [[String: Any]])?.first)?["color"] as? String
        }
        #expect(colors == ["danger", "good"])
        let delivered = try await waitUntil(deadline: .seconds(5)) {
            try await kinds(watched, of: "slack").filter { $0 == "sent" }.count == 2
        }
        #expect(delivered)
        // Slack says no with 200 for what goes through its Web API.
        slack.answer(with: { _ in
            HTTPAnswer(
                200,
                #"{"ok":false,"error":"channel_not_found"}"#,
                headers: [(name: "Content-Type", value: "application/json")]
            )
        })
        watched.target.page = "broken 1\n"
        let failed = try await waitUntil(deadline: .seconds(5)) {
            try await kinds(watched, of: "slack").contains("failed")
        }
        #expect(failed)
        await watched.stop()
    }

    @Test func `PagerDuty opens and closes one incident`() async throws {
        let pager = try HTTPReceiver { PagerDutyRules.answer($0) }
        let key = "0123456789abcdef0123456789abcdef"
        let watched = try await watched(
            """
            pagerduty_configs: [ { routing_key: "\(key)", url: "\(pager.url)/v2/enqueue", severity: "{{ .CommonLabels.severity }}",
                links: [ { href: "{{ .CommonAnnotations.runbook_url }}", text: runbook } ] } ]
            """
        )
        watched.target.page = "broken 1\n"
        #expect(await pager.waitForRequests(1))
        watched.target.page = "broken 0\n"
        #expect(await pager.waitForRequests(2))
        #expect(pager.requests.map { PagerDutyRules.problem($0) } == [nil, nil])
        let events = pager.requests.compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.body)) as? [String: Any]
        }
        #expect(events.map { $0["event_action"] as? String } == ["trigger", "resolve"])
        #expect(Set(events.compactMap { $0["dedup_key"] as? String }).count == 1)
        #expect(events.allSatisfy { $0["routing_key"] as? String == key })
        #expect((events.first?["payload"] as? [String: Any])?["severity"] as? String == "critical")
        let delivered = try await waitUntil(deadline: .seconds(5)) {
            try await kinds(watched, of: "pagerduty").filter { $0 == "sent" }.count == 2
        }
        #expect(delivered)
        await watched.stop()
    }

    @Test(
        arguments: [
            "/etc/prometheus/alertmanager.yml", "/usr/share/doc/prometheus-alertmanager/examples/ha/alertmanager.yml",
        ]
    )
    func `Debian's own alertmanager.yml files load as they are`(path: String) async throws {
        let check = try await ChildProcess.run(Programs.sidecar, ["check", "config", path])
        #expect(check.exit == .code(0), "\(check)")
    }

    @Test func `a mail server keeps both mails, and other programs read them`() async throws {
        let directory = try TemporaryDirectory("mail")
        let port = try freePort()
        let server = try ChildProcess(
            "/usr/bin/python3",
            [
                "-m", "aiosmtpd", "-n", "-l", "127.0.0.1:\(port)", "-c", "aiosmtpd.handlers.Mailbox",
                directory.path("box"),
            ]
        )
        #expect(await waitUntil(deadline: .seconds(10)) { accepts(port: port) }, "\(server.errorOutput)")
        let watched = try await watched(
            """
            email_configs: [ { to: "oncall@example.org, second@example.org", from: "sidecar@example.org",
                smarthost: "127.0.0.1:\(port)", require_tls: false, send_resolved: true, headers: { X-Team: "Nacht–Dienst" } } ]
            """
        )
        func mails() throws -> [String] {
            let folder = directory.path("box/new")
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return names.map { folder + "/" + $0 }
        }
        watched.target.page = "broken 1\n"
        #expect(try await waitUntil(deadline: .seconds(10)) { try mails().count == 1 }, "\(server.errorOutput)")
        watched.target.page = "broken 0\n"
        #expect(try await waitUntil(deadline: .seconds(10)) { try mails().count == 2 })
        // Python's mail package is the reader.
        let script = """
            import email, email.policy, sys
            for path in sys.argv[1:]:
                mail = email.message_from_binary_file(open(path, 'rb'), policy=email.policy.default)
                assert not mail.defects, mail.defects
                plain = mail.get_body(('plain',)).get_content(); html = mail.get_body(('html',)).get_content()
                assert 'broken' in plain and '&lt;service&gt; &amp;' in html, (plain, html)
                assert mail['From'].addresses[0].addr_spec == 'sidecar@example.org'
                assert [a.addr_spec for a in mail['To'].addresses] == ['oncall@example.org', 'second@example.org']
                assert mail['X-Team'] == 'Nacht\\u2013Dienst' and mail['Date'].datetime and mail['Message-Id']
                print(mail['Subject'])
            """
        let read = try await ChildProcess.run("/usr/bin/python3", ["-c", script] + mails())
        #expect(read.exit == .code(0), "\(read)")
        #expect(
            Set(read.output.split(separator: "\n").map { $0.prefix { $0 != ":" && $0 != "]" } }) == [
                "[FIRING", "[RESOLVED",
            ]
        )
        await watched.stop()
        await server.stop(SIGKILL)
    }

    @Test func `amtool lists, silences and routes the alerts of the rules`() async throws {
        let watched = try await watched("", more: "")
        func amtool(_ arguments: String...) async throws -> String {
            let run = try await ChildProcess.run("amtool", ["--alertmanager.url=\(watched.sidecar.url)"] + arguments)
            #expect(run.exit == .code(0), "\(arguments): \(run)")
            return run.output
        }
        watched.target.page = "broken 1\n"
        #expect(await watched.receiver.webhookAlert("Broken", firing: true) != nil)
        #expect(try await amtool("alert", "query", "severity=critical").contains("Broken"))
        #expect(try await amtool("alert", "query", "alertname=~Bro.*", "--output=extended").contains("runbook_url"))
        let id = try await amtool(
            "silence",
            "add",
            "alertname=Broken",
            "--comment=known",
            "--author=me",
            "--duration=1h"
        )
        .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(UUID(uuidString: id) != nil)
        #expect(try await amtool("silence", "query").contains(id))
        #expect(try await !amtool("alert", "query").contains("Broken"))
        #expect(try await amtool("alert", "query", "--silenced").contains("Broken"))
        #expect(try await amtool("config", "routes", "test", "alertname=Broken").contains("hook"))
        #expect(try await amtool("config", "show").contains("receiver: hook"))
        // Whoever heard that it fires hears that it is over, silenced or not.
        watched.target.page = "broken 0\n"
        #expect(await watched.receiver.webhookAlert("Broken", firing: false) != nil)
        _ = try await amtool("silence", "expire", id)
        #expect(try await !amtool("silence", "query").contains(id))
        await watched.stop()
    }

    @Test func `a maintenance window holds what matches and lets the rest pass`() async throws {
        let window = """
            maintenance:
              - { name: always, matchers: [ 'alertname="Broken"' ], cron: "* * * * *", duration: 1h, comment: patches }
            """
        let rules = Self.rules + "      - { alert: Other, expr: broken == 1 }\n"
        let watched = try await WatchedTarget(page: "broken 1\n", rules: rules, more: window)
        #expect(await watched.receiver.webhookAlert("Other", firing: true) != nil)
        let held = try await waitUntil(deadline: .seconds(5)) { try await kinds(watched).contains("held") }
        #expect(held)
        #expect(watched.receiver.webhookStory == ["firing Other"])
        let silences = try await HTTPGet(watched.sidecar.url + "/api/v2/silences").text
        #expect(silences.contains("maintenance:always") && silences.contains("patches"))
        let ended = try await HTTPGet(watched.sidecar.url + "/api/v2/silence/maintenance:always", method: "DELETE")
        #expect(ended.status == 400)
        let check = try await ChildProcess.run(
            Programs.sidecar,
            ["check", "config", watched.sidecar.directory.path("sidecar.yml")]
        )
        #expect(check.exit == .code(0) && check.output.contains("maintenance always: 20"), "\(check)")
        await watched.stop()
    }

    /// What happened to one kind of integration; others are told beside it.
    private func kinds(_ watched: WatchedTarget, of integration: String = "") async throws -> [String] {
        let answer = try await HTTPGet(watched.sidecar.url + "/api/sidecar/history")
        let records = try JSONSerialization.jsonObject(with: answer.body) as? [[String: Any]] ?? []
        return records.filter { integration.isEmpty || ($0["integration"] as? String)?.contains(integration) == true }
            .compactMap { $0["kind"] as? String }
    }
}

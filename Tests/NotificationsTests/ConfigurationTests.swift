// SPDX-License-Identifier: Apache-2.0

import Calendar
import Foundation
import Notifications
import Testing
import TimeSeries
import YAMLDocument

@Suite struct ConfigurationTests {
    struct Missing: Error, CustomStringConvertible {
        let description = "${env:MISSING}: the environment variable is not set"
    }

    private func decode(_ text: String) throws -> (NotificationConfiguration, YAMLProblems) {
        let problems = YAMLProblems()
        let node = try #require(YAMLDocument.parse(Array(text.utf8), file: "sidecar.yml", problems: problems)?.root)
        let reader = try #require(YAMLMappingReader(node, file: "sidecar.yml", problems: problems))
        let environment = NotificationDecoder.Environment(
            resolve: { text in
                if text.contains("${env:MISSING}") { throw Missing() }
                return text.replacingOccurrences(of: "${env:TOKEN}", with: "t0ken")
            },
            readFile: { path in
                if path == "/secret" { return Array("from file\n".utf8) }
                return path == "own.tmpl" ? Array(#"{{ define "own" }}x{{ end }}"#.utf8) : nil
            },
            expandPattern: { $0 == "*.tmpl" ? ["own.tmpl"] : [] },
            zone: { name in
                (try? Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/" + name))).flatMap {
                    try? TimeZoneRules(tzif: Array($0), name: name)
                }
            }
        )
        let result = NotificationDecoder.decode(
            document: reader,
            global: reader.mapping("global"),
            environment: environment
        )
        return (result, problems)
    }

    private static let full = """
        global:
          scrape_interval: 1s
          resolve_timeout: 3m
          slack_api_url: https://hooks.example/${env:TOKEN}
          smtp_from: sidecar@example.org
          smtp_smarthost: mail.example.org:587
          smtp_auth_username: me
          smtp_auth_password_file: /secret
        templates: [ "*.tmpl" ]
        route:
          receiver: oncall
          group_by: [alertname, cluster]
          group_wait: 10s
          routes:
            - matchers: [ 'severity="page"', team=~"a|b" ]
              receiver: pager
              group_by: ['...']
              continue: true
              mute_time_intervals: [nights]
              routes:
                - match: { service: db }
                  match_re: { instance: "db.*" }
                  active_time_intervals: [office]
                  repeat_interval: 1h
        receivers:
          - name: oncall
            webhook_configs:
              - url: "https://example.org/hook/${env:TOKEN}"
                signing_secret: whsec_MDEyMzQ1Njc4OWFiY2RlZg==
                max_alerts: 7
                timeout: 3s
                http_config:
                  authorization: { credentials_file: /secret }
                  http_headers: { X-Team: { values: [ops] } }
            journald_configs: [ {} ]
          - name: pager
            pagerduty_configs:
              - routing_key: ${env:TOKEN}
                severity: '{{ .CommonLabels.severity }}'
                details: { runbook: none }
            slack_configs:
              - { channel: '#ops', send_resolved: true, title: '{{ template "own" . }}' }
            email_configs:
              - { to: 'a@example.org, B <b@example.org>' }
        inhibit_rules:
          - source_matchers: [ severity="page" ]
            target_match: { severity: warning }
            equal: [instance]
        time_intervals:
          - name: nights
            time_intervals:
              - times: [ { start_time: "22:00", end_time: "24:00" } ]
                weekdays: ['monday:friday', sunday]
                days_of_month: ['1:5', '-3:-1']
                months: [january, '3:may']
                years: [2026, '2028:2030']
                location: Europe/Berlin
        mute_time_intervals:
          - name: office
            time_intervals: [ { weekdays: [monday] } ]
        """

    @Test func readsAlertmanagersSections() throws {
        let (configuration, problems) = try decode(Self.full)
        #expect(problems.all.isEmpty, "\(problems.all)")
        #expect(configuration.resolveTimeout == .seconds(180))
        let route = try #require(configuration.route)
        #expect(route.groupBy == .labels(["alertname", "cluster"]) && route.groupWait == .seconds(10))
        #expect(route.routes[0].groupBy == .all && route.routes[0].continues)
        #expect(route.routes[0].matchers.alertmanagerText == #"{severity="page",team=~"a|b"}"#)
        #expect(route.routes[0].routes[0].matchers.alertmanagerText == #"{service="db",instance=~"db.*"}"#)
        #expect(route.routes[0].routes[0].activeTimeIntervals == ["office"])
        guard case .webhook(let webhook) = configuration.receivers[0].integrations[0].settings else {
            Issue.record("no webhook")
            return
        }
        #expect(webhook.url.reveal() == "https://example.org/hook/t0ken" && webhook.maximumAlerts == 7)
        #expect(webhook.http.authorization == .scheme("Bearer", Secret("from file")))
        #expect(webhook.http.timeout == .seconds(3) && webhook.http.headers.map(\.name) == ["X-Team"])
        #expect(configuration.receivers[0].integrations[1].kind == .journald)
        let pager = configuration.receivers[1].integrations
        #expect(pager.map(\.kind) == [.slack, .pagerduty, .email])
        #expect(pager.map(\.sendsResolved) == [true, true, false])
        guard case .email(let mail) = pager[2].settings else { return }
        #expect(mail.to == ["a@example.org", "B <b@example.org>"] && mail.password?.reveal() == "from file")
        #expect(configuration.inhibitionRules[0].equal == ["instance"])
        let nights = configuration.timeIntervals[0].intervals[0]
        #expect(nights.times == [CalendarInterval.Minutes(start: 1320, end: 1440)])
        #expect(nights.weekdays == [1...5, 0...0] && nights.months == [1...1, 3...5])
        #expect(nights.years == [2026...2026, 2028...2030] && nights.zone.name == "Europe/Berlin")
        #expect(nights.daysOfMonth?.last == CalendarInterval.DayRange(first: -3, last: -1))
        _ = try Bench(configuration)
    }

    @Test func theOriginalHidesEverySecret() throws {
        let (configuration, _) = try decode(Self.full)
        let text = configuration.original
        for secret in ["t0ken", "whsec", "TOKEN", "hooks.example", "from file"] { #expect(!text.contains(secret)) }
        #expect(text.contains("receiver: oncall") && !text.contains("scrape_interval") && !text.contains("journald"))
        #expect(!"\(configuration)".contains("t0ken"))
        let again = try decode(text)
        #expect(again.0.route == configuration.route)
    }

    @Test(
        arguments: [
            ("route: { receiver: a, group_bye: [x] }\nreceivers: [ { name: a } ]", "1:23: unknown key \"group_bye\""),
            ("route: { receiver: b }\nreceivers: [ { name: a } ]", "receiver \"b\" is not defined"),
            ("route: { group_by: [a] }", "receiver is required"),
            ("route: { receiver: a, matchers: [x=y] }\nreceivers: [ { name: a } ]", "the root route takes everything"),
            (
                "route: { receiver: a, group_interval: 0s }\nreceivers: [ { name: a } ]",
                "group_interval must be a duration"
            ),
            ("route: { receiver: a, routes: [ { matchers: ['=x'] } ] }\nreceivers: [ { name: a } ]", "matchers[0]:"),
            ("route: { receiver: a, routes: [ { match_re: { a: '(' } } ] }\nreceivers: [ { name: a } ]", "match_re.a:"),
            (
                "route: { receiver: a, routes: [ { mute_time_intervals: [x] } ] }\nreceivers: [ { name: a } ]",
                "time interval \"x\""
            ),
            ("receivers: [ { name: a }, { name: a } ]", "defined twice"),
            ("receivers: [ { name: a, webhook_configs: [ {} ] } ]", "url is required"),
            (
                "receivers: [ { name: a, webhook_configs: [ { url: 'ftp://secret-x' } ] } ]",
                "must be an http or https URL"
            ),
            ("receivers: [ { name: a, webhook_configs: [ { url: '${env:MISSING}' } ] } ]", "not set"),
            ("receivers: [ { name: a, webhook_configs: [ { url_file: /nowhere } ] } ]", "cannot be read"),
            (
                "receivers: [ { name: a, webhook_configs: [ { url: 'http://x', signing_secret: 'whsec_!' } ] } ]",
                "base64"
            ),
            ("receivers: [ { name: a, pagerduty_configs: [ {} ] } ]", "needs routing_key"),
            ("receivers: [ { name: a, slack_configs: [ { channel: x } ] } ]", "needs api_url"),
            (
                "receivers: [ { name: a, slack_configs: [ { api_url: 'http://x', title: '{{ .A' } ] } ]",
                "unclosed action"
            ),
            ("receivers: [ { name: a, email_configs: [ { to: x } ] } ]", "not a mail address"),
            ("receivers: [ { name: a, telegram_configs: [ {} ] } ]", "unknown key \"telegram_configs\""),
            ("time_intervals: [ { name: a, time_intervals: [ { weekdays: [blursday] } ] } ]", "not a range"),
            (
                "time_intervals: [ { name: a, time_intervals: [ { times: [ { start_time: '25:00', end_time: '1:00' } ] } ] } ]",
                "must be a time"
            ),
            ("time_intervals: [ { name: a, time_intervals: [ { location: Mars/Olympus } ] } ]", "unknown time zone"),
            ("time_intervals: [ { name: a, time_intervals: [ { days_of_month: ['5:1'] } ] } ]", "not a range of days"),
        ]
    )
    func problemsSayWhereAndWhat(text: String, expected: String) throws {
        let (_, problems) = try decode(text)
        let shown = problems.errors.map(\.description)
        #expect(shown.contains { $0.hasPrefix("sidecar.yml:") && $0.contains(expected) }, "\(shown)")
        #expect(!shown.contains { $0.contains("secret-x") })
    }

    @Test func insecureWishesAreWarnings() throws {
        let (configuration, problems) = try decode(
            """
            receivers:
              - name: a
                webhook_configs:
                  - url: https://example.org
                    http_config: { follow_redirects: true, tls_config: { insecure_skip_verify: true, ca_file: /ca } }
            route: { receiver: a }
            """
        )
        #expect(problems.errors.isEmpty && problems.warnings.count == 2)
        guard case .webhook(let webhook) = configuration.receivers[0].integrations[0].settings else { return }
        #expect(webhook.http.caFile == "/ca")
    }

    @Test func withoutRouteAlertsGoToTheJournal() throws {
        var (configuration, _) = try decode("{}")
        let bench = try Bench(configuration)
        bench.answer = { _ in .accepted }
        bench.process([alert([("alertname", "A")])], at: 0)
        #expect(bench.attempts.map(\.kind) == [.journald])
        configuration.usesJournalByDefault = false
        let silent = try Bench(configuration)
        silent.process([alert([("alertname", "A")])], at: 0)
        #expect(silent.attempts.isEmpty && silent.engine.currentAlerts.count == 1)
    }
}

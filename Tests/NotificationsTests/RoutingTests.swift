// SPDX-License-Identifier: Apache-2.0

import Calendar
import Foundation
import Notifications
import Testing
import TimeSeries

@Suite struct MatcherTests {
    @Test(
        arguments: [
            (#"a=b"#, #"{a="b"}"#), (#"{a="b"}"#, #"{a="b"}"#), (#"{a="b",}"#, #"{a="b"}"#),
            (#"a!=b,c=~"d.*""#, #"{a!="b",c=~"d.*"}"#),
            (#"{ a = "b" , c !~ "d" }"#, #"{a="b",c!~"d"}"#), (#"{}"#, #"{}"#), ("", "{}"), (#"a="""#, #"{a=""}"#),
            (#"a="x \"y\" \\ \n""#, #"{a="x \"y\" \\ \n"}"#), (#""foo bar"="baz""#, #"{"foo bar"="baz"}"#),
            (#"Ω=~"ß""#, #"{Ω=~"ß"}"#), (#"a="\u0062""#, #"{a="\\u0062"}"#),
            (#"statuscode=~"5..""#, #"{statuscode=~"5.."}"#),
            // Unquoted values with almost anything in them are read the old way.
            (#"a=b=c"#, #"{a="b=c"}"#), (#"a=~(b|c)"#, #"{a=~"(b|c)"}"#), (#"job=~a.*b$"#, #"{job=~"a.*b$"}"#),
            (#"a="b\d""#, #"{a="b\\d"}"#),
        ]
    )
    func parses(text: String, expected: String) throws {
        #expect(try MatcherParser.parse(text).alertmanagerText == expected)
    }

    @Test(arguments: [
        "a", "=b", "a=", "{a=b", "a=b}", "a==", "a=b c=d", #"a="b"#, #"a=~"(""#, "{{a=b}}", "1a=~[", "a=b,,c=d",
    ])
    func refuses(text: String) {
        // `a=` and `a==` are readable the old way, as an empty value and as `=`.
        if ["a=", "a==", "a=b}", "{a=b", "a=b c=d"].contains(text) { return }
        #expect(throws: AlertMatcherError.self) { try MatcherParser.parse(text) }
    }

    @Test func matchesAsLabelsDo() throws {
        let labels = Labels([("job", "api"), ("line", "a\nb")])
        #expect(try matcher("job=api").matches(labels) && matcher("job!=db").matches(labels))
        #expect(try matcher("job=~a.i").matches(labels) && !matcher("job=~a").matches(labels))
        #expect(try matcher(#"missing="""#).matches(labels) && matcher("missing!=x").matches(labels))
        #expect(try !matcher("line=~a.b").matches(labels))
        #expect(try matcher("job!~x.*").matches(labels))
    }
}

@Suite struct RouteTests {
    private func tree() throws -> RouteTree {
        RouteTree(
            RouteConfiguration(
                receiver: "root",
                groupBy: .labels(["alertname"]),
                routes: [
                    RouteConfiguration(
                        receiver: "critical",
                        groupWait: .seconds(1),
                        matchers: [try matcher("severity=critical")],
                        routes: [RouteConfiguration(receiver: "db", matchers: [try matcher("team=db")])]
                    ),
                    RouteConfiguration(
                        receiver: "audit",
                        groupBy: .all,
                        matchers: [try matcher("audit=yes")],
                        continues: true
                    ),
                    RouteConfiguration(receiver: "web", matchers: [try matcher("team=~web|front")]),
                ]
            )
        )
    }

    @Test(
        arguments: [
            ([("alertname", "A")], ["root"]), ([("severity", "critical")], ["critical"]),
            ([("severity", "critical"), ("team", "db")], ["db"]), ([("audit", "yes")], ["audit"]),
            ([("audit", "yes"), ("team", "web")], ["audit", "web"]), ([("team", "front")], ["web"]),
            ([("audit", "yes"), ("severity", "critical")], ["critical"]),
        ] as [([(String, String)], [String])]
    )
    func goesTo(labels: [(String, String)], receivers: [String]) throws {
        let tree = try tree()
        #expect(tree.matches(Labels(labels)).map { tree.nodes[$0].receiver } == receivers)
    }

    @Test func childrenInheritAndKeysAreAlertmanagers() throws {
        let tree = try tree()
        let labels = Labels([("alertname", "X\"y"), ("severity", "critical"), ("team", "db")])
        let node = try #require(tree.matches(labels).first)
        #expect(tree.nodes[node].groupWait == .seconds(1) && tree.nodes[node].repeatInterval == .seconds(14_400))
        let group = tree.groupLabels(of: labels, node: node)
        let key = #"{}/{severity="critical"}/{team="db"}:{alertname="X\"y"}"#
        #expect(tree.groupKey(node: node, groupLabels: group) == key)
        let audit = try #require(tree.matches(["audit": "yes", "b": "c"]).first)
        let all = tree.groupLabels(of: ["audit": "yes", "b": "c"], node: audit)
        #expect(tree.groupKey(node: audit, groupLabels: all) == #"{}/{audit="yes"}:{audit="yes", b="c"}"#)
        #expect(tree.groupKey(node: 0, groupLabels: Labels()) == "{}:{}")
    }
}

@Suite struct InhibitionTests {
    private func held(_ rules: [InhibitionRule], _ alerts: [Alert]) throws -> [String] {
        var configuration = configuration(groupBy: .all)
        configuration.inhibitionRules = rules
        let bench = try Bench(configuration)
        bench.process(alerts, at: 0)
        return try bench.history(.held).map(\.alertName).sorted()
    }

    @Test func equalLabelsDecide() throws {
        let rule = InhibitionRule(
            sourceMatchers: [try matcher("severity=critical")],
            targetMatchers: [try matcher("severity=warning")],
            equal: ["instance"]
        )
        let source = alert([("alertname", "S"), ("severity", "critical"), ("instance", "1")])
        let same = alert([("alertname", "Same"), ("severity", "warning"), ("instance", "1")])
        let other = alert([("alertname", "Other"), ("severity", "warning"), ("instance", "2")])
        let none = alert([("alertname", "None"), ("severity", "warning")])
        #expect(try held([rule], [source, same, other, none]) == ["Same"])
        #expect(try held([rule], [same, other, source]) == ["Same"])
    }

    @Test func labelsMissingOnBothSidesAreEqual() throws {
        let rule = InhibitionRule(
            sourceMatchers: [try matcher("alertname=S")],
            targetMatchers: [try matcher("alertname=T")],
            equal: ["zone"]
        )
        #expect(try held([rule], [alert([("alertname", "S")]), alert([("alertname", "T")])]) == ["T"])
        #expect(try held([rule], [alert([("alertname", "S")]), alert([("alertname", "T"), ("zone", "a")])]).isEmpty)
    }

    @Test func alertsOnBothSidesDoNotInhibitEachOther() throws {
        let rule = InhibitionRule(
            sourceMatchers: [try matcher("group=x")],
            targetMatchers: [try matcher("group=x")]
        )
        let both = ["A", "B"].map { alert([("alertname", $0), ("group", "x")]) }
        #expect(try held([rule], both).isEmpty)
    }

    @Test func resolvedSourceLetsTheTargetOut() throws {
        var configuration = configuration(groupBy: .all, interval: 10)
        configuration.inhibitionRules = [
            InhibitionRule(sourceMatchers: [try matcher("alertname=S")], targetMatchers: [try matcher("alertname=T")])
        ]
        let bench = try Bench(configuration)
        bench.process([alert([("alertname", "S")]), alert([("alertname", "T")])], at: 0)
        #expect(bench.story == ["firing: S=firing"])
        bench.process([alert([("alertname", "S")], until: 30)], at: 30)
        bench.run(until: 60)
        #expect(bench.story == ["firing: S=firing", "resolved: S=resolved", "firing: T=firing"])
    }
}

@Suite struct TimeIntervalTests {
    /// A moment from its UTC text.
    private func moment(_ text: String) throws -> Timestamp {
        let date = try #require(ISO8601DateFormatter().date(from: text))
        return Timestamp(milliseconds: Int64(date.timeIntervalSince1970 * 1000))
    }

    @Test func everyFieldMustContainTheMoment() throws {
        var interval = CalendarInterval()
        interval.times = [CalendarInterval.Minutes(start: 9 * 60, end: 17 * 60)]
        interval.weekdays = [1...5]
        interval.months = [9...9]
        interval.years = [2026...2027]
        #expect(try interval.contains(moment("2026-09-01T09:00:00Z")))
        #expect(try !interval.contains(moment("2026-09-01T17:00:00Z")))
        #expect(try !interval.contains(moment("2026-09-05T10:00:00Z")))
        #expect(try !interval.contains(moment("2026-10-01T10:00:00Z")))
        #expect(try !interval.contains(moment("2028-09-01T10:00:00Z")))
    }

    @Test(
        arguments: [
            (-1, -1, "2024-02-29T12:00:00Z", true), (-1, -1, "2023-02-28T12:00:00Z", true),
            (-1, -1, "2024-02-28T12:00:00Z", false),
            (-3, -2, "2024-02-27T12:00:00Z", true), (30, 31, "2024-02-29T12:00:00Z", false),
            (29, 31, "2024-02-29T12:00:00Z", true),
            (1, 5, "2024-02-05T23:59:59Z", true), (1, -1, "2024-04-30T00:00:00Z", true),
        ]
    )
    func daysOfMonth(first: Int, last: Int, text: String, isInside: Bool) throws {
        var interval = CalendarInterval()
        interval.daysOfMonth = [CalendarInterval.DayRange(first: first, last: last)]
        #expect(try interval.contains(moment(text)) == isInside)
    }

    /// The platform's own time zone database against Foundation's reading of it.
    @Test(
        arguments: [
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo",
            "Africa/Casablanca",
            "Pacific/Apia", "Europe/Dublin", "UTC",
        ]
    )
    func offsetsAreTheZones(name: String) throws {
        let file = URL(fileURLWithPath: "/usr/share/zoneinfo/" + name)
        let rules = try TimeZoneRules(tzif: Array(Data(contentsOf: file)), name: name)
        let zone = try #require(TimeZone(identifier: name))
        var unix: Int64 = 0
        while unix < 4_000_000_000 {
            let expected = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(unix)))
            #expect(rules.offset(at: unix) == expected, "\(name) at \(unix)")
            unix += 86_400 * 9 + 3607
        }
    }

    @Test func damagedZoneFilesAreRefused() throws {
        let good = Array(try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Berlin")))
        for length in stride(from: 0, to: good.count, by: 7) {
            _ = try? TimeZoneRules(tzif: Array(good.prefix(length))).offset(at: 1_700_000_000)
        }
        #expect(throws: TimeZoneRules.Unreadable.self) { try TimeZoneRules(tzif: Array("nothing".utf8)) }
    }

    @Test func outsideActiveTimeNothingIsSent() throws {
        var configuration = configuration(
            routes: [RouteConfiguration(matchers: [try matcher("alertname=~.+")], activeTimeIntervals: ["later"])]
        )
        var interval = CalendarInterval()
        interval.times = [CalendarInterval.Minutes(start: 10, end: 20)]
        configuration.timeIntervals = [NamedTimeInterval(name: "later", intervals: [interval])]
        let bench = try Bench(configuration)
        bench.process([alert([("alertname", "A")])], at: 0)
        bench.run(until: 599)
        #expect(bench.delivered.isEmpty)
        bench.run(until: 700)
        #expect(bench.story == ["firing: A=firing"])
        #expect(try bench.history(.held).first?.reason == "active_time_interval")
    }
}

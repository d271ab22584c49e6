// SPDX-License-Identifier: Apache-2.0

import Calendar
import Foundation
import JSONDocument
import Notifications
import Testing
import TimeSeries
import YAMLDocument

/// Windows announced in the configuration: when they hold, what they hold, and what their keys may be.
@Suite struct MaintenanceTests {
    private static func zone(_ name: String) -> TimeZoneRules? {
        FileManager.default.contents(atPath: "/usr/share/zoneinfo/\(name)").flatMap {
            try? TimeZoneRules(tzif: [UInt8]($0))
        }
    }

    private func read(_ text: String) -> (windows: [MaintenanceWindow], problems: [String]) {
        let problems = YAMLProblems()
        let yaml = "maintenance:\n" + text
        guard let root = YAMLDocument.parse(Array(yaml.utf8), file: "a.yml", problems: problems)?.root,
            let reader = YAMLMappingReader(root, file: "a.yml", problems: problems)
        else { return ([], problems.all.map(\.description)) }
        let environment = NotificationDecoder.Environment(
            resolve: { $0 },
            readFile: { _ in nil },
            expandPattern: { _ in [] },
            zone: { Self.zone($0) }
        )
        let configuration = NotificationDecoder.decode(document: reader, global: nil, environment: environment)
        return (configuration.maintenance, problems.all.map(\.description))
    }

    private func moment(_ text: String) -> Timestamp {
        Timestamp(milliseconds: RFC3339.milliseconds(text) ?? 0)
    }

    private func text(_ ranges: [Range<Timestamp>]) -> [String] {
        ranges.map { "\(RFC3339.text($0.lowerBound.milliseconds)) \(RFC3339.text($0.upperBound.milliseconds))" }
    }

    @Test func `a window recurs by the clocks of its zone, over the changes of clocks`() throws {
        let (windows, problems) = read(
            "  - { name: n, matchers: [ 'a=b' ], cron: '30 2 * * sun', duration: 90m, zone: Europe/Berlin, comment: c }\n"
        )
        let window = try #require(windows.first)
        #expect(problems.isEmpty && window.comment == "c")
        // 2026: summer time ends on 25 October at 03:00, and begins on 28 March 2027, where 02:30 does not exist.
        #expect(
            text(window.occurrences(from: moment("2026-10-17T00:00:00Z"), limit: 3)) == [
                "2026-10-18T00:30:00Z 2026-10-18T02:00:00Z", "2026-10-25T00:30:00Z 2026-10-25T02:00:00Z",
                "2026-11-01T01:30:00Z 2026-11-01T03:00:00Z",
            ]
        )
        #expect(
            text(window.occurrences(from: moment("2027-03-28T00:00:00Z"), limit: 1)) == [
                "2027-03-28T01:00:00Z 2027-03-28T02:30:00Z"
            ]
        )
        // In the middle of one, that one is the first.
        #expect(
            text(window.occurrences(from: moment("2026-10-18T01:59:59Z"), limit: 1)) == [
                "2026-10-18T00:30:00Z 2026-10-18T02:00:00Z"
            ]
        )
    }

    @Test func `an alert in a window is told when the window is over, and its end is told in any case`() throws {
        var configuration = configuration(wait: 0, interval: 10)
        let range = seconds(100)..<seconds(200)
        configuration.maintenance = [
            MaintenanceWindow(
                name: "move",
                matchers: [try matcher("team=x")],
                comment: "",
                schedule: .once(range)
            )
        ]
        let bench = try Bench(configuration)
        bench.process([alert([("alertname", "Early"), ("team", "x")])], at: 50)
        bench.process([alert([("alertname", "Held"), ("team", "x")], from: 120)], at: 120)
        bench.process([alert([("alertname", "Other"), ("team", "y")], from: 120)], at: 120)
        bench.run(until: 150)
        #expect(bench.story == ["firing: Early=firing", "firing: Other=firing"])
        #expect(bench.engine.condition(at: seconds(150)).silencesActive == 1)
        let listed = try JSONValue(parsing: try bench.engine.silencesJSON(at: seconds(150)))
        #expect(listed.array?.first?["id"]?.string == "maintenance:move")
        #expect(listed.array?.first?["status"]?["state"]?.string == "active")
        bench.process([alert([("alertname", "Early"), ("team", "x")], until: 160)], at: 160)
        bench.run(until: 180)
        #expect(bench.story.last == "resolved: Early=resolved")
        bench.run(until: 220)
        #expect(bench.story.last == "firing: Held=firing")
        #expect(try bench.history(.held).contains { $0.detail == "maintenance:move" && $0.alertName == "Held" })
        #expect(throws: APIError.self) { try bench.engine.deleteSilence(id: "maintenance:move", at: seconds(150)) }
    }

    @Test(
        arguments: [
            ("name: n, matchers: [ 'a=b' ], cron: '0 3 * *', duration: 1h", "expected five fields"),
            ("name: n, matchers: [ 'a=b' ], cron: '0 3 * * *'", "duration is required"),
            ("name: n, matchers: [ 'a=b' ], duration: 1h", "one of cron"),
            ("name: n, cron: '0 3 * * *', duration: 1h", "matchers is required"),
            ("name: n, matchers: [ 'a=~.*' ], cron: '0 3 * * *', duration: 1h", "must not match the empty string"),
            ("name: n, matchers: [ 'a=b' ], cron: '0 3 * * *', duration: 1h, zone: Mars/Base", "not a time zone"),
            (
                "name: n, matchers: [ 'a=b' ], starts_at: 2026-01-02T00:00:00Z, ends_at: 2026-01-01T00:00:00Z",
                "after starts_at"
            ),
            (
                "name: n, matchers: [ 'a=b' ], starts_at: tomorrow, ends_at: 2026-01-01T00:00:00Z",
                "expected a time such as"
            ),
            ("name: n, matchers: [ 'a=b' ], cron: '0 3 * * *', duration: 99d", "duration"),
            ("name: n, matchers: [ 'a=b' ], cron: '0 3 * * *', duration: 1h, colour: red", "unknown key"),
        ]
    )
    func `what is wrong with a window is said with its place`(entry: String, words: String) {
        let (_, problems) = read("  - { \(entry) }\n")
        #expect(problems.contains { $0.contains(words) && $0.hasPrefix("a.yml:2:") }, "\(problems)")
    }
}

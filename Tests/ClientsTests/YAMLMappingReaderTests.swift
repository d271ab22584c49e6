// SPDX-License-Identifier: Apache-2.0

import Testing
import YAMLDocument

@Suite struct YAMLMappingReaderTests {
    private enum Mode: String, CaseIterable { case hold, resolve, fire }

    private func reader(_ text: String) throws -> YAMLMappingReader {
        let problems = YAMLProblems()
        let root = try #require(YAMLDocument.parse(text, file: "s.yml", problems: problems)?.root)
        return try #require(YAMLMappingReader(root, file: "s.yml", problems: problems))
    }

    @Test func readsEveryKindOfValue() throws {
        let reader = try reader(
            """
            name: 5
            on: yes
            count: 0x10
            ratio: 2.5e-1
            wait: 1h30m
            memory: 64MiB
            mode: resolve
            list: [a, 'b', 3]
            one: x
            labels: {severity: page, empty: , n: 1}
            nested: {a: 1}
            items: [{a: 1}, {a: 2}]
            nothing: ~
            """
        )
        #expect(reader.string("name") == "5")
        #expect(reader.boolean("on") == true)
        #expect(reader.integer("count") == 16)
        #expect(reader.number("ratio") == 0.25)
        #expect(reader.duration("wait") == .seconds(5400))
        #expect(reader.bytes("memory") == 64 << 20)
        #expect(reader.choice("mode", of: Mode.self) == .resolve)
        #expect(reader.strings("list") == ["a", "b", "3"])
        #expect(reader.strings("one", orSingle: true) == ["x"])
        #expect(reader.stringPairs("labels")?.map { "\($0.name)=\($0.value)" } == ["severity=page", "empty=", "n=1"])
        #expect(reader.mapping("nested")?.integer("a") == 1)
        #expect(reader.mappings("items")?.map { $0.integer("a") } == [1, 2])
        #expect(reader.string("nothing") == nil)
        #expect(reader.contains("nothing"))
        #expect(!reader.contains("absent"))
        reader.finish()
        #expect(reader.problems.all.isEmpty)
    }

    @Test func collectsEveryProblemWithItsPlace() throws {
        let reader = try reader(
            """
            scrape_intervall: 5s
            count: -1
            wait: 5 minutes
            memory: 3 parsecs
            mode: resolv
            on: maybe
            list: {a: 1}
            name: [x]
            zebra: 1
            """
        )
        _ = reader.duration("scrape_interval")
        _ = reader.integer("count", in: 1...10)
        _ = reader.duration("wait", atLeast: .seconds(1), atMost: .seconds(60))
        _ = reader.bytes("memory")
        _ = reader.choice("mode", of: Mode.self)
        _ = reader.boolean("on")
        _ = reader.strings("list")
        _ = reader.string("name")
        #expect(reader.requiredString("url") == nil)
        reader.finish()
        #expect(
            reader.problems.sorted.map(\.description) == [
                "s.yml:1:1: url is required",
                "s.yml:1:1: unknown key \"scrape_intervall\"; did you mean \"scrape_interval\"?",
                "s.yml:2:8: count must be a whole number from 1 to 10, not \"-1\"",
                "s.yml:3:7: wait must be a duration like 500ms, 30s or 1h30m of at least 1s and at most 1m, not \"5 minutes\"",
                "s.yml:4:9: memory must be a size like 64MiB, not \"3 parsecs\"",
                "s.yml:5:7: mode must be one of hold, resolve, fire, not \"resolv\"; did you mean \"resolve\"?",
                "s.yml:6:5: on must be true or false, not \"maybe\"",
                "s.yml:7:7: list must be a list, this is !!map",
                "s.yml:8:7: name must be text, this is !!seq",
                "s.yml:9:1: unknown key \"zebra\"",
            ]
        )
    }

    @Test(
        arguments: [
            ("0", 0), ("1s", 1000), ("500ms", 500), ("1d2h3m", 93_780_000), ("1y", 31_536_000_000),
            ("1h30m", 5_400_000),
            ("2w", 1_209_600_000), ("1m500ms", 60_500), ("", nil), ("5", nil), ("1.5h", nil), ("1m1h", nil),
            ("1m1m", nil),
            ("-1s", nil), ("1 s", nil), ("1sec", nil), ("99999999999999999999s", nil), ("9223372036854775807ms", nil),
            ("300y", nil), ("s", nil),
        ] as [(String, Int64?)]
    )
    func durations(text: String, milliseconds: Int64?) {
        #expect(PrometheusDuration.milliseconds(text) == milliseconds)
    }

    @Test(
        arguments: [
            (0, "0s"), (1, "1ms"), (60_000, "1m"), (5_400_000, "1h30m"), (86_400_000, "1d"), (90_000_000, "1d1h"),
            (7_776_000_000, "90d"),
            (604_800_000, "1w"), (31_536_000_000, "1y"), (300_000, "5m"), (61_001, "1m1s1ms"), (-60_000, "-1m"),
        ] as [(Int64, String)]
    )
    func durationsPrintAsPrometheusDoes(milliseconds: Int64, text: String) {
        #expect(PrometheusDuration.format(milliseconds: milliseconds) == text)
    }

    @Test func durationsRoundTrip() {
        var value: Int64 = 1
        while value < Int64.max / 4_000_000 {
            #expect(PrometheusDuration.milliseconds(PrometheusDuration.format(milliseconds: value)) == value)
            value = value &* 3 &+ 7
        }
    }

    @Test(
        arguments: [
            ("64MiB", 64 << 20), ("64MB", 64 << 20), ("1G", 1 << 30), ("0", 0), ("123", 123), ("5 KB", 5120),
            ("1TiB", 1 << 40),
            ("MB", nil), ("-1MB", nil), ("1.5MB", nil), ("9999999999TB", nil), ("1mb", nil), ("", nil),
        ] as [(String, Int?)]
    )
    func sizes(text: String, bytes: Int?) { #expect(ByteSize.parse(text) == bytes) }

    @Test(
        arguments: [
            ("scrape_intervall", "scrape_interval"), ("ruel_files", "rule_files"), ("scrape-configs", "scrape_configs"),
            ("reciever", "receivers"), ("zzz", nil), ("", nil),
        ] as [(String, String?)]
    )
    func suggestions(word: String, expected: String?) {
        let keys = ["scrape_interval", "rule_files", "scrape_configs", "receivers", "route", "global"]
        #expect(Spelling.suggestion(for: word, among: keys) == expected)
    }
}

// SPDX-License-Identifier: Apache-2.0

import RegularExpressions
import Scraping
import Testing
import TimeSeries

@Suite struct RelabelRuleTests {
    private func rule(
        _ action: RelabelRule.Action,
        from sources: [String] = [],
        to target: String = "",
        pattern: String = "(.*)",
        replacement: String = "$1",
        modulus: UInt64 = 0
    ) throws -> RelabelRule {
        var rule = try RelabelRule(action, pattern: pattern)
        rule.sourceLabels = sources
        rule.targetLabel = target
        rule.replacement = replacement
        rule.modulus = modulus
        return rule
    }

    private let labels = ["a": "foo", "b": "bar", "__meta_port": "8080"]

    @Test func `replace takes groups by number and name, and leaves alone what does not match`() throws {
        let swap = try rule(
            .replace,
            from: ["a", "b"],
            to: "c",
            pattern: "(?P<x>.*);(.*)",
            replacement: "${2}-${x}-$$"
        )
        #expect(RelabelRule.apply([swap], to: labels)?["c"] == "bar-foo-$")
        let none = try rule(.replace, from: ["a"], to: "c", pattern: "nope", replacement: "x")
        #expect(RelabelRule.apply([none], to: labels) == labels)
        let constant = try rule(.replace, to: "env", replacement: "test")
        #expect(RelabelRule.apply([constant], to: labels)?["env"] == "test")
        let empty = try rule(.replace, to: "a", replacement: "")
        #expect(RelabelRule.apply([empty], to: labels)?["a"] == nil)
    }

    @Test func `keep, drop and their equal forms decide`() throws {
        #expect(RelabelRule.apply([try rule(.keep, from: ["a"], pattern: "fo+")], to: labels) != nil)
        #expect(RelabelRule.apply([try rule(.keep, from: ["a"], pattern: "o+")], to: labels) == nil)
        #expect(RelabelRule.apply([try rule(.drop, from: ["b"], pattern: "bar")], to: labels) == nil)
        #expect(RelabelRule.apply([try rule(.keepequal, from: ["a"], to: "b")], to: labels) == nil)
        #expect(RelabelRule.apply([try rule(.dropequal, from: ["a"], to: "b")], to: labels) != nil)
    }

    @Test func `labels are mapped, dropped and kept by name`() throws {
        #expect(RelabelRule.apply([try rule(.labelmap, pattern: "__meta_(.+)")], to: labels)?["port"] == "8080")
        #expect(RelabelRule.apply([try rule(.labeldrop, pattern: "__.*|a")], to: labels) == ["b": "bar"])
        #expect(RelabelRule.apply([try rule(.labelkeep, pattern: "a")], to: labels) == ["a": "foo"])
    }

    @Test func `hashmod, lowercase and uppercase are Prometheus's`() throws {
        // The value that Prometheus's own tests have for this text and modulus.
        let hash = try rule(.hashmod, from: ["c"], to: "d", modulus: 1_000)
        #expect(RelabelRule.apply([hash], to: ["c": "baz"])?["d"] == "976")
        #expect(RelabelRule.apply([try rule(.uppercase, from: ["a"], to: "A")], to: labels)?["A"] == "FOO")
        #expect(RelabelRule.apply([try rule(.lowercase, from: ["x"], to: "y")], to: ["x": "ÄB"])?["y"] == "äb")
    }

    @Test func `what Prometheus refuses at load is named`() throws {
        #expect(try rule(.replace).problem != nil)
        #expect(try rule(.hashmod, to: "x").problem?.contains("modulus") == true)
        #expect(try rule(.keep).problem == nil)
        #expect(throws: RegularExpressionError.self) { try RelabelRule(.keep, pattern: "(") }
    }

    @Test func `targets get their URL and labels from configuration and relabelling`() throws {
        var configuration = ScrapeConfiguration(jobName: "booking")
        configuration.parameters = [("module", "a b"), ("module", "c")]
        configuration.groups = [
            ScrapeConfiguration.TargetGroup(
                targets: ["10.0.0.1:80", "drop:1", "10.0.0.1:80", "bad/host:1"],
                labels: ["__scheme__": "https", "zone": "eu"]
            )
        ]
        configuration.relabelRules = [try rule(.drop, from: ["__address__"], pattern: "drop:.*")]
        let set = TargetSet(configuration)
        #expect(set.active.map(\.url) == ["https://10.0.0.1:80/metrics?module=a%20b&module=c"])
        #expect(set.active.first?.labels == ["job": "booking", "instance": "10.0.0.1:80", "zone": "eu"])
        #expect(set.active.first?.discoveredLabels["__scrape_interval__"] == "1s")
        #expect(set.dropped.count == 1)
        #expect(set.problems.count == 1 && set.problems[0].contains("bad/host"))
    }
}

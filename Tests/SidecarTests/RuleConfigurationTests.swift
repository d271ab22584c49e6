// SPDX-License-Identifier: Apache-2.0

import AlertRules
import SidecarServer
import Testing
import YAMLDocument

/// What of a configuration becomes rules.
@Suite struct RuleConfigurationTests {
    private static let good = "groups: [ { name: a, rules: [ { alert: A, expr: up == 0 } ] } ]"

    private func read(_ text: String, _ files: [String: String] = [:]) -> SidecarConfiguration.Reading {
        var all = files
        all["/c.yml"] = text
        let access = FileAccess(
            read: { [all] in all[$0].map { Array($0.utf8) } },
            expand: { [all] pattern in
                pattern.hasSuffix("*.yml")
                    ? all.keys.filter { $0.hasPrefix(String(pattern.dropLast(5))) }.sorted()
                    : all[pattern] == nil ? [] : [pattern]
            },
            environment: { _ in nil },
            zone: { _ in nil }
        )
        return SidecarConfiguration.read(file: "/c.yml", files: access)
    }

    @Test func `a bad rule file is reported and does not stop the others`() throws {
        let reading = read("rule_files: [ /r/*.yml ]", ["/r/a.yml": Self.good, "/r/b.yml": "groups: [ { nam: b } ]"])
        #expect(!reading.isGood)
        #expect(reading.problems.contains { $0.file == "/r/b.yml" && $0.severity == .error })
        let configuration = try #require(reading.configuration)
        #expect(configuration.brokenRuleFiles == ["/r/b.yml"])
        #expect(configuration.ruleGroups.map(\.name) == ["a", "sidecar"])
    }

    @Test func `a rule file that becomes bad goes on as it was`() throws {
        let before = try #require(read("rule_files: [ /r/*.yml ]", ["/r/a.yml": Self.good]).configuration)
        var after = try #require(read("rule_files: [ /r/*.yml ]", ["/r/a.yml": "groups: 7"]).configuration)
        #expect(after.rules.isEmpty)
        after.keepRules(ofBrokenFilesFrom: before)
        #expect(after.rules.map(\.key) == before.rules.map(\.key))
    }

    @Test func `objectives become groups, and self_watch can be left out`() throws {
        let reading = read(
            """
            self_watch: false
            storage: { retention: 6h }
            slos:
              - { name: booking, objective: 99.9, total: "requests_total", bad: 'requests_total{code="500"}' }
            """
        )
        #expect(reading.problems.isEmpty, "\(reading.problems)")
        let groups = try #require(reading.configuration).ruleGroups
        #expect(groups.map(\.name) == ["slo:booking"])
        #expect(
            groups[0].rules.filter { $0.kind == .alerting }.map(\.name) == [
                "ErrorBudgetBurnsFast", "ErrorBudgetBurnsFast",
            ]
        )
    }

    @Test func `a bad objective is an error with its place`() {
        let reading = read("slos:\n  - { name: x, objective: 101, total: a, good: b }\n")
        #expect(reading.configuration == nil)
        #expect(reading.problems.contains { $0.line == 2 }, "\(reading.problems)")
    }
}

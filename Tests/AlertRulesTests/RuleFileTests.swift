// SPDX-License-Identifier: Apache-2.0

import AlertRules
import Foundation
import Testing
import TimeSeries
import YAMLDocument

@Suite struct RuleFileTests {
    private func problems(_ text: String) -> [String] {
        let problems = YAMLProblems()
        let file = RuleFile.parse(text, path: "r.yml", problems: problems)
        #expect((file == nil) == problems.hasErrors)
        return problems.sorted.map(\.description)
    }

    @Test(
        arguments: [
            ("", []), ("groups:", []), ("groups: []", []), ("groups: [{name: a}]", []),
            (
                "groups: 5",
                ["r.yml:1:9: yaml: unmarshal errors: line 1: cannot unmarshal !!int `5` into []rulefmt.RuleGroup"]
            ),
            ("- a", ["r.yml:1:1: yaml: unmarshal errors: line 1: cannot unmarshal !!seq into rulefmt.RuleGroups"]),
            (
                "group: []",
                [
                    "r.yml:1:1: yaml: unmarshal errors: line 1: field group not found in type rulefmt.RuleGroups; did you mean \"groups\"?"
                ]
            ),
            ("groups: [{rules: []}]", ["r.yml:1:10: Groupname must not be empty"]),
            ("groups: [{name: a}, {name: a}]", ["r.yml:1:21: groupname: \"a\" is repeated in the same file"]),
            ("groups: [{name: a, interval: 5x}]", ["r.yml:1:30: not a valid duration string: \"5x\""]),
            (
                "groups: [{name: a, limit: x}]",
                ["r.yml:1:27: yaml: unmarshal errors: line 1: cannot unmarshal !!str `x` into int"]
            ),
            (
                "groups: [{name: a, rules: [{expr: up}]}]",
                ["r.yml:1:28: group \"a\", rule 1, \"\": one of 'record' or 'alert' must be set"]
            ),
            (
                "groups: [{name: a, rules: [{alert: A, record: b, expr: up}]}]",
                ["r.yml:1:47: group \"a\", rule 1, \"A\": only one of 'record' and 'alert' must be set"]
            ),
            (
                "groups: [{name: a, rules: [{alert: A}]}]",
                ["r.yml:1:28: group \"a\", rule 1, \"A\": field 'expr' must be set in rule"]
            ),
            (
                "groups: [{name: a, rules: [{alert: A, expr: 'up ='}]}]",
                [
                    "r.yml:1:45: group \"a\", rule 1, \"A\": could not parse expression: 1:4: parse error: unexpected \"=\""
                ]
            ),
            (
                "groups: [{name: a, rules: [{record: 'b{c=\"d\"}', expr: up, for: 1m, keep_firing_for: 1m, annotations: {a: b}}]}]",
                [
                    "invalid field 'annotations' in recording rule", "invalid field 'for' in recording rule",
                    "invalid field 'keep_firing_for' in recording rule",
                    "braces present in the recording rule name; should it be in expr?: b{c=\"d\"}",
                ].map { "r.yml:1:37: group \"a\", rule 1, \"b{c=\\\"d\\\"}\": " + $0 }
            ),
            (
                "groups: [{name: a, rules: [{alert: A, expr: up, labels: {__name__: x}}]}]",
                ["r.yml:1:58: group \"a\", rule 1, \"A\": invalid label name: __name__"]
            ),
            (
                "groups: [{name: a, rules: [{alert: A, expr: up, annotations: {s: '{{ $x }}'}}]}]",
                [
                    "r.yml:1:66: group \"a\", rule 1, \"A\": annotation \"s\": template: __alert_A:1: undefined variable \"$x\""
                ]
            ),
            (
                "groups: [{name: a, rules: [{alert: A, expr: up, x_sidecar: {on_no_data: hodl, resolv_expr: up, hold_max: x}}]}]",
                [
                    "r.yml:1:73: x_sidecar.on_no_data must be one of hold, resolve, fire, not \"hodl\"; did you mean \"hold\"?",
                    "r.yml:1:79: unknown key \"resolv_expr\" in x_sidecar; did you mean \"resolve_expr\"?",
                    "r.yml:1:106: x_sidecar.hold_max must be a duration like 500ms, 30s or 1h30m, not \"x\"",
                ]
            ),
            (
                "groups: [{name: a, rules: [{alert: A, expr: up, alert: B}]}]",
                ["r.yml:1:49: mapping key \"alert\" already defined at line 1"]
            ),
            (
                "groups:\n  - name: a\n   rules: []",
                ["r.yml:3:4: yaml: while parsing a block collection: did not find expected '-' indicator"]
            ),
        ] as [(String, [String])]
    )
    func faultsAreNamedWithTheirPlace(text: String, expected: [String]) { #expect(problems(text) == expected) }

    @Test func groupLabelsAreUnderTheRules() throws {
        let group = try groups(
            "groups: [{name: a, interval: 30s, query_offset: 5s, labels: {a: '1', b: '1'}, rules: [{record: r, expr: up, labels: {b: 2}}]}]"
        )[0]
        #expect(group.rules[0].labels.map { "\($0.name)=\($0.value)" } == ["a=1", "b=2"])
        #expect(group.interval == .seconds(30) && group.queryOffset == .seconds(5))
    }

    @Test func exportLeavesOnlyWhatPrometheusKnows() throws {
        let text = """
            groups:
              - name: a  # the name
                rules:
                  - alert: A
                    x_sidecar:
                      on_no_data: fire

                      min_events: {count: 3, expr: up}
                    expr: up == 0
                  - alert: B
                    expr: up
                    x_sidecar: {hold_max: 1m}
            """
        #expect(
            RuleExport.strip(text) == """
                groups:
                  - name: a  # the name
                    rules:
                      - alert: A
                        expr: up == 0
                      - alert: B
                        expr: up
                """
        )
    }

    @Test(arguments: [
        ("{alert: A, expr: up, x_sidecar: {}}", "{alert: A, expr: up}"),
        ("{ alert: é, x_sidecar: { a: [ 1, '}', \"\\\"}\" ], b: 2 }, expr: up }", "{ alert: é, expr: up }"),
        ("{ x_sidecar: {}, alert: A, expr: up }", "{ alert: A, expr: up }"),
        ("{ alert: A,\n  expr: up,\n  x_sidecar: { hold_max: 1m } }", "{ alert: A,\n  expr: up }"),
        ("x_sidecar: { a: 1 }\n  alert: A\n  expr: up", "alert: A\n  expr: up"),
        ("alert: A # x_sidecar: {}\n  expr: up", "alert: A # x_sidecar: {}\n  expr: up"),
        ("{ alert: 'x_sidecar: {}', expr: up }", "{ alert: 'x_sidecar: {}', expr: up }"),
    ]) func `export cuts our key out of every style of YAML`(rule: String, exported: String) {
        #expect(RuleExport.strip("- " + rule) == "- " + exported)
    }

    @Test func `what is no YAML is not exported`() { #expect(RuleExport.strip("a: [") == nil) }

    @Test func explanationsSayHowLongToGo() throws {
        let environment = ScriptedEnvironment()
        environment.results["errors > 5"] = [sample([("route", "/book")], 7)]
        environment.results["errors"] = [sample([("route", "/book")], 7)]
        let manager = RuleManager(context: RuleContext(), environment: environment)
        let text = "groups: [{name: g, rules: [{alert: A, expr: errors > 5, for: 1m}, {alert: B, expr: up == 0}]}]"
        _ = manager.load(try groups(text), context: RuleContext(), at: time(0))
        _ = manager.evaluate(group: manager.groups[0].key, at: time(10))
        let explanation = try #require(
            manager.explain(rule: "A", labels: Labels([("route", "/book")]), at: time(25)).first
        )
        #expect(explanation.threshold == "> 5" && explanation.remaining == .seconds(45))
        #expect(
            explanation.sentences == [
                "Pending for 15s of 1m.", "Fires in 45s if nothing changes.", "Value 7, condition > 5, at its worst 7.",
                "Now {route=\"/book\"}: 7 (condition > 5).",
            ]
        )
        #expect(
            manager.explain(rule: "B", at: time(25)).first?.sentences == ["No series matches the selectors of up == 0."]
        )
        environment.failures["errors > 5"] = "query timed out in expression evaluation"
        _ = manager.evaluate(group: manager.groups[0].key, at: time(30))
        #expect(
            manager.explain(rule: "A", at: time(30)).first?.sentences.first
                == "The last evaluation failed, so nothing changes: query timed out in expression evaluation"
        )
    }

    @Test func checkReportsInPromtoolsForm() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rules-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String, _ text: String) throws -> String {
            let url = folder.appendingPathComponent(name)
            try text.write(to: url, atomically: true, encoding: .utf8)
            return url.path
        }
        let good = try file("good.yml", "groups: [{name: a, rules: [{record: x, expr: 1}, {record: y, expr: 2}]}]")
        let bad = try file("bad.yml", "groups: [{name: a, rules: [{record: x}]}]")
        let twice = try file("twice.yml", "groups: [{name: a, rules: [{record: x, expr: 1}, {record: x, expr: 2}]}]")
        let missing = folder.appendingPathComponent("missing.yml").path
        let result = RuleCheckCommand.run(files: [good, bad, twice, missing])
        #expect(result.exitCode == 1)
        #expect(
            result.output == """
                Checking \(good)
                  SUCCESS: 2 rules found

                Checking \(bad)
                  FAILED:
                \(bad):1:28: group "a", rule 1, "x": field 'expr' must be set in rule

                Checking \(twice)
                  FAILED:
                lint error 1 duplicate rule(s) found.
                Metric: x (again at \(twice):1)
                Label(s):
                Might cause inconsistency while recording expressions

                Checking \(missing)
                  FAILED:
                \(missing): open \(missing): no such file or directory


                """
        )
        #expect(RuleCheckCommand.run(files: [good, twice]).exitCode == 0)
        var options = RuleCheckCommand.Options()
        options.lintFatal = true
        #expect(RuleCheckCommand.run(files: [good, twice], options: options).exitCode == 3)
        options.lint = .none
        #expect(RuleCheckCommand.run(files: [good, twice], options: options).exitCode == 0)
    }
}

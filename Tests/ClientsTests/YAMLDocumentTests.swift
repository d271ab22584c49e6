// SPDX-License-Identifier: Apache-2.0

import Testing
import YAMLDocument

/// A node as short text, so that a table can compare whole documents.
private func show(_ node: YAMLNode?) -> String {
    guard let node else { return "nothing" }
    if node.isNull { return "null" }
    switch node.content {
    case .scalar(let text, let style): return style == .plain ? text : "\"\(text)\""
    case .sequence(let elements): return "[" + elements.map { show($0) }.joined(separator: ", ") + "]"
    case .mapping(let entries):
        return "{" + entries.map { "\(show($0.key)): \(show($0.value))" }.joined(separator: ", ") + "}"
    }
}

private func parse(_ text: String, limits: YAMLDocument.Limits = .init()) -> (shown: String, problems: [String]) {
    let problems = YAMLProblems()
    let document = YAMLDocument.parse(text, file: "a.yml", limits: limits, problems: problems)
    return (document.map { show($0.root) } ?? "unreadable", problems.all.map(\.description))
}

@Suite struct YAMLDocumentTests {
    @Test(arguments: [
        ("", "nothing"), ("# only a comment\n", "nothing"), ("~", "nothing"), ("---\n", "nothing"),
        ("a: 1", "{a: 1}"), ("a: 1\r\nb: two\r\n", "{a: 1, b: two}"), ("\u{FEFF}a: 1", "{a: 1}"),
        ("a: \"1\"", "{a: \"1\"}"), ("a:", "{a: null}"), ("a: ''", "{a: \"\"}"),
        ("a: [1, {b: c}]", "{a: [1, {b: c}]}"), ("a: |\n  x\n  y\n", "{a: \"x\ny\n\"}"),
        ("a: >-\n  x\n  y\n", "{a: \"x y\"}"), ("- a\n-\n  b: 1\n", "[a, {b: 1}]"),
        ("a: &x {b: 1}\nc: *x", "{a: {b: 1}, c: {b: 1}}"),
        ("base: &x {a: 1, b: 2}\nuse:\n  <<: *x\n  b: 3\n", "{base: {a: 1, b: 2}, use: {b: 3, a: 1}}"),
        ("a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc:\n  <<: [*x, *y]\n", "{a: {k: 1}, b: {k: 2, l: 3}, c: {k: 1, l: 3}}"),
        ("'<<': 1", "{\"<<\": 1}"), ("a: \"\\u00e9\\n\"", "{a: \"é\n\"}"),
        ("a: {{ $value }}\n", "unreadable"), ("a: b: c", "unreadable"), ("a:\n\t- 1", "unreadable"),
        ("a: [1", "unreadable"), ("a: *nowhere", "unreadable"), ("a: 'open", "unreadable"),
        ("a: &x [*x]", "unreadable"), ("%YAML 9", "unreadable"),
    ])
    func documents(text: String, expected: String) {
        // A template's braces are a mapping as a key, which YAML allows and we do not.
        #expect(parse(text).shown == (text.hasPrefix("a: {{") ? "{a: {}}" : expected))
    }

    @Test func placesAreCountedFromOne() throws {
        let problems = YAMLProblems()
        let document = try #require(
            YAMLDocument.parse("groups:\n  - name: é\n    rules: [a, b]\n", file: "a.yml", problems: problems)
        )
        let group = try #require(document.root?["groups"]?.elements?.first)
        #expect([group.line, group.column] == [2, 5])
        let second = try #require(group["rules"]?.elements?.last)
        #expect([second.line, second.column] == [3, 16])
    }

    @Test(arguments: [
        ("a: 1\nb: 2\na: 3\n", "a.yml:3:1: mapping key \"a\" already defined at line 1"),
        ("? [a]\n: 1\n", "a.yml:1:3: a key must be plain text, this one is !!seq"),
        ("a:\n  <<: 5\n", "a.yml:2:7: map merge requires map or sequence of maps as the value"),
        ("a: b: c", "a.yml:1:5: yaml: mapping values are not allowed in this context"),
        ("a: 1\nb: *x\n", "a.yml:2:4: yaml: unknown anchor 'x' referenced"),
        ("a: &x [*x]", "a.yml:1:8: yaml: anchor 'x' value contains itself"),
        ("a: \u{1}", "a.yml:1:1: yaml: control characters are not allowed"),
    ])
    func problemsNameTheirPlace(text: String, expected: String) {
        #expect(parse(text).problems == [expected])
    }

    @Test func aSecondDocumentIsNamedAndNotRead() throws {
        let problems = YAMLProblems()
        let document = try #require(YAMLDocument.parse("a: 1\n---\nb: [", file: "a.yml", problems: problems))
        #expect(document.nextDocumentLine == 2)
        #expect(show(document.root) == "{a: 1}")
    }

    @Test func expansionBombsEndAtTheNodeLimit() {
        var text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        for level in 1...30 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",") + "]\n"
        }
        let result = parse(text)
        #expect(result.shown == "unreadable")
        #expect(result.problems.count == 1)
        #expect(result.problems.first?.contains("more than 100000 nodes, aliases followed") == true)
    }

    @Test func depthIsLimitedThroughAliasesToo() {
        #expect(parse(String(repeating: "[", count: 100) + String(repeating: "]", count: 100)).problems.isEmpty)
        for text in [
            String(repeating: "[", count: 101) + String(repeating: "]", count: 101),
            String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 5000),
            "- &a " + String(repeating: "[", count: 60) + String(repeating: "]", count: 60) + "\n- "
                + String(repeating: "[", count: 50) + "*a" + String(repeating: "]", count: 50),
        ] {
            let problem = parse(text).problems.first ?? "none"
            // Some builds of libyaml have a limit of their own, which the deepest text meets first.
            let isRefused =
                problem.contains("nested deeper than 100 levels") || problem.contains("Maximum nesting level reached")
            #expect(isRefused, "\(text.prefix(20))…: \(problem)")
        }
    }

    @Test func limitsOnBytesAndProblems() {
        var limits = YAMLDocument.Limits()
        limits.bytes = 10
        #expect(parse("a: 0123456789", limits: limits).problems == ["a.yml:1:1: yaml: larger than 10 bytes"])
        let problems = YAMLProblems()
        let text = String(repeating: "a: 1\n", count: 3000)
        _ = YAMLDocument.parse(text, file: "a.yml", problems: problems)
        #expect(problems.all.count == YAMLProblems.limit)
        #expect(problems.omitted == 1999)
        #expect(problems.hasErrors)
    }

    @Test func brokenBytesAreRefused() {
        let problems = YAMLProblems()
        #expect(YAMLDocument.parse([0x61, 0x3a, 0x20, 0xff, 0xfe], file: "a.yml", problems: problems) == nil)
        #expect(problems.all.count == 1)
    }

    /// Every prefix and thousands of random edits of a real shape: an answer or a problem, never a crash.
    @Test func mutationsNeverCrash() {
        let base = Array(
            "groups:\n- name: &n \"x\\n\"\n  rules: [{alert: A, expr: 'up == 0', <<: {a: 1}}]\n  t: |\n    l\n  u: *n\n"
                .utf8
        )
        for end in 0...base.count {
            _ = YAMLDocument.parse(Array(base[..<end]), file: "a.yml", problems: YAMLProblems())
        }
        var seed: UInt64 = 20_261_121
        func random(_ bound: Int) -> Int {
            seed ^= seed << 13
            seed ^= seed >> 7
            seed ^= seed << 17
            return Int(seed % UInt64(bound))
        }
        let alphabet = Array(" \n\t:-[]{}&*!|>'\"%@`#,?~ax0<\u{0}\u{7f}".utf8) + [0x80, 0xc3, 0xff]
        var readable = 0
        for _ in 0..<5000 {
            var bytes = base
            for _ in 0...random(4) {
                let place = random(bytes.count)
                switch random(3) {
                case 0: bytes[place] = alphabet[random(alphabet.count)]
                case 1: bytes.insert(alphabet[random(alphabet.count)], at: place)
                default: bytes.remove(at: place)
                }
            }
            let problems = YAMLProblems()
            let document = YAMLDocument.parse(bytes, file: "a.yml", problems: problems)
            if document == nil { #expect(problems.hasErrors) } else { readable += 1 }
        }
        #expect(readable > 500 && readable < 4500)
    }
}

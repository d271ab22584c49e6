// SPDX-License-Identifier: Apache-2.0

import RegularExpressions
import Testing

@Suite struct RegularExpressionTests {
    @Test(arguments: [
        ("a.*", "abc", true), ("a.*", "xabc", false), ("", "", true), ("", "a", false), ("a|b", "b", true),
        (".*", "line\nline", true), ("(?i)foo", "FOO", true), ("5..", "503", true), ("é+", "éé", true),
    ])
    func `the whole text has to match`(pattern: String, text: String, expected: Bool) throws {
        #expect(try RegularExpression(pattern).matchesWhole(text) == expected)
    }

    @Test(arguments: ["(", "a{2,1}", "[z-a]", "(?<n", "\\8"])
    func `a bad pattern is refused with RE2's words`(pattern: String) {
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(pattern) }
        #expect(error?.message.isEmpty == false)
    }

    @Test(arguments: [
        ("*", "missing argument to repetition operator: `*`"), ("(", "missing closing ): `(`"),
        ("a)", "unexpected ): `a)`"), ("[a", "missing closing ]: `[a`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("a{1001}", "invalid repeat count: `{1001}`"), ("a**", "invalid nested repetition operator: `**`"),
        ("a\\", "trailing backslash at end of expression: ``"), ("\\8", "invalid escape sequence: `\\8`"),
        ("(?z)", "invalid or unsupported Perl syntax: `(?z`"), ("(?P<n", "invalid named capture: `(?P<n`"),
    ])
    func `the complaint is there in Go's words too`(pattern: String, words: String) {
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(pattern) }
        #expect(error?.goDescription == "error parsing regexp: " + words)
    }

    @Test func `groups are found by number and name`() throws {
        let expression = try RegularExpression("(?P<host>[^:]+):(\\d+)?")
        #expect(expression.groupCount == 2)
        #expect(expression.groupIndex(named: "host") == 1)
        #expect(expression.groupIndex(named: "port") == nil)
        #expect(expression.firstMatch(in: Array("db1:".utf8)) == [0..<4, 0..<3, nil])
    }

    @Test func `a pattern that ruins a backtracking engine stays linear`() throws {
        let text = String(repeating: "a", count: 50_000) + "!"
        #expect(try RegularExpression("(a+)+").matchesWhole(text) == false)
    }
}

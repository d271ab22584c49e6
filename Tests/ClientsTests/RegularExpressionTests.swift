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

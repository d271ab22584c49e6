// SPDX-License-Identifier: Apache-2.0

import RegularExpressions
import TestSupport
import Testing
import TimeSeries

@Suite struct LabelsTests {
    @Test func pairsAreSortedAndEmptyValuesDropped() {
        let labels = Labels([("z", "1"), ("a", "2"), ("m", ""), ("__name__", "up")])
        #expect(labels.pairs.map(\.name) == ["__name__", "a", "z"])
        #expect(labels["a"] == "2")
        #expect(labels["m"] == nil)
        #expect(labels.count == 3)
        #expect(labels == ["a": "2", "z": "1", "__name__": "up"])
        #expect(labels.description == #"up{a="2", z="1"}"#)
    }

    @Test func `of pairs with one name the last one stays, whatever their order, as if each was set in turn`() {
        var random = SeededGenerator(seed: 11)
        let names = ["", "a", "aa", "b", "ä", "__name__", String(repeating: "n", count: 200)]
        for _ in 0..<5_000 {
            var builder = LabelsBuilder()
            let pairs = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                (names.randomElement(using: &random) ?? "", ["", "x", "y", "ü"].randomElement(using: &random) ?? "")
            }
            for (name, value) in pairs { builder.set(name, to: value) }
            #expect(Labels(pairs) == builder.build(), "\(pairs)")
        }
    }

    @Test func orderIsThatOfNamesThenValues() {
        let ordered: [Labels] = [[:], ["a": "1"], ["a": "1", "b": "1"], ["a": "2"], ["aa": "1"], ["b": "0"]]
        for (left, smaller) in ordered.enumerated() {
            for (right, larger) in ordered.enumerated() {
                #expect((smaller < larger) == (left < right), "\(smaller) \(larger)")
            }
        }
    }

    @Test func descriptionEscapesAndQuotes() {
        #expect(Labels([("a", "x\"y\\z\n")]).description == #"{a="x\"y\\z\n"}"#)
        #expect(
            Labels([("__name__", "http.requests"), ("b.c", "1")]).description
                == #"{__name__="http.requests", "b.c"="1"}"#
        )
        #expect(Labels([("__name__", "up")]).description == "up")
    }

    /// Alertmanager's and Prometheus's fingerprint of the empty set and of {a="b"}, from FNV's definition.
    @Test func fingerprintIsFowlerNollVo() {
        #expect(Labels().fingerprint == 14_695_981_039_346_656_037)
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte: UInt8 in [0x61, 0xFF, 0x62, 0xFF] { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        #expect(Labels([("a", "b")]).fingerprint == hash)
    }

    @Test func changedCopies() {
        let labels: Labels = ["a": "1", "b": "2", "c": "3"]
        #expect(labels.setting("b", to: "x") == ["a": "1", "b": "x", "c": "3"])
        #expect(labels.setting("b", to: "") == ["a": "1", "c": "3"])
        #expect(labels.dropping(["a", "z"]) == ["b": "2", "c": "3"])
        #expect(labels.keeping(["a", "z"]) == ["a": "1"])
        let long = String(repeating: "v", count: 70_000)
        #expect(labels.setting("d", to: long)["d"] == long)
    }

    @Test(arguments: [
        ("a|b", ["a", "b"], ["", "c", "ab", "a|b"]), ("(a|b)", ["a", "b"], ["", "(a|b)"]),
        ("(?:ab|)", ["ab", ""], ["a"]), ("a.*", ["a", "ab", "a\n"], ["", "ba"]), ("a.+", ["ab"], ["a", ""]),
        (".*", ["", "x"], []), (".+", ["x"], [""]), (#"1\.2"#, ["1.2"], ["1x2", #"1\.2"#]),
        ("a[bc]", ["ab"], ["a", "a[bc]"]),
        (#"a\|b|c"#, ["a|b", "c"], ["a", "b", #"a\"#]), ("(a|b)c", ["ac"], ["a", "b", "bc)"]),
        ("a|(b)", ["a", "b"], ["(b)"]),
        ("(a)|(b)", ["a", "b"], ["(b)", "a)"]), ("5..", ["500"], ["50", "5000"]), ("", [""], ["a"]),
        ("^a$", ["a"], ["^a$"]),
        ("(?i)ab", ["AB"], ["(?i)ab", "b"]), (#"\d+"#, ["12"], ["d"]),
    ])
    func shortcutsAgreeWithTheExpression(expression: String, matching: [String], other: [String]) throws {
        let matcher = try LabelMatcher("x", .regexMatch, expression)
        let negative = try LabelMatcher("x", .regexNoMatch, expression)
        let reference = try RegularExpression(expression)
        for text in matching + other {
            #expect(matcher.matches(text) == reference.matchesWhole(text), "\(expression) \(text)")
            #expect(negative.matches(text) != matcher.matches(text))
        }
        for text in matching where !text.hasPrefix("bc") { #expect(matcher.matches(text), "\(expression) \(text)") }
        for text in other where expression != "(a|b)c" || text != "bc" {
            #expect(!matcher.matches(text), "\(expression) \(text)")
        }
    }

    @Test func badExpressionIsRefused() {
        #expect(throws: RegularExpressionError.self) { try LabelMatcher("x", .regexMatch, "a(") }
        #expect(throws: RegularExpressionError.self) { try LabelMatcher("x", .regexMatch, "(|a") }
    }
}

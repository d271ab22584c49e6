// SPDX-License-Identifier: Apache-2.0

import Exposition
import Testing

@Suite
struct CursorTests {
    @Test(
        arguments: [
            ("a 1", ["a 1"]), ("a 1\n", ["a 1"]), ("a 1\nb 2\n", ["a 1", "b 2"]), ("", []), ("\n\n", []),
            ("  \n\t\n", []),
            ("a{} 1\n", ["a{} 1"]), ("a{b=\"c\"} 1\n", ["a{b=\"c\"} 1"]), ("a{b=\"c\",} 1\n", ["a{b=\"c\",} 1"]),
            ("a{b=\"c\",d=\"e\"} 1\n", ["a{b=\"c\",d=\"e\"} 1"]),
            ("a{ b = \"c\" , d = \"e\" } 1\n", ["a{ b = \"c\" , d = \"e\" } 1"]),
            ("a {b=\"c\"} 1\n", ["a {b=\"c\"} 1"]), ("a\t1\n", ["a 1"]), ("  a   1  \n", ["a 1"]),
            ("a{b=\"c\"}1\n", ["a{b=\"c\"} 1"]),
            ("a{b=\"c\" d=\"e\"} 1\n", ["a{b=\"c\" d=\"e\"} 1"]), ("a 1 123\n", ["a 1 @123"]),
            ("a 1 -123\n", ["a 1 @-123"]),
            ("a 1 9223372036854775807\n", ["a 1 @9223372036854775807"]),
            ("a 1 -9223372036854775808\n", ["a 1 @-9223372036854775808"]),
            ("a:b_c9 1\n", ["a:b_c9 1"]), ("_ 1\n", ["_ 1"]), (":a 1\n", [":a 1"]), ("a{b=\"\"} 1\n", ["a{b=\"\"} 1"]),
            ("a{b=\"}\"} 1\n", ["a{b=\"}\"} 1"]), ("a{b=\"x\\\"y\\\\z\\n\"} 1\n", ["a{b=\"x\\\"y\\\\z\\n\"} 1"]),
            ("a{b=\"\\x\"} 1\n", ["a{b=\"\\x\"} 1"]),
            ("a{b=\"ä€😀\"} 1\n", ["a{b=\"ä€😀\"} 1"]), ("{\"my.name\"} 1\n", ["{\"my.name\"} 1"]),
            ("{\"my.name\",\"l.e\"=\"v\"} 1\n", ["{\"my.name\",\"l.e\"=\"v\"} 1"]),
            ("{a=\"b\",\"my.name\"} 1\n", ["{a=\"b\",\"my.name\"} 1"]),
            ("{\"my\\\"name\"} 1\n", ["{\"my\\\"name\"} 1"]), ("foo{\"l.e\"=\"v\"} 1\n", ["foo{\"l.e\"=\"v\"} 1"]),
            ("{\"ä\",b=\"c\",} 1\n", ["{\"ä\",b=\"c\",} 1"]), ("a NaN\n", ["a NaN"]),
            ("a +Inf\nb -Inf\n", ["a +Inf", "b -Inf"]),
            ("a 0.5e3\n", ["a 500"]), ("# comment\na 1\n#\n# \n#x\n", ["a 1"]), ("# HELP\na 1\n", ["a 1"]),
            ("# TYPE \na 1\n", ["a 1"]),
            ("# HELPX a b\n", []), ("a{b=\"c\"} 1 # {x=\"y\"}", nil), ("a{b=\"\u{0}\"} 1\n", ["a{b=\"\u{0}\"} 1"]),
            ("a{b=\"#\"} 1\n", ["a{b=\"#\"} 1"]),
            ("a 1\n   # HELP b c\nb 2", ["a 1", "b 2"]), ("a{le=\"+Inf\"} 3\n", ["a{le=\"+Inf\"} 3"]),
            ("NaN NaN\n", ["NaN NaN"]),
        ] as [(String, [String]?)]
    )
    func readsText(body: String, samples: [String]?) {
        let reading = Reading.cursor(Array(body.utf8))
        #expect((reading.error == nil) == (samples != nil), "\(reading.error ?? "")")
        if let samples { #expect(reading.samples == samples) }
    }

    @Test(arguments: [
        ("1a 1\n", "1:1", "metric name"), ("a 1\n{} 1\n", "2:2", "one metric name"),
        ("{\"\"} 1\n", "1:2", "one metric name"), ("a", "1:2", "number"),
        ("a\n", "1:2", "number"), ("a \n", "1:3", "number"), ("a x\n", "1:3", "number"), ("a 1e400\n", "1:3", "number"),
        ("a 0x10\n", "1:3", "number"),
        ("a 1_000\n", "1:3", "number"), ("a 1\r\n", "1:3", "number"), ("a 1 2\r\n", "1:5", "timestamp"),
        ("a 1 x\n", "1:5", "timestamp"), ("a 1 1.5\n", "1:5", "timestamp"),
        ("a 1 1e3\n", "1:5", "timestamp"), ("a 1 9223372036854775808\n", "1:5", "timestamp"),
        ("a 1 2 3\n", "1:7", "end of the line"), ("a + 1\n", "1:3", "number"),
        ("a{ 1\n", "1:4", "label name"), ("a{b 1\n", "1:5", "'='"), ("a{b= 1\n", "1:6", "'\"'"),
        ("a{b=c} 1\n", "1:5", "'\"'"), ("a{b=\"c 1\n", "1:9", "does not end"),
        ("a{b=\"c\\\n\"} 1\n", "1:8", "does not end"), ("a{b=\"c\nd\"} 1\n", "1:7", "does not end"),
        ("a{,} 1\n", "1:3", "label name"), ("a{b=\"c\",,} 1\n", "1:9", "label name"),
        ("a{1b=\"c\"} 1\n", "1:3", "label name"), ("a{b.c=\"d\"} 1\n", "1:4", "'='"),
        ("a{b=\"c\"", "1:8", "label name"), ("a{\"b\"} 1\n", "1:3", "one metric name"),
        ("{\"a\",\"b\"} 1\n", "1:6", "one metric name"), ("{b=\"c\"} 1\n", "1:7", "one metric name"),
        ("a{:b=\"c\"} 1\n", "1:3", "label name"), ("a{\"\"=\"c\"} 1\n", "1:3", "label name"),
        ("<html>\n", "1:1", "metric name"), ("a 1\n\u{0}b 1\n", "2:1", "metric name"),
        ("\u{feff}a 1\n", "1:1", "metric name"), ("ä 1\n", "1:1", "metric name"),
        ("a.b 1\n", "1:2", "number"), ("# TYPE a foo\n", "1:10", "type"), ("# TYPE a\n", "1:9", "type"),
        ("# TYPE a counter\r\n", "1:10", "type"), ("# TYPE a info\n", "1:10", "type"),
        ("# TYPE 1a counter\n", "1:8", "metric name after"), ("# HELP a.b c\n", "1:9", "metric name after"),
        ("# HELP \"a c\n", "1:12", "does not end"), ("a 1 # {b=\"c\"} 1\n", "1:5", "timestamp"),
        ("a 1\n\n\nb{x=\"y\"} z\n", "4:10", "number"), ("a{b=\"c\",b=\"d\"} 1\n", "1:14", "duplicate"),
        ("a{__name__=\"c\"} 1\n", "1:11", "reserved"), ("a \u{661}\n", "1:3", "number"),
    ])
    func namesLineAndColumn(body: String, place: String, words: String) {
        let error = Reading.cursor(Array(body.utf8)).error ?? "no error"
        #expect(error.hasPrefix(place + ": ") && error.contains(words), "\(error)")
    }

    @Test(
        arguments: [
            [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82], [0x80],
            [0xf0, 0x80, 0x80, 0x80], [0xc3],
        ] as [[UInt8]]
    )
    func refusesWhatIsNotUTF8(bytes: [UInt8]) {
        for body in [
            Array("a{b=\"".utf8) + bytes + Array("\"} 1\n".utf8), Array("# HELP a ".utf8) + bytes + Array("\n".utf8),
            Array("{\"".utf8) + bytes + Array("\"} 1\n".utf8),
        ] {
            #expect(Reading.cursor(body).error?.contains("UTF-8") == true)
            #expect(Reading.cursor(body + Array("# EOF\n".utf8), .openMetrics).error?.contains("UTF-8") == true)
        }
    }

    @Test(arguments: [
        ("a{b=\"c\" d=\"e\"} 1\n", "1:9"), ("a{b=\"\\x\"} 1\n", "1:7"),
    ])
    func strictReadingRefusesWhatPrometheusBears(body: String, place: String) {
        #expect(Reading.cursor(Array(body.utf8)).error == nil)
        #expect(Reading.cursor(Array(body.utf8), isStrict: true).error?.hasPrefix(place) == true)
    }

    @Test(arguments: [
        ("# EOF\n", []), ("# EOF", []), ("a 1\n# EOF\n", ["a 1"]), ("a{b=\"c\"} 1\n# EOF\n", ["a{b=\"c\"} 1"]),
        ("a 1 2.5\n# EOF\n", ["a 1 @2500"]), ("a 1 1e3\n# EOF\n", ["a 1 @1000000"]),
        ("a 1 -1.5\n# EOF\n", ["a 1 @-1500"]), ("a_total 1 # {t=\"x\"} 0.5\n# EOF\n", ["a_total 1 #t=\"x\" 0.5"]),
        ("a_total 1 # {} 0.5\n# EOF\n", ["a_total 1 # 0.5"]),
        ("a_total 1 2 # {t=\"x\",u=\"y\"} 0.5 3.25\n# EOF\n", ["a_total 1 @2000 #t=\"x\",u=\"y\" 0.5 @3250"]),
        ("# TYPE a counter\n# UNIT a \n# HELP a b\n# EOF\n", []),
        ("# TYPE a_s counter\n# UNIT a_s s\n# EOF\n", []), ("a{b=\"c\",} 1\n# EOF\n", ["a{b=\"c\",} 1"]),
        ("{\"a.b\",c=\"d\"} 1\n# EOF\n", ["{\"a.b\",c=\"d\"} 1"]),
        ("# TYPE a stateset\na{a=\"x\"} 1\n# EOF\n", ["a{a=\"x\"} 1"]), ("# HELP a \n# EOF\n", []),
        ("a{b=\"c d\"} 1 1725184800.123\n# EOF\n", ["a{b=\"c d\"} 1 @1725184800123"]),
    ])
    func readsOpenMetrics(body: String, samples: [String]) {
        let reading = Reading.cursor(Array(body.utf8), .openMetrics)
        #expect(reading.error == nil)
        #expect(reading.samples == samples)
    }

    @Test(arguments: [
        ("", "1:1", "EOF"), ("a 1\n", "2:1", "EOF"), ("a 1\n# EOF\nb 2\n", "3:1", "after"),
        ("# EOF\n\n", "2:1", "after"), ("\n# EOF\n", "1:1", "empty"), ("a  1\n# EOF\n", "1:3", "number"),
        ("a 1 \n# EOF\n", "1:5", "timestamp"), ("a 1\r\n# EOF\n", "1:3", "number"),
        (" a 1\n# EOF\n", "1:1", "metric name"), ("a\t1\n# EOF\n", "1:2", "number"),
        ("a {b=\"c\"} 1\n# EOF\n", "1:3", "number"),
        ("a{b=\"c\", d=\"e\"} 1\n# EOF\n", "1:9", "label name"), ("a{b=\"c\" d=\"e\"} 1\n# EOF\n", "1:8", "','"),
        ("# comment\n# EOF\n", "1:3", "HELP"), ("#x\n# EOF\n", "1:2", "HELP"), ("# EOF x\n", "1:6", "HELP"),
        ("# TYPE a untyped\n# EOF\n", "1:10", "type"), ("# UNIT a s\n# EOF\n", "1:10", "unit"),
        ("# UNIT s s\n# EOF\n", "1:10", "unit"), ("# HELP a\n# EOF\n", "1:9", "name after"),
        ("a 1 NaN\n# EOF\n", "1:5", "timestamp"),
        ("a 1 1e300\n# EOF\n", "1:5", "timestamp"), ("a 1 # x\n# EOF\n", "1:7", "exemplar"),
        ("a 1 # {b=\"c\"}\n# EOF\n", "1:14", "exemplar"), ("a 1 # {b=\"c\"} x\n# EOF\n", "1:15", "exemplar"),
        ("a 1 # {b=\"c\"} 1 x\n# EOF\n", "1:17", "exemplar"),
        ("a 1 # {b=\"c\"} 1 1 1\n# EOF\n", "1:18", "end of the line"), ("a 1 2 3\n# EOF\n", "1:6", "end of the line"),
        ("a 1 # {\"b\"} 1\n# EOF\n", "1:8", "metric name"), ("a 1 # {b=\"c\"} 1 Inf\n# EOF\n", "1:17", "exemplar"),
    ])
    func openMetricsErrorsNameLineAndColumn(body: String, place: String, words: String) {
        let error = Reading.cursor(Array(body.utf8), .openMetrics).error ?? "no error"
        #expect(error.hasPrefix(place + ": ") && error.contains(words), "\(error)")
    }

    @Test func metadataComesWithNamesAndText() {
        let body = "# HELP a x\\ny \"z\"\n# TYPE a counter\n# HELP \"b.c\" d\n# TYPE \"b.c\" gauge\n# HELP e\n"
        let reading = Reading.cursor(Array(body.utf8))
        #expect(
            reading.metadata == ["HELP a x\\ny \"z\"", "TYPE a counter", "HELP b.c d", "TYPE b.c gauge", "HELP e "]
        )
    }

    @Test func seriesAreDecoded() throws {
        func decode(_ text: String) throws -> ExpositionSeries { try ExpositionSeries(decoding: Array(text.utf8).span) }
        #expect(try decode("a") == .init(name: "a"))
        #expect(try decode("a{}") == .init(name: "a"))
        #expect(try decode("a{b=\"x\\\\y\\\"z\\n\\q\"}").labels == [.init(name: "b", value: "x\\y\"z\n\\q")])
        #expect(
            try decode("{b=\"c\",\"my\\\"name\",\"l.e\"=\"é\"}")
                == .init(name: "my\"name", labels: [.init(name: "b", value: "c"), .init(name: "l.e", value: "é")])
        )
        #expect(throws: ExpositionError(.duplicateLabelName, line: 1, column: 14)) { try decode("a{b=\"c\",b=\"d\"") }
        let many = (0..<10_000).map { "l\($0)=\"\"" }.joined(separator: ",")
        #expect(try decode("a{\(many)}").labels.count == 10_000)
        #expect(throws: ExpositionError.self) { try decode("a{\(many),l77=\"\"}") }
        for broken in ["", "{", "{}", "a{b", "a{b=", "a{b=\"", "a{b=\"c", "a{b=\"c\\", "{\"", "{\"a\"", "a{b=c}", "a}"]
        {
            _ = try? decode(broken)
        }
    }
}

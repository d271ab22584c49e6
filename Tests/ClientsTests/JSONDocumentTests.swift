// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import Testing

@Suite struct JSONDocumentTests {
    @Test(arguments: [
        ("null", JSONValue.null), (" true ", .bool(true)), ("-0.5e1", .number(-5)),
        (#""a\u00e9\ud83d\ude00\n""#, .string("aé😀\n")),
        ("[1,[],{}]", .array([.number(1), .array([]), .object([])])),
        (#"{"a":1,"a":2}"#, .object([.init(name: "a", value: .number(1)), .init(name: "a", value: .number(2))])),
    ])
    func `valid texts are read`(text: String, expected: JSONValue) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)) == expected)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\"}", "01", "1.", "+1", "nul", "\"\\x\"", "\"\\ud800\"", "\"a", "1 2", "\u{1}", "\"\t\"",
        "{a:1}",
        String(repeating: "[", count: 200_000),
    ])
    func `anything else is refused with a place`(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test func `every byte string is written so that it reads back`() throws {
        for scalar in (0..<0x3000).compactMap(Unicode.Scalar.init) {
            var writer = JSONWriter()
            writer.object { $0.member("x\"\(scalar)", "<\(scalar)>") }
            let value = try JSONValue(parsing: writer.bytes)
            #expect(value["x\"\(scalar)"] == .string("<\(scalar)>"))
        }
    }

    @Test func `commas stand between values and nowhere else`() {
        var writer = JSONWriter()
        writer.object {
            $0.member("a", 1)
            $0.member("b", array: [1.5, .nan]) { $0.number($1) }
            $0.member("c", object: { _ in })
            $0.member("d", true)
        }
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"a":1,"b":[1.5,null],"c":{},"d":true}"#)
    }
}

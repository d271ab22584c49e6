// SPDX-License-Identifier: Apache-2.0

import GoTemplates
import Testing

/// Like a Go struct with a few fields and a method.
private struct Sample: TemplateObject {
    var typeName: String { "main.S" }
    var plain: TemplateValue { .object(self) }

    func member(_ name: String, _ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "Join": return .string(arguments.map { GoFormat.text($0) }.joined(separator: "+"))
        case "A", "L", "M":
            guard arguments.isEmpty else {
                throw TemplateError("\(name) has arguments but cannot be invoked as function")
            }
            switch name {
            case "A": return .integer(1)
            case "L": return .texts([(name: "x", value: "<v>")])
            default: return .map(TemplateMap(["a": .null]))
            }
        default: return nil
        }
    }
}

private let functions = TemplateFunctions([
    TemplateFunction("first", arity: 1) { arguments throws(TemplateError) in
        guard let first = try arguments.list(0).first else { throw TemplateError("nothing there") }
        return first
    },
    TemplateFunction("fail", arity: 0...Int.max) { _ throws(TemplateError) in throw TemplateError("bad thing") },
    TemplateFunction("names", arity: 0) { _ in .texts(["a", "b"]) },
    TemplateFunction("none", arity: 0) { _ in .list([]) },
    TemplateFunction("str", arity: 1) { arguments throws(TemplateError) in .string(try arguments.string(0)) },
    TemplateFunction("flt", arity: 1) { arguments throws(TemplateError) in .float(try arguments.float(0)) },
    TemplateFunction("half", arity: 0) { _ in .float(0.5) },
    TemplateFunction("adder", arity: 0) { _ in
        .function(
            TemplateFunction("add", arity: 2) { arguments throws(TemplateError) in
                .integer(try arguments.integer(0) &+ arguments.integer(1))
            }
        )
    },
])

private func run(_ text: String, limits: Template.Limits = .init()) -> String {
    do {
        return try Template(text, name: "t", functions: functions)
            .execute(.object(Sample()), functions: functions, limits: limits)
    } catch {
        return "\(error)"
    }
}

/// The expectations were printed by Go's own text/template (`missingkey=zero`).
@Suite struct TemplateTests {
    @Test(arguments: [
        ("plain", "plain"), ("", ""), ("{{.A}}", "1"), ("{{ .L.x }}", "<v>"), ("{{.L.zzz}}|{{.M.zzz}}", "|<no value>"),
        ("a {{- 1 -}} b", "a1b"), ("a {{/* no */}} b", "a  b"), ("a {{- /* no */ -}} b", "ab"), ("{{1 -}}\n\n x", "1x"),
        ("x{{\"}}\"}}y", "x}}y"), ("{{`raw \\n`}}", "raw \\n"), ("{{\"\\u00e9\\t\\x41\"}}", "é\tA"), ("{{'a'}}", "97"),
        ("{{ 0x1F }} {{ 1e3 }} {{ 1_000 }} {{ 017 }} {{-5}}", "31 1000 1000 15 -5"),
        (
            "{{1000000.0}} {{123456789.0}} {{100000.0}} {{0.0001}} {{0.00001}}",
            "1e+06 1.23456789e+08 100000 0.0001 1e-05"
        ),
        ("{{if .A}}y{{else}}n{{end}}{{if .L.q}}y{{else}}n{{end}}", "yn"),
        ("{{if .L.q}}1{{else if eq .A 1}}2{{else}}3{{end}}", "2"),
        ("{{if and .M (eq 1 1)}}y{{end}}{{and 1 0 2}}{{or 0 \"\" 5}}{{not 0}}", "y05true"),
        ("{{or 1 (fail)}}{{and 0 (fail)}}", "10"),
        ("{{with .L.x}}{{.}}{{end}}{{with .L.q}}a{{else}}b{{end}}", "<v>b"),
        ("{{with .L.q}}a{{else with 5}}{{.}}{{end}}", "5"), ("{{with $x := 5}}{{$x}}{{end}}", "5"),
        ("{{range names}}[{{.}}]{{end}}{{range none}}x{{else}}empty{{end}}", "[a][b]empty"),
        ("{{range $k, $v := .L}}{{$k}}={{$v}}{{end}}", "x=<v>"), ("{{range $i, $_ := names}}{{$i}}{{end}}", "01"),
        ("{{range 3}}{{.}},{{end}}", "0,1,2,"), ("{{range names}}{{.}}{{break}}{{end}}", "a"),
        ("{{range names}}{{if eq . \"a\"}}{{continue}}{{end}}{{.}}{{end}}", "b"),
        ("{{$x := 1}}{{range $i, $e := names}}{{$x = $i}}{{end}}{{$x}}", "1"),
        ("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"), ("{{range names}}{{$.A}}{{end}}", "11"),
        ("{{define \"d\"}}<{{.}}>{{end}}{{template \"d\" 5}}{{template \"d\"}}", "<5><<no value>>"),
        ("{{block \"b\" .A}}b{{.}}{{end}}", "b1"),
        (
            "{{define \"r\"}}{{if .}}{{len .}}{{template \"r\" (slice . 1)}}{{end}}{{end}}{{template \"r\" \"abc\"}}",
            "321"
        ),
        ("{{print 1 2 \"a\" \"b\" 3 4}}|{{println 1 \"a\"}}", "1 2ab3 4|1 a\n"),
        ("{{len \"abc\"}}{{len .L}}{{len names}}", "312"),
        ("{{index .L \"x\"}}{{index names 1}}{{index .L}}", "<v>bmap[x:<v>]"),
        ("{{slice \"abcdef\" 1 3}}{{slice names 1}}", "bc[b]"),
        ("{{html \"<a href='x'>&\\\"\"}}", "&lt;a href=&#39;x&#39;&gt;&amp;&#34;"),
        ("{{js \"it's <b>\\n\\\"\"}}", "it\\'s \\u003Cb\\u003E\\u000A\\\""),
        ("{{urlquery \"a b&c/é\"}}", "a+b%26c%2F%C3%A9"),
        ("{{eq 1 2 3 1}}{{ne \"a\" \"b\"}}{{lt 1 2}}{{le 2 2}}{{gt 1.5 0.5}}{{ge 1 2}}", "truetruetruetruetruefalse"),
        ("{{eq nil nil}}{{eq .M.q nil}}", "truetrue"), ("{{\"a\" | printf \"%s-%s\" \"b\"}}", "b-a"),
        ("{{.L.x | len | printf \"%03d\"}}", "003"), ("{{(names)}}{{(first names)}}", "[a b]a"),
        ("{{.Join 1 \"x\"}}{{5 | .Join}}", "1+x5"), ("{{call adder 2 3}}", "5"), ("{{flt 5}}{{half}}", "50.5"),
        ("{{printf \"%v %v %T\" .L .M .A}}", "map[x:<v>] map[a:<nil>] int"), ("{{1 }}}", "1}"), ("}} {", "}} {"),
    ])
    func executes(text: String, expected: String) { #expect(run(text) == expected) }

    @Test(arguments: [
        ("{{.x", "unclosed action"), ("{{if}}x{{end}}", "missing value for if"),
        ("{{foo 1}}", "function \"foo\" not defined"),
        ("{{$y}}", "undefined variable \"$y\""), ("{{end}}", "unexpected {{end}}"), ("{{if .a}}", "unexpected EOF"),
        ("{{ \"abc }}", "unterminated quoted string"), ("{{(1}}", "unclosed left paren"),
        ("{{/* a }}", "unclosed comment"),
        ("{{/* a */ b}}", "comment ends before closing delimiter"), ("{{else}}", "unexpected {{else}}"),
        ("{{break}}", "{{break}} outside {{range}}"), ("{{template}}", "unexpected \"}}\" in template clause"),
        ("{{define \"a\"}}", "unexpected EOF"), ("{{ a&b }}", "bad character U+0026 '&'"),
        ("{{ $x = 1 }}", "undefined variable \"$x\""),
        ("{{ := }}", "unexpected \":=\" in command"),
        ("{{range $a,$b,$c := .}}{{end}}", "too many declarations in range"),
        ("{{ .a }b }}", "unexpected \"}\" in operand"),
        ("{{ \"a\" | 5 }}", "non executable command in pipeline stage 2"),
        ("{{if .x}}{{else}}{{else}}{{end}}", "expected end; found {{else}}"),
        ("{{ \u{1} }}", "unrecognized character in action: U+0001"),
        ("{{ é }}", "function \"é\" not defined"), ("{{true.x}}", "unexpected . after term \"true\""),
        ("{{ \"a\".b }}", "unexpected . after term \"\\\"a\\\"\""), ("{{ ! }}", "unexpected \"!\" in command"),
        ("{{ .a.}}", "unexpected <.> in operand"), ("{{if .x}}{{else with 5}}{{end}}", "unexpected <with> in else"),
        ("{{ $value | printf }", "undefined variable \"$value\""), ("{{.A | }}{{", "unclosed action"),
        ("{{99x}}", "bad number syntax: \"99x\""),
        ("{{define \"a\"}}1{{end}}{{define \"a\"}}2{{end}}", "template: multiple definition of template \"a\""),
    ])
    func refuses(text: String, expected: String) { #expect(run(text) == "template: t:1: " + expected) }

    @Test func errorsNameTheLine() {
        #expect(run("a\n{{/* x\ny */}}\n{{\n .x y }}") == "template: t:5: function \"y\" not defined")
    }

    @Test(arguments: [
        ("{{.B}}", "2: executing \"t\" at <.B>: can't evaluate field B in type main.S"),
        ("{{.A.b}}", "4: executing \"t\" at <.A.b>: can't evaluate field b in type int"),
        ("{{.L.x.y}}", "4: executing \"t\" at <.L.x.y>: can't evaluate field y in type string"),
        ("{{.M.zzz.yyy}}", "4: executing \"t\" at <.M.zzz.yyy>: nil pointer evaluating interface {}.yyy"),
        (
            "{{index .L \"q\" 1}}",
            "2: executing \"t\" at <index .L \"q\" 1>: error calling index: index out of range: 1"
        ),
        ("{{len 3}}", "2: executing \"t\" at <len 3>: error calling len: len of type int"),
        ("{{eq 1 1.5}}", "2: executing \"t\" at <eq 1 1.5>: error calling eq: incompatible types for comparison"),
        ("{{lt 1 \"a\"}}", "2: executing \"t\" at <lt 1 \"a\">: error calling lt: incompatible types for comparison"),
        ("{{fail}}", "2: executing \"t\" at <fail>: error calling fail: bad thing"),
        ("{{fail 2 | print}}", "2: executing \"t\" at <fail 2>: error calling fail: bad thing"),
        ("{{range \"abc\"}}{{.}}{{end}}", "8: executing \"t\" at <\"abc\">: range can't iterate over abc"),
        ("{{slice \"abc\" 5}}", "2: executing \"t\" at <slice \"abc\" 5>: error calling slice: index out of range: 5"),
        ("{{call .A}}", "2: executing \"t\" at <call .A>: error calling call: non-function of type int"),
        ("{{str}}", "2: executing \"t\" at <str>: wrong number of args for str: want 1 got 0"),
        (
            "{{eq .L .L}}",
            "2: executing \"t\" at <eq .L .L>: error calling eq: non-comparable type map[x:<v>]: map[string]string"
        ),
        ("{{ 5 | .A }}", "7: executing \"t\" at <.A>: A has arguments but cannot be invoked as function"),
        ("{{.L.x 1}}", "4: executing \"t\" at <.L.x>: x is not a method but has arguments"),
        ("{{ .M.a.b }}", "5: executing \"t\" at <.M.a.b>: nil pointer evaluating interface {}.b"),
        ("{{ 9223372036854775808 }}", "3: executing \"t\" at <9223372036854775808>: 9223372036854775808 overflows int"),
        ("{{ not }}", "3: executing \"t\" at <not>: wrong number of args for not: want 1 got 0"),
        ("{{eq 1}}", "2: executing \"t\" at <eq 1>: error calling eq: missing argument for comparison"),
        ("{{ index 5 1 }}", "3: executing \"t\" at <index 5 1>: error calling index: can't index item of type int"),
        ("{{nil}}", "2: executing \"t\" at <nil>: nil is not a command"),
        ("{{1 2}}", "2: executing \"t\" at <1>: can't give argument to non-function 1"),
        ("{{template \"zz\" .}}", "11: executing \"t\" at <{{template \"zz\" .}}>: template \"zz\" not defined"),
        ("{{printf \"long text that is cut\" (fail)}}", "34: executing \"t\" at <fail>: error calling fail: bad thing"),
    ])
    func failsInGoWords(text: String, expected: String) { #expect(run(text) == "template: t:1:" + expected) }

    @Test(
        arguments: [
            (
                "%g %G %e %.3g %6.2f|%-8d|%08.3f|%+d|%x|%X|%#x|%q|%t|%c|%U|%%|%d",
                [
                    .float(1e6), .float(1e-7), .float(1.5), .float(12345.678), .float(3.14159), .integer(42),
                    .float(3.14159),
                    .integer(5), .string("hi"), .integer(255), .integer(255), .string("a\"b\n"), .bool(true),
                    .integer(121),
                    .integer(0x1F600), .float(2.5),
                ],
                "1e+06 1E-07 1.500000e+00 1.23e+04   3.14|42      |0003.142|+5|6869|FF|0xff|\"a\\\"b\\n\"|true|y|U+1F600|%|%!d(float64=2.5)"
            ),
            ("%d %s", [.integer(1)], "1 %!s(MISSING)"),
            ("%d", [.integer(1), .string("x"), .null], "1%!(EXTRA string=x, <nil>)"),
            (
                "%s|%v|%10s|%-10s|%.2s|%s|%d|%v|%z",
                [
                    .integer(5), .null, .string("abc"), .string("abc"), .string("abcdef"), .texts(["a", "b"]),
                    .list([.integer(1)]), .texts([(name: "b", value: "1"), (name: "a", value: "2")]), .integer(3),
                ],
                "%!s(int=5)|<nil>|       abc|abc       |ab|[a b]|[1]|map[a:2 b:1]|%!z(int=3)"
            ),
            (
                "%.4g %.4g %v %f", [.float(.infinity), .float(.nan), .float(-.infinity), .float(-0.5)],
                "+Inf NaN -Inf -0.500000"
            ),
            ("%*d|%-*d|", [.integer(5), .integer(42), .integer(4), .integer(7)], "   42|7   |"),
            ("%", [], "%!(NOVERB)"),
            ("%99999999d", [.integer(1)], String(repeating: " ", count: 999) + "1"),
        ] as [(String, [TemplateValue], String)]
    )
    func formats(pattern: String, values: [TemplateValue], expected: String) {
        #expect(GoFormat.format(pattern, values) == expected)
    }

    @Test func escapesForHTMLWhenAsked() {
        var limits = Template.Limits()
        limits.escapesHTML = true
        #expect(run("<b>{{.L.x}}</b>", limits: limits) == "<b>&lt;v&gt;</b>")
    }

    @Test func limitsEndRunawayTemplates() {
        #expect(
            run("{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}").contains(
                "exceeded maximum template depth (100)"
            )
        )
        #expect(run("{{range 1000000}}{{range 1000000}}{{end}}{{end}}").contains("more than 1000000 steps"))
        #expect(run("{{range 900000}}0123456789{{end}}").contains("output longer than 1048576 bytes"))
        #expect(run("{{range 99999999999}}{{end}}").contains("is too long"))
        #expect(
            run("{{" + String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000) + "}}").contains(
                "nested deeper"
            )
        )
        #expect(run(String(repeating: "{{if 1}}", count: 5000)).contains("nested deeper"))
        #expect(
            run("{{if 1}}a" + String(repeating: "{{else if 1}}", count: 5000) + "{{end}}").contains("nested deeper")
        )
        #expect(run(String(repeating: "x", count: 2 << 20)).contains("longer than 1048576 bytes"))
    }

    @Test func laterFilesReplaceDefinitions() throws {
        var template = try Template("{{define \"a\"}}old{{end}}{{template \"a\"}}", name: "t")
        try template.add("{{define \"a\"}}new{{end}}", name: "u")
        try template.add("{{define \"a\"}} {{end}}", name: "v")
        #expect(try template.execute(.null) == "new")
        #expect(try template.execute(.null, definition: "a") == "new")
        #expect(throws: TemplateError.self) { try template.execute(.null, definition: "b") }
    }

    /// Random edits of a template that uses everything: a text or an error, never a crash.
    @Test func mutationsNeverCrash() {
        let base = Array(
            "a {{- $x := 1 -}} {{range $i, $e := names}}{{if eq $i 0}}{{printf \"%5.2f|%q\" 1.5 $e}}{{else}}{{.}}{{break}}{{end}}{{end}}{{with .L.x}}{{. | len}}{{end}}{{define \"d\"}}{{.}}{{end}}{{template \"d\" (index names 1)}}"
                .utf8
        )
        var seed: UInt64 = 77
        func random(_ bound: Int) -> Int {
            seed ^= seed << 13
            seed ^= seed >> 7
            seed ^= seed << 17
            return Int(seed % UInt64(bound))
        }
        let alphabet = Array("{}()|.$\"`'-+%:=, \n0x9eaé".utf8)
        var successes = 0
        for _ in 0..<4000 {
            var bytes = base
            for _ in 0...random(4) {
                let place = random(bytes.count)
                switch random(3) {
                case 0: bytes[place] = alphabet[random(alphabet.count)]
                case 1: bytes.insert(alphabet[random(alphabet.count)], at: place)
                default: bytes.remove(at: place)
                }
            }
            if !run(String(decoding: bytes, as: UTF8.self)).hasPrefix("template: ") { successes += 1 }
        }
        #expect(successes > 100 && successes < 3500)
    }
}

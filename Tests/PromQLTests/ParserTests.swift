// SPDX-License-Identifier: Apache-2.0

import PromQL
import Testing

struct ParserTests {
    @Test(arguments: [
        ("", "unknown position: parse error: no expression found in input"),
        ("1 +", "1:4: parse error: unexpected end of input"),
        ("foo bar", "1:5: parse error: unexpected identifier \"bar\""),
        ("(1", "1:3: parse error: unclosed left parenthesis"),
        ("1)", "1:3: parse error: unexpected right parenthesis ')'"),
        ("sum(1 2)", "1:7: parse error: unexpected number \"2\" in aggregation"),
        ("sum(abs(a b))", "1:11: parse error: unexpected identifier \"b\" in aggregation"),
        ("sum(a) b", "1:8: parse error: unexpected identifier \"b\""),
        ("\"\\x\"", "1:1: parse error: illegal character U+0022 '\"' in escape sequence"),
        ("!", "1:1: parse error: unexpected character after '!': '\u{FFFD}'"),
        ("a{b=~\"*\"}", "1:3: parse error: error parsing regexp: missing argument to repetition operator: `*`"),
        ("nope(1)", "1:1: parse error: unknown function with name \"nope\""),
        ("rate(foo)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
        ("rate(foo[5m], 1)", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 2"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("{a=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("foo{__name__=\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
        ("foo and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"),
        ("sum(foo[5m])", "1:5: parse error: expected type instant vector in aggregation expression, got range vector"),
        (
            "topk(foo)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"
        ),
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        ("foo offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"),
        (
            "1 offset 1d",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery"
        ),
        ("foo[5m][1m]", "1:8: parse error: ranges only allowed for vector selectors"),
        (
            "1e400",
            "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e400\": value out of range"
        ),
        ("foo[0s]", "1:5: parse error: duration must be greater than 0"),
        ("foo{a=1}", "1:7: parse error: unexpected character inside braces: '1'"),
        ("foo{a}", "1:6: parse error: unexpected \"}\" in label matching, expected label matching operator"),
        ("foo{", "1:5: parse error: unexpected end of input inside braces"),
        ("\"abc", "1:1: parse error: unterminated quoted string"),
        ("mad_over_time(foo[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"),
        ("foo[5m+1m]", "1:5: parse error: experimental duration expression is not enabled"),
        ("a\n  + *", "2:5: parse error: unexpected <op:*>"),
        ("foo @ bar", "1:7: parse error: unexpected identifier \"bar\" in @, expected timestamp"),
        ("sum by (1) (foo)", "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"),
        (
            "foo * on (a) group_left (a) bar",
            "1:5: parse error: label \"a\" must not occur in ON and GROUP clause at once"
        ),
    ])
    func complains(_ input: String, _ message: String) {
        #expect {
            try parse(input)
        } throws: { error in
            #expect("\(error)" == message)
            return true
        }
    }

    @Test(arguments: [
        ("-1^2", "-1 ^ 2"), ("2^3^2", "2 ^ 3 ^ 2"), ("a*b+c", "a * b + c"), ("1+2*3", "1 + 2 * 3"),
        ("sum(foo)by(a,b)", "sum by (a, b) (foo)"), ("SUM WITHOUT (a) (foo)", "sum without (a) (foo)"),
        ("foo[5m]offset 1h", "foo[5m] offset 1h"), ("foo offset -90s", "foo offset -1m30s"),
        ("foo@start()", "foo @ start()"), ("foo @ 1.5", "foo @ 1.500"), ("rate(foo[90s])", "rate(foo[1m30s])"),
        ("max_over_time(rate(foo[5m])[1h:1m])", "max_over_time(rate(foo[5m])[1h:1m])"),
        ("{\"a.b\",\"c.d\"='x'}", "{\"c.d\"=\"x\",__name__=\"a.b\"}"), ("0x10", "16"), ("1e3", "1000"), ("1h", "1h"),
        ("foo==bool on(a)group_left(b)bar", "foo == bool on (a) group_left (b) bar"), ("nan", "NaN"), ("Inf", "+Inf"),
        ("sum{a=\"b\"} or by", "sum{a=\"b\"} or by"), ("foo # comment", "foo"),
    ])
    func prints(_ input: String, _ printed: String) throws {
        #expect(try parse(input).description == printed)
    }

    @Test func `operators group by strength, power to the right`() throws {
        guard case .unary = try parse("-a^2") else {
            Issue.record("-a^2 negates the power")
            return
        }
        guard case .binary(let product) = try parse("-a * b"), case .unary = product.left else {
            Issue.record("-a * b multiplies the negated")
            return
        }
        guard case .binary(let power) = try parse("2 ^ 3 ^ 2"), case .binary = power.right else {
            Issue.record("2 ^ 3 ^ 2 is 2 ^ (3 ^ 2)")
            return
        }
        guard case .binary(let difference) = try parse("3 - 2 - 1"), case .binary = difference.left else {
            Issue.record("3 - 2 - 1 is (3 - 2) - 1")
            return
        }
    }

    @Test func `nesting and length have limits`() {
        let deep = String(repeating: "(", count: 100_000) + "1" + String(repeating: ")", count: 100_000)
        #expect(throws: ParseError.self) { try parse(deep) }
        #expect(throws: ParseError.self) { try parse(String(repeating: "-", count: 100_000) + "1") }
        #expect(throws: ParseError.self) { try parse("1" + String(repeating: "+1", count: 100_000)) }
        #expect(throws: ParseError.self) { try parse("foo[1m" + String(repeating: "+1m", count: 100_000) + "]") }
        #expect(throws: ParseError.self) { try parse(String(repeating: " ", count: 2 << 20)) }
    }

    @Test func `long expressions are laid out over lines`() throws {
        let text =
            "sum by (job) (rate(http_requests_total{job=\"api\",status=~\"5..\"}[5m])) / "
            + "sum by (job) (rate(http_requests_total{job=\"api\"}[5m]))"
        let pretty = """
              sum by (job) (rate(http_requests_total{job="api",status=~"5.."}[5m]))
            /
              sum by (job) (rate(http_requests_total{job="api"}[5m]))
            """
        let expression = try parse(text)
        #expect(expression.prettified == pretty)
        #expect(try parse(pretty).description == expression.description)
    }

    @Test func `every node knows its bytes`() throws {
        let text = "  sum by (job) (rate(foo{a=\"b\"}[5m] offset 1m)) + 2"
        let bytes = Array(text.utf8)
        func slice(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        guard case .binary(let sum) = try parse(text), case .aggregation(let aggregation) = sum.left,
            case .call(let call) = aggregation.expression, case .matrix(let matrix) = call.arguments[0]
        else {
            Issue.record("another tree than expected")
            return
        }
        #expect(slice(sum.range) == String(text.dropFirst(2)))
        #expect(slice(aggregation.range) == "sum by (job) (rate(foo{a=\"b\"}[5m] offset 1m))")
        #expect(slice(call.range) == "rate(foo{a=\"b\"}[5m] offset 1m)")
        #expect(slice(matrix.range) == "foo{a=\"b\"}[5m] offset 1m")
        #expect(slice(matrix.selector.range) == "foo{a=\"b\"}")
    }
}

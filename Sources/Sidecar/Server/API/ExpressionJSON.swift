// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import JSONDocument
import PromQL
import TimeSeries

/// The tree of an expression as `/api/v1/parse_query` answers it.
enum ExpressionJSON {
    static func write(_ expression: Expression, to json: inout JSONWriter) {
        json.beginObject()
        switch expression {
        case .number(let node):
            json.member("type", "numberLiteral")
            json.member("val", GoFloat.plain(node.value))
        case .string(let node):
            json.member("type", "stringLiteral")
            json.member("val", node.value)
        case .vector(let node):
            json.member("type", "vectorSelector")
            selector(node, to: &json)
        case .matrix(let node):
            json.member("type", "matrixSelector")
            json.key("range")
            duration(node.length, to: &json)
            selector(node.selector, to: &json)
        case .subquery(let node):
            json.member("type", "subquery")
            child("expr", node.expression, to: &json)
            json.key("range")
            duration(node.length, to: &json)
            json.key("step")
            duration(node.step ?? .zero, to: &json)
            modifiers(offset: node.offset, at: node.at, to: &json)
        case .call(let node):
            json.member("type", "call")
            json.member("func") {
                $0.member("name", node.function.name)
                $0.member("returnType", node.function.returnType.rawValue)
            }
            json.member("args", array: node.arguments) { write($1, to: &$0) }
        case .aggregation(let node):
            json.member("type", "aggregation")
            json.member("op", node.operation.rawValue)
            child("expr", node.expression, to: &json)
            if let parameter = node.parameter { child("param", parameter, to: &json) }
            json.member("grouping", array: node.grouping) { $0.string($1) }
            json.member("without", node.isWithout)
        case .binary(let node):
            json.member("type", "binaryExpr")
            json.member("op", node.operation.rawValue)
            child("lhs", node.left, to: &json)
            child("rhs", node.right, to: &json)
            json.key("matching")
            if let matching = node.matching { self.matching(matching, to: &json) } else { json.null() }
            json.member("bool", node.returnsBool)
        case .unary(let node):
            json.member("type", "unaryExpr")
            json.member("op", node.isNegation ? "-" : "+")
            child("expr", node.operand, to: &json)
        case .parenthesised(let node):
            json.member("type", "parenExpr")
            child("expr", node.expression, to: &json)
        }
        json.endObject()
    }

    private static func child(_ name: String, _ expression: Expression, to json: inout JSONWriter) {
        json.key(name)
        write(expression, to: &json)
    }

    private static func selector(_ node: VectorSelector, to json: inout JSONWriter) {
        json.member("name", node.name ?? "")
        modifiers(offset: node.offset, at: node.at, to: &json)
        json.member("matchers", array: node.matchers) { json, matcher in
            json.object {
                $0.member("type", matcher.operation.rawValue)
                $0.member("name", matcher.name)
                $0.member("value", matcher.value)
            }
        }
    }

    private static func modifiers(offset: DurationValue, at: FixedTime?, to json: inout JSONWriter) {
        json.key("offset")
        duration(offset, to: &json)
        json.key("timestamp")
        if case .timestamp(let time) = at { json.integer(time.milliseconds) } else { json.null() }
        json.key("startOrEnd")
        switch at {
        case .start: json.string("start")
        case .end: json.string("end")
        case .timestamp, nil: json.null()
        }
    }

    /// Milliseconds; null where the length is computed when the query runs.
    private static func duration(_ value: DurationValue, to json: inout JSONWriter) {
        if case .milliseconds(let milliseconds) = value { json.integer(milliseconds) } else { json.null() }
    }

    private static func matching(_ matching: VectorMatching, to json: inout JSONWriter) {
        json.object {
            $0.member("card", matching.cardinality.rawValue)
            $0.member("labels", array: matching.labels) { $0.string($1) }
            $0.member("on", matching.isOn)
            $0.member("include", array: matching.included) { $0.string($1) }
        }
    }
}

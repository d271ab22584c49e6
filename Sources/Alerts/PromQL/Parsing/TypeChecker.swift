// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import TimeSeries

/// Checks the types of a whole expression, so that the evaluator cannot meet an ill-typed one, and settles the
/// cardinality of matching.
struct TypeChecker {
    let input: [UInt8]

    private func fail(_ message: String, _ range: Range<Int>) -> ParseError {
        ParseError(range: range, message: message, input: input)
    }

    func check(_ expression: inout Expression) throws(ParseError) {
        switch expression {
        case .number, .string: break
        case .vector(let node): try check(node)
        case .matrix(let node): try check(node.selector)
        case .parenthesised(var node):
            try check(&node.expression)
            expression = .parenthesised(node)
        case .unary(var node):
            try check(&node.operand)
            let type = node.operand.type
            expression = .unary(node)
            guard type == .scalar || type == .instantVector else {
                throw fail(
                    "unary expression only allowed on expressions of type scalar or instant vector, got \""
                        + type.documentedName + "\"",
                    expression.range
                )
            }
        case .subquery(var node):
            try check(&node.expression)
            let type = node.expression.type
            expression = .subquery(node)
            guard type == .instantVector else {
                throw fail("subquery is only allowed on instant vector, got \(type.rawValue) instead", expression.range)
            }
        case .aggregation(var node):
            try check(&node)
            expression = .aggregation(node)
        case .call(var node):
            try check(&node)
            expression = .call(node)
        case .binary(var node):
            try check(&node)
            expression = .binary(node)
        }
    }

    private func expect(
        _ expression: inout Expression,
        _ wanted: ValueType,
        in context: String
    ) throws(ParseError) {
        try check(&expression)
        guard expression.type == wanted else {
            throw fail(
                "expected type \(wanted.documentedName) in \(context), got \(expression.type.documentedName)",
                expression.range
            )
        }
    }

    private func check(_ node: inout Aggregation) throws(ParseError) {
        try expect(&node.expression, .instantVector, in: "aggregation expression")
        guard var parameter = node.parameter else { return }
        try expect(&parameter, node.operation == .countValues ? .string : .scalar, in: "aggregation parameter")
        node.parameter = parameter
    }

    private func check(_ selector: VectorSelector) throws(ParseError) {
        if let name = selector.name {
            for matcher in selector.matchers.dropLast() where matcher.name == "__name__" {
                throw fail(
                    "metric name must not be set twice: \(GoText.quote(name)) or \(GoText.quote(matcher.value))",
                    selector.range
                )
            }
            return
        }
        guard !selector.mayBeEmpty, selector.matchers.allSatisfy(\.matchesAbsence) else { return }
        throw fail("vector selector must contain at least one non-empty matcher", selector.range)
    }

    private func check(_ node: inout FunctionCall) throws(ParseError) {
        let function = node.function
        let types = function.argumentTypes
        let name = GoText.quote(function.name)
        let count = node.arguments.count
        if function.variadic == 0, count != types.count {
            throw fail("expected \(types.count) argument(s) in call to \(name), got \(count)", node.range)
        }
        if function.variadic != 0 {
            let least = types.count - 1
            if count < least {
                throw fail("expected at least \(least) argument(s) in call to \(name), got \(count)", node.range)
            }
            let most = least + function.variadic
            if function.variadic > 0, count > most {
                throw fail("expected at most \(most) argument(s) in call to \(name), got \(count)", node.range)
            }
        }
        if case .special(.info) = function.implementation, count > 1 { try checkInfo(&node) }
        for index in node.arguments.indices {
            guard let wanted = index < types.count ? types[index] : types.last else { break }
            try check(&node.arguments[index])
            let type = node.arguments[index].type
            guard type == wanted else {
                throw fail(
                    "expected type \(wanted.documentedName) in call to function \(name), got \(type.documentedName)",
                    node.arguments[index].range
                )
            }
        }
    }

    /// The second argument of `info` is matchers in braces, which may match everything.
    private func checkInfo(_ node: inout FunctionCall) throws(ParseError) {
        let argument = node.arguments[1]
        guard argument.type == .instantVector else {
            throw fail(
                "expected type instant vector in call to function \"info\", got \(argument.type.documentedName)",
                node.range
            )
        }
        guard case .vector(var selector) = argument else {
            throw fail("expected label selectors only", argument.range)
        }
        guard selector.name == nil else {
            throw fail("expected label selectors only, got vector selector instead", argument.range)
        }
        selector.mayBeEmpty = true
        node.arguments[1] = .vector(selector)
    }

    private func check(_ node: inout BinaryOperation) throws(ParseError) {
        try check(&node.left)
        try check(&node.right)
        let operation = node.operation
        let (left, right) = (node.left.type, node.right.type)
        if node.returnsBool, !operation.isComparison {
            throw fail("bool modifier can only be used on comparison operators", operatorRange(of: node))
        }
        if operation.isComparison, !node.returnsBool, left == .scalar, right == .scalar {
            throw fail("comparisons between scalars must use BOOL modifier", operatorRange(of: node))
        }
        var matching = node.matching ?? VectorMatching()
        if operation.isSet, matching.cardinality == .oneToOne { matching.cardinality = .manyToMany }
        if matching.isOn, let label = matching.labels.first(where: { matching.included.contains($0) }) {
            throw fail(
                "label \(GoText.quote(label)) must not occur in ON and GROUP clause at once",
                operatorRange(of: node)
            )
        }
        for side in [node.left, node.right] where side.type != .scalar && side.type != .instantVector {
            throw fail("binary expression must contain only scalar and instant vector types", side.range)
        }
        let hasFill = matching.fillLeft != nil || matching.fillRight != nil
        if left != .instantVector || right != .instantVector {
            if !matching.labels.isEmpty {
                throw fail("vector matching only allowed between instant vectors", node.range)
            }
            if hasFill { throw fail("filling in missing series only allowed between instant vectors", node.range) }
            if operation.isSet {
                throw fail(
                    "set operator \(GoText.quote(operation.rawValue)) not allowed in binary scalar expression",
                    node.range
                )
            }
            if left == .scalar, right == .scalar, operation == .trimLower || operation == .trimUpper {
                throw fail(
                    "operator \(GoText.quote(operation.rawValue)) not allowed for Scalar operations",
                    operatorRange(of: node)
                )
            }
            node.matching = nil
            return
        }
        if operation.isSet {
            if matching.cardinality != .manyToMany {
                throw fail("no grouping allowed for \(GoText.quote(operation.rawValue)) operation", node.range)
            }
            if hasFill { throw fail("filling in missing series not allowed for set operators", node.range) }
        }
        node.matching = matching
    }

    /// The bytes between the operands, without the blanks around.
    private func operatorRange(of node: BinaryOperation) -> Range<Int> {
        var start = node.left.range.upperBound
        var end = node.right.range.lowerBound
        while start < end, start < input.count, input[start].isBlank { start += 1 }
        while end > start, end <= input.count, input[end - 1].isBlank { end -= 1 }
        return start..<Swift.max(start, end)
    }
}

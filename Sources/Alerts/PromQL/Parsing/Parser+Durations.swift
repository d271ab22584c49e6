// SPDX-License-Identifier: Apache-2.0

extension Parser {
    /// The length or step in brackets, which is more than nothing.
    mutating func parsePositiveDuration(context: String, expected: String) throws(ParseError) -> DurationValue {
        let expression = try parseDurationExpression(above: 0, context: context, expected: expected)
        if case .number(let literal) = expression {
            guard literal.value > 0 else { throw error("duration must be greater than 0", literal.range) }
            return .milliseconds(try milliseconds(literal))
        }
        return .expression(expression)
    }

    /// What stands after `offset`: one operand, so that `x offset -2 ^ 2` is `(x offset -2) ^ 2`.
    mutating func parseOffsetDuration() throws(ParseError) -> (DurationValue, Int) {
        let expected = "number, duration, step(), or range()"
        let expression = try parseDurationOperand(context: "offset", expected: expected, bindsTightly: true)
        let end = previousEnd
        if case .number(let literal) = expression { return (.milliseconds(try milliseconds(literal)), end) }
        return (.expression(expression), end)
    }

    private func milliseconds(_ literal: NumberLiteral) throws(ParseError) -> Int64 {
        let milliseconds = (literal.value * 1000).rounded()
        guard literal.value.magnitude <= 9_223_372_036.854775807, let exact = Int64(exactly: milliseconds) else {
            throw error("duration out of range", literal.range)
        }
        return exact
    }

    private func requireDurationExpressions(_ range: Range<Int>) throws(ParseError) {
        guard options.features.contains(.durationExpressions) else {
            throw error("experimental duration expression is not enabled", range)
        }
    }

    private mutating func parseDurationExpression(
        above precedence: Int,
        context: String,
        expected: String
    ) throws(ParseError) -> DurationExpression {
        try nested { parser throws(ParseError) in
            var left = try parser.parseDurationOperand(context: context, expected: expected)
            var length = 0
            while case .binaryOperator(let operation) = parser.token.kind, operation.precedence > precedence {
                guard operation.precedence >= BinaryOperator.add.precedence, operation != .arcTangent else { break }
                length += 1
                guard length <= parser.options.nestingLimit else {
                    throw parser.error("duration expression is too long", parser.token.range)
                }
                let symbol = parser.advance()
                try parser.requireDurationExpressions(left.range)
                let strength = operation == .power ? operation.precedence - 1 : operation.precedence
                let right = try parser.parseDurationExpression(above: strength, context: context, expected: expected)
                if case .number(let literal) = right, literal.value == 0 {
                    if operation == .divide { throw parser.error("division by zero", symbol.range) }
                    if operation == .modulo { throw parser.error("modulo by zero", symbol.range) }
                }
                left = .binary(operation, left, right)
            }
            return left
        }
    }

    private mutating func parseDurationOperand(
        context: String,
        expected: String,
        bindsTightly: Bool = false
    ) throws(ParseError) -> DurationExpression {
        let first = token
        switch first.kind {
        case .number, .duration:
            let literal = try parseNumberLiteral()
            guard literal.value.magnitude <= 9_223_372_036.854775807 else {
                throw error("duration out of range", literal.range)
            }
            return .number(literal)
        case .binaryOperator(.add), .binaryOperator(.subtract):
            return try parseSignedDuration(context, expected, bindsTightly)
        case .keyword(.step), .keyword(.range):
            advance()
            guard take(.leftParenthesis) != nil, let close = take(.rightParenthesis) else {
                throw unexpected(in: context, expected: expected)
            }
            let range = first.range.lowerBound..<close.range.upperBound
            try requireDurationExpressions(range)
            return first.kind == .keyword(.step) ? .step(range) : .range(range)
        case .aggregator(.min), .aggregator(.max), .identifier: return try parseDurationChoice(context, expected)
        case .leftParenthesis:
            advance()
            let inner = try parseDurationExpression(above: 0, context: context, expected: expected)
            guard let close = take(.rightParenthesis) else { throw unexpected(in: context, expected: "\")\"") }
            try requireDurationExpressions(inner.range)
            return .parenthesised(inner, first.range.lowerBound..<close.range.upperBound)
        default: throw unexpected(in: context, expected: expected)
        }
    }

    private mutating func parseSignedDuration(
        _ context: String,
        _ expected: String,
        _ bindsTightly: Bool
    ) throws(ParseError) -> DurationExpression {
        let sign = advance()
        let isNegation = sign.kind == .binaryOperator(.subtract)
        var operand: DurationExpression
        if bindsTightly {
            operand = try nested { parser throws(ParseError) in
                try parser.parseDurationOperand(context: context, expected: expected, bindsTightly: true)
            }
        } else {
            let strength = BinaryOperator.multiply.precedence
            operand = try parseDurationExpression(above: strength, context: context, expected: expected)
        }
        if case .number(var literal) = operand {
            if isNegation { literal.value = -literal.value }
            literal.range = sign.range.lowerBound..<literal.range.upperBound
            return .number(literal)
        }
        if isNegation { operand = .negated(operand, start: sign.range.lowerBound) }
        return operand
    }

    /// `min_of(a, b)` and `max_of(a, b)`; `min` and `max` are their older names.
    private mutating func parseDurationChoice(
        _ context: String,
        _ expected: String
    ) throws(ParseError) -> DurationExpression {
        let word = token
        let name = text(word.range).lowercased()
        guard ["min", "max", "min_of", "max_of"].contains(name), following.kind == .leftParenthesis else {
            throw unexpected(in: context, expected: expected)
        }
        advance()
        advance()
        let left = try parseDurationExpression(above: 0, context: context, expected: expected)
        guard take(.comma) != nil else { throw unexpected(in: context, expected: "\",\"") }
        let right = try parseDurationExpression(above: 0, context: context, expected: expected)
        guard let close = take(.rightParenthesis) else { throw unexpected(in: context, expected: "\")\"") }
        let range = word.range.lowerBound..<close.range.upperBound
        try requireDurationExpressions(range)
        return name.hasPrefix("min") ? .smaller(left, right, range) : .larger(left, right, range)
    }
}

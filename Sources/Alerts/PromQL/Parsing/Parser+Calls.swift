// SPDX-License-Identifier: Apache-2.0

import GoFormatting

extension Parser {
    mutating func parseCall() throws(ParseError) -> Expression {
        let name = advance()
        let (arguments, close) = try parseArguments()
        let text = text(name.range)
        guard let function = Function.named(text) else {
            throw error("unknown function with name \(GoText.quote(text))", name.range)
        }
        if function.isExperimental, !options.features.contains(.experimentalFunctions) {
            throw error("function \(GoText.quote(text)) is not enabled", name.range)
        }
        let range = name.range.lowerBound..<close
        let depth = (arguments.map(\.depth).max() ?? 0) + 1
        try checkDepth(depth, range)
        return .call(FunctionCall(function: function, arguments: arguments, range: range, depth: depth))
    }

    /// `(a, b)`, and the byte after it.
    private mutating func parseArguments() throws(ParseError) -> (arguments: [Expression], end: Int) {
        guard take(.leftParenthesis) != nil else { throw unexpected() }
        var arguments: [Expression] = []
        if let close = take(.rightParenthesis) { return ([], close.range.upperBound) }
        while true {
            arguments.append(try parseExpression(above: 0))
            if let close = take(.rightParenthesis) { return (arguments, close.range.upperBound) }
            guard let comma = take(.comma) else { throw unexpected() }
            if token.kind == .rightParenthesis {
                throw error("trailing commas not allowed in function call args", comma.range)
            }
        }
    }

    mutating func parseAggregation(_ operation: AggregationOperator) throws(ParseError) -> Expression {
        let word = advance()
        var grouping: (isWithout: Bool, labels: [String], end: Int)? = try parseGrouping()
        guard token.kind == .leftParenthesis else { throw unexpected(in: "aggregation") }
        openAggregations += 1
        var (arguments, end) = try parseArguments()
        openAggregations -= 1
        if grouping == nil {
            grouping = try parseGrouping()
            end = grouping?.end ?? end
        }
        let range = word.range.lowerBound..<end
        guard !arguments.isEmpty else { throw error("no arguments for aggregate expression provided", range) }
        if operation.isExperimental, !options.features.contains(.experimentalFunctions) {
            let name = operation.rawValue
            throw error(
                "\(name)() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
                range
            )
        }
        let wanted = operation.takesParameter ? 2 : 1
        guard arguments.count == wanted else {
            throw error(
                "wrong number of arguments for aggregate expression provided, expected \(wanted), got \(arguments.count)",
                range
            )
        }
        let expression = arguments.removeLast()
        let depth = Swift.max(expression.depth, arguments.first?.depth ?? 0) + 1
        try checkDepth(depth, range)
        return .aggregation(
            Aggregation(
                operation: operation,
                expression: expression,
                parameter: arguments.first,
                grouping: grouping?.labels ?? [],
                isWithout: grouping?.isWithout ?? false,
                range: range,
                depth: depth
            )
        )
    }

    private mutating func parseGrouping() throws(ParseError) -> (isWithout: Bool, labels: [String], end: Int)? {
        let isWithout = token.kind == .keyword(.without)
        guard isWithout || token.kind == .keyword(.by) else { return nil }
        advance()
        let (labels, end) = try parseLabelList()
        return (isWithout, labels, end)
    }

    /// `(a, "b.c")`, as after `by`, `on` and `group_left`.
    mutating func parseLabelList() throws(ParseError) -> (labels: [String], end: Int) {
        guard take(.leftParenthesis) != nil else { throw unexpected(in: "grouping opts", expected: "\"(\"") }
        var labels: [String] = []
        if let close = take(.rightParenthesis) { return ([], close.range.upperBound) }
        while true {
            labels.append(try parseGroupingLabel())
            if let close = take(.rightParenthesis) { return (labels, close.range.upperBound) }
            guard take(.comma) != nil else { throw unexpected(in: "grouping opts", expected: "\",\" or \")\"") }
            if let close = take(.rightParenthesis) { return (labels, close.range.upperBound) }
        }
    }

    private mutating func parseGroupingLabel() throws(ParseError) -> String {
        switch token.kind {
        case .identifier, .metricIdentifier, .aggregator, .keyword, .binaryOperator(.and), .binaryOperator(.or),
            .binaryOperator(.unless), .binaryOperator(.arcTangent):
            return text(advance().range)
        case .string:
            let token = advance()
            let bytes = try unquote(token)
            let name = String(decoding: bytes, as: UTF8.self)
            guard !bytes.isEmpty, name.utf8.elementsEqual(bytes) else {
                throw error("invalid label name for grouping: \(GoText.quote(bytes))", token.range)
            }
            return name
        default: throw unexpected(in: "grouping opts", expected: "label")
        }
    }

    /// Everything between an operator and its right operand.
    mutating func parseMatching() throws(ParseError) -> (matching: VectorMatching, returnsBool: Bool) {
        var matching = VectorMatching()
        let returnsBool = take(.keyword(.bool)) != nil
        if token.kind == .keyword(.on) || token.kind == .keyword(.ignoring) {
            matching.isOn = advance().kind == .keyword(.on)
            matching.labels = try parseLabelList().labels
            if token.kind == .keyword(.groupLeft) || token.kind == .keyword(.groupRight) {
                let isLeft = advance().kind == .keyword(.groupLeft)
                matching.cardinality = isLeft ? .manyToOne : .oneToMany
                if token.kind == .leftParenthesis { matching.included = try parseLabelList().labels }
            }
        }
        while following.kind == .leftParenthesis, case .keyword(let keyword) = token.kind {
            switch keyword {
            case .fill:
                matching.fillLeft = try parseFill()
                matching.fillRight = matching.fillLeft
            case .fillLeft: matching.fillLeft = try parseFill()
            case .fillRight: matching.fillRight = try parseFill()
            default: return (matching, returnsBool)
            }
        }
        return (matching, returnsBool)
    }

    private mutating func parseFill() throws(ParseError) -> Double {
        advance()
        advance()
        guard let value = try parseSignedNumber() else { throw unexpected(in: "fill value", expected: "number") }
        guard take(.rightParenthesis) != nil else { throw unexpected(in: "fill value", expected: "\")\"") }
        return value
    }
}

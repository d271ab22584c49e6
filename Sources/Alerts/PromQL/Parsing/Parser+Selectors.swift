// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import RegularExpressions
import TimeSeries

extension Parser {
    /// A metric name, matchers in braces, or both; nil when neither stands here.
    mutating func parseVectorSelector() throws(ParseError) -> VectorSelector? {
        let start = token.range.lowerBound
        var name: String?
        var end = start
        switch token.kind {
        case .identifier, .metricIdentifier, .aggregator, .binaryOperator(.and), .binaryOperator(.or),
            .binaryOperator(.unless):
            let token = advance()
            name = text(token.range)
            end = token.range.upperBound
        case .keyword(let keyword) where Self.namesMetrics(keyword):
            let token = advance()
            name = text(token.range)
            end = token.range.upperBound
        case .leftBrace: break
        default: return nil
        }
        var matchers: [LabelMatcher] = []
        if token.kind == .leftBrace { end = try parseMatchers(into: &matchers) }
        if let name { matchers.append(try matcher("__name__", .equal, name, start..<end)) }
        return VectorSelector(name: name, matchers: matchers, range: start..<end)
    }

    private static func namesMetrics(_ keyword: Keyword) -> Bool {
        switch keyword {
        case .on, .ignoring, .bool, .groupLeft, .groupRight: false
        default: true
        }
    }

    private func matcher(
        _ name: String,
        _ operation: LabelMatcher.Operation,
        _ value: String,
        _ range: Range<Int>
    ) throws(ParseError) -> LabelMatcher {
        do throws(RegularExpressionError) {
            return try LabelMatcher(name, operation, value)
        } catch {
            throw self.error(error.goDescription, range)
        }
    }

    /// `{a="b", "metric.name"}`; the byte after it.
    private mutating func parseMatchers(into matchers: inout [LabelMatcher]) throws(ParseError) -> Int {
        advance()
        while true {
            if let close = take(.rightBrace) { return close.range.upperBound }
            try parseMatcher(into: &matchers)
            if let close = take(.rightBrace) { return close.range.upperBound }
            guard take(.comma) != nil else { throw unexpected(in: "label matching", expected: "\",\" or \"}\"") }
        }
    }

    private mutating func parseMatcher(into matchers: inout [LabelMatcher]) throws(ParseError) {
        let label = token
        let name: String
        switch label.kind {
        case .identifier: name = text(label.range)
        case .string: name = String(decoding: try unquote(label), as: UTF8.self)
        default: throw unexpected(in: "label matching", expected: "identifier or \"}\"")
        }
        advance()
        let operation: LabelMatcher.Operation
        switch token.kind {
        case .assign: operation = .equal
        case .binaryOperator(.notEqual): operation = .notEqual
        case .matchRegex: operation = .regexMatch
        case .matchNotRegex: operation = .regexNoMatch
        default:
            guard label.kind == .string else {
                throw unexpected(in: "label matching", expected: "label matching operator")
            }
            matchers.append(try matcher("__name__", .equal, name, label.range))
            return
        }
        advance()
        guard token.kind == .string else { throw unexpected(in: "label matching", expected: "string") }
        let value = advance()
        let range = label.range.lowerBound..<value.range.upperBound
        matchers.append(try matcher(name, operation, String(decoding: try unquote(value), as: UTF8.self), range))
    }

    // MARK: What follows a selector

    /// `[5m]` makes a range of a selector, `[5m:1m]` a subquery of any expression.
    mutating func parseBrackets(after expression: Expression) throws(ParseError) -> Expression {
        let open = advance()
        let length = try parsePositiveDuration(
            context: "subquery or range selector",
            expected: "number, duration, step(), or range()"
        )
        if let close = take(.rightBracket) {
            let range = open.range.lowerBound..<close.range.upperBound
            guard case .vector(let selector) = expression else {
                throw error("ranges only allowed for vector selectors", range)
            }
            if selector.offset.isSet { throw error("no offset modifiers allowed before range", range) }
            if selector.at != nil { throw error("no @ modifiers allowed before range", range) }
            return .matrix(MatrixSelector(selector: selector, length: length, end: close.range.upperBound))
        }
        guard take(.colon) != nil else { throw unexpected(in: "subquery or range", expected: "\":\" or \"]\"") }
        var step: DurationValue?
        if token.kind != .rightBracket {
            step = try parsePositiveDuration(
                context: "subquery selector",
                expected: "number, duration, step(), range(), or \"]\""
            )
        }
        guard let close = take(.rightBracket) else { throw unexpected(in: "subquery selector", expected: "\"]\"") }
        let depth = expression.depth + 1
        try checkDepth(depth, expression.range)
        return .subquery(
            Subquery(expression: expression, length: length, step: step, end: close.range.upperBound, depth: depth)
        )
    }

    mutating func parseOffset(of expression: inout Expression) throws(ParseError) {
        advance()
        let (offset, end) = try parseOffsetDuration()
        let range = expression.range
        let twice = error("offset may not be set multiple times", range)
        switch expression {
        case .vector(var node):
            if node.offset.isSet { throw twice }
            node.offset = offset
            node.range = node.range.lowerBound..<end
            expression = .vector(node)
        case .matrix(var node):
            if node.selector.offset.isSet { throw twice }
            node.selector.offset = offset
            node.end = end
            expression = .matrix(node)
        case .subquery(var node):
            if node.offset.isSet { throw twice }
            node.offset = offset
            node.end = end
            expression = .subquery(node)
        default:
            throw error(
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
                range
            )
        }
    }

    mutating func parseAt(of expression: inout Expression) throws(ParseError) {
        advance()
        let range = expression.range
        let (time, end) = try parseFixedTime(for: range)
        let twice = error("@ <timestamp> may not be set multiple times", range)
        switch expression {
        case .vector(var node):
            if node.at != nil { throw twice }
            node.at = time
            node.range = node.range.lowerBound..<end
            expression = .vector(node)
        case .matrix(var node):
            if node.selector.at != nil { throw twice }
            node.selector.at = time
            node.end = end
            expression = .matrix(node)
        case .subquery(var node):
            if node.at != nil { throw twice }
            node.at = time
            node.end = end
            expression = .subquery(node)
        default:
            throw error(
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
                range
            )
        }
    }

    private mutating func parseFixedTime(for range: Range<Int>) throws(ParseError) -> (FixedTime, Int) {
        switch token.kind {
        case .keyword(.start), .keyword(.end):
            let word = advance()
            guard take(.leftParenthesis) != nil else { throw unexpected(in: "@", expected: "timestamp") }
            guard let close = take(.rightParenthesis) else { throw unexpected(in: "@", expected: "timestamp") }
            return (word.kind == .keyword(.start) ? .start : .end, close.range.upperBound)
        default:
            guard let seconds = try parseSignedNumber() else { throw unexpected(in: "@", expected: "timestamp") }
            let milliseconds = (seconds * 1000).rounded()
            guard seconds.magnitude < 0x1p63, let exact = Int64(exactly: milliseconds) else {
                throw error("timestamp out of bounds for @ modifier: \(GoFloat.fixed(seconds, decimals: 6))", range)
            }
            return (.timestamp(Timestamp(milliseconds: exact)), previousEnd)
        }
    }

    mutating func parseExtension(of expression: inout Expression) throws(ParseError) {
        let isAnchored = advance().kind == .keyword(.anchored)
        let word = isAnchored ? "anchored" : "smoothed"
        let range = expression.range
        guard options.features.contains(.extendedRangeSelectors) else {
            throw error("\(word) modifier is experimental and not enabled", range)
        }
        switch expression {
        case .vector(var node):
            try extend(&node, isAnchored: isAnchored, range)
            expression = .vector(node)
        case .matrix(var node):
            try extend(&node.selector, isAnchored: isAnchored, range)
            expression = .matrix(node)
        case .subquery: throw error("\(word) modifier is not supported for subqueries", range)
        default: throw error("\(word) modifier not implemented", range)
        }
    }

    private func extend(
        _ selector: inout VectorSelector,
        isAnchored: Bool,
        _ range: Range<Int>
    ) throws(ParseError) {
        if isAnchored { selector.isAnchored = true } else { selector.isSmoothed = true }
        if selector.isAnchored, selector.isSmoothed {
            throw error("anchored and smoothed modifiers cannot be used together", range)
        }
    }
}

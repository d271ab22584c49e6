// SPDX-License-Identifier: Apache-2.0

import GoFormatting
package import TimeSeries

/// What a text may use, and how deep it may nest.
package struct ParserOptions: Sendable {
    package var features: FeatureSet
    /// Open parentheses, calls and operators inside one another.
    package var nestingLimit = 200
    /// Height of the tree; a chain of operators makes it as high as it is long.
    package var depthLimit = 600
    package var lengthLimit = 1 << 20

    package init(features: FeatureSet = []) { self.features = features }
}

/// Parses and type-checks an expression.
package func parse(_ text: String, options: ParserOptions = ParserOptions()) throws(ParseError) -> Expression {
    var parser = Parser(Array(text.utf8), options: options)
    return try parser.parseWhole()
}

/// Parses a selector on its own, as `match[]` parameters are: `up{job="a"}`.
package func parseSelector(_ text: String) throws(ParseError) -> [LabelMatcher] {
    var parser = Parser(Array(text.utf8), options: ParserOptions())
    return try parser.parseSelectorAlone().matchers
}

/// A Pratt parser: operands, then operators as long as they bind tighter than what asked.
struct Parser {
    let input: [UInt8]
    let options: ParserOptions
    private let tokens: [Token]
    private var index = 0
    private var nesting = 0
    /// Aggregations whose arguments are being read: what is wrong there is said of the innermost.
    var openAggregations = 0

    init(_ input: [UInt8], options: ParserOptions) {
        self.input = input
        self.options = options
        self.tokens = input.count <= options.lengthLimit ? Lexer.tokens(of: input) : []
    }

    // MARK: Tokens

    var token: Token {
        index < tokens.count ? tokens[index] : Token(kind: .endOfInput, range: input.count..<input.count)
    }

    /// The byte after the token that was taken last.
    var previousEnd: Int { index > 0 && index <= tokens.count ? tokens[index - 1].range.upperBound : 0 }

    var following: Token {
        index + 1 < tokens.count ? tokens[index + 1] : Token(kind: .endOfInput, range: input.count..<input.count)
    }

    @discardableResult
    mutating func advance() -> Token {
        let current = token
        if index < tokens.count { index += 1 }
        return current
    }

    mutating func take(_ kind: TokenKind) -> Token? {
        guard token.kind == kind else { return nil }
        return advance()
    }

    func text(_ range: Range<Int>) -> String { String(decoding: input[range], as: UTF8.self) }

    // MARK: Errors

    func error(_ message: String, _ range: Range<Int>) -> ParseError {
        ParseError(range: range, message: message, input: input)
    }

    /// A complaint about the current token; a lexical error speaks for itself.
    func unexpected(in context: String = "", expected: String = "") -> ParseError {
        let token = token
        if case .error(let message) = token.kind { return error(message, token.range) }
        var message = "unexpected " + describe(token)
        let context = context.isEmpty && openAggregations > 0 ? "aggregation" : context
        if !context.isEmpty { message += " in " + context }
        if !expected.isEmpty { message += ", expected " + expected }
        return error(message, token.range)
    }

    private func describe(_ token: Token) -> String {
        let text = text(token.range)
        switch token.kind {
        case .endOfInput: return "end of input"
        case .error(let message): return message
        case .identifier: return "identifier " + GoText.quote(text)
        case .metricIdentifier: return "metric identifier " + GoText.quote(text)
        case .string: return "string " + shortened(text)
        case .number: return "number " + shortened(text)
        case .duration: return "duration " + shortened(text)
        case .binaryOperator, .at: return "<op:\(text)>"
        case .matchRegex, .matchNotRegex: return "<op:\(text)>"
        case .aggregator: return "<aggr:\(text)>"
        case .keyword(let keyword): return keyword.isPreprocessor ? shortened(text) : "<\(text)>"
        case .leftParenthesis, .rightParenthesis, .leftBrace, .rightBrace, .leftBracket, .rightBracket, .comma, .colon,
            .assign:
            return GoText.quote(text)
        }
    }

    private func shortened(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard text.utf8.count > 10 else { return GoText.quote(text) }
        var head = String.UnicodeScalarView()
        head.append(contentsOf: scalars.prefix(10))
        return GoText.quote(String(head)) + "..."
    }

    // MARK: Entry points

    mutating func parseWhole() throws(ParseError) -> Expression {
        guard input.count <= options.lengthLimit else {
            throw error("expression is longer than \(options.lengthLimit) bytes", 0..<0)
        }
        if token.kind == .endOfInput { throw error("no expression found in input", 0..<0) }
        var expression = try parseExpression(above: 0)
        guard token.kind == .endOfInput else { throw unexpected() }
        try TypeChecker(input: input).check(&expression)
        return expression
    }

    mutating func parseSelectorAlone() throws(ParseError) -> VectorSelector {
        if token.kind == .endOfInput { throw unexpected() }
        guard let selector = try parseVectorSelector() else { throw unexpected() }
        guard token.kind == .endOfInput else { throw unexpected() }
        var expression = Expression.vector(selector)
        try TypeChecker(input: input).check(&expression)
        return selector
    }

    // MARK: Expressions

    /// Counts nesting around `body`, so that no input exhausts the stack.
    mutating func nested<Result>(
        _ body: (inout Parser) throws(ParseError) -> Result
    ) throws(ParseError) -> Result {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= options.nestingLimit else {
            throw error("expression is nested deeper than \(options.nestingLimit) levels", token.range)
        }
        return try body(&self)
    }

    func checkDepth(_ depth: Int, _ range: Range<Int>) throws(ParseError) {
        guard depth <= options.depthLimit else {
            throw error("expression has more than \(options.depthLimit) levels", range)
        }
    }

    /// Parses operands joined by operators that bind tighter than `precedence`.
    mutating func parseExpression(above precedence: Int) throws(ParseError) -> Expression {
        try nested { parser throws(ParseError) in try parser.parseOperators(above: precedence) }
    }

    private mutating func parseOperators(above precedence: Int) throws(ParseError) -> Expression {
        var left = try parseOperand()
        while case .binaryOperator(let operation) = token.kind, operation.precedence > precedence {
            advance()
            let modifiers = try parseMatching()
            // `^` alone groups to the right.
            let strength = operation == .power ? operation.precedence - 1 : operation.precedence
            let right = try parseExpression(above: strength)
            let depth = Swift.max(left.depth, right.depth) + 1
            let node = BinaryOperation(
                operation: operation,
                left: left,
                right: right,
                matching: modifiers.matching,
                returnsBool: modifiers.returnsBool,
                depth: depth
            )
            try checkDepth(depth, node.range)
            if !options.features.contains(.fillModifiers),
                modifiers.matching.fillLeft != nil || modifiers.matching.fillRight != nil
            {
                throw error("binop fill modifiers are experimental and not enabled", node.range)
            }
            left = .binary(node)
        }
        return left
    }

    /// One operand with everything behind it that binds to it: ranges, offsets, `@`, anchored, smoothed.
    private mutating func parseOperand() throws(ParseError) -> Expression {
        switch token.kind {
        case .binaryOperator(.add), .binaryOperator(.subtract): return try parseUnary()
        default: break
        }
        var expression = try parsePrimary()
        while true {
            switch token.kind {
            case .leftBracket: expression = try parseBrackets(after: expression)
            case .keyword(.offset): try parseOffset(of: &expression)
            case .at: try parseAt(of: &expression)
            case .keyword(.anchored), .keyword(.smoothed): try parseExtension(of: &expression)
            default: return expression
            }
        }
    }

    private mutating func parseUnary() throws(ParseError) -> Expression {
        let sign = advance()
        let isNegation = sign.kind == .binaryOperator(.subtract)
        let operand = try parseExpression(above: BinaryOperator.multiply.precedence)
        if case .number(var literal) = operand {
            if isNegation { literal.value = -literal.value }
            literal.range = sign.range.lowerBound..<literal.range.upperBound
            return .number(literal)
        }
        let depth = operand.depth + 1
        try checkDepth(depth, sign.range)
        return .unary(
            UnaryOperation(isNegation: isNegation, operand: operand, start: sign.range.lowerBound, depth: depth)
        )
    }

    private mutating func parsePrimary() throws(ParseError) -> Expression {
        switch token.kind {
        case .number, .duration: return .number(try parseNumberLiteral())
        case .string:
            let token = advance()
            return .string(StringLiteral(bytes: try unquote(token), range: token.range))
        case .leftParenthesis: return try parseParenthesised()
        case .aggregator(let operation):
            switch following.kind {
            case .leftParenthesis, .keyword(.by), .keyword(.without): return try parseAggregation(operation)
            default: break
            }
        case .identifier, .keyword(.start), .keyword(.end), .keyword(.step), .keyword(.range):
            if following.kind == .leftParenthesis { return try parseCall() }
        default: break
        }
        guard let selector = try parseVectorSelector() else { throw unexpected() }
        return .vector(selector)
    }

    private mutating func parseParenthesised() throws(ParseError) -> Expression {
        let open = advance()
        let expression = try parseExpression(above: 0)
        guard let close = take(.rightParenthesis) else { throw unexpected() }
        let range = open.range.lowerBound..<close.range.upperBound
        let depth = expression.depth + 1
        try checkDepth(depth, range)
        return .parenthesised(Parenthesised(expression: expression, range: range, depth: depth))
    }

    // MARK: Literals

    mutating func parseNumberLiteral() throws(ParseError) -> NumberLiteral {
        let token = advance()
        if token.kind == .duration {
            switch NumberScanner.milliseconds(of: input[token.range]) {
            case .success(let milliseconds):
                return NumberLiteral(value: Double(milliseconds) / 1000, range: token.range, isDuration: true)
            case .failure(let problem): throw error(problem.message, token.range)
            }
        }
        guard let value = NumberScanner.value(of: input[token.range]) else {
            throw error("error parsing number: \(text(token.range))", token.range)
        }
        // Inf is a word of its own.
        let isWord = input[token.range].contains { $0 | 0x20 == UInt8(ascii: "n") }
        guard value.isFinite || isWord else {
            let shown = GoText.quote(text(token.range))
            throw error("error parsing number: strconv.ParseFloat: parsing \(shown): value out of range", token.range)
        }
        return NumberLiteral(value: value, range: token.range, isDuration: false)
    }

    func unquote(_ token: Token) throws(ParseError) -> [UInt8] {
        guard let bytes = GoText.unquote(input[token.range]) else {
            throw error("error unquoting string \(GoText.quote(text(token.range))): invalid syntax", token.range)
        }
        return bytes
    }

    /// A number with an optional sign.
    mutating func parseSignedNumber() throws(ParseError) -> Double? {
        var sign = 1.0
        switch token.kind {
        case .binaryOperator(.subtract): sign = -1
        case .binaryOperator(.add): break
        case .number, .duration: return try parseNumberLiteral().value
        default: return nil
        }
        guard following.kind == .number || following.kind == .duration else { return nil }
        advance()
        return sign * (try parseNumberLiteral().value)
    }
}

// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// Turns tokens into nodes; recursion is limited, variables and functions are checked as they appear.
struct TemplateParser {
    static let depthLimit = 100

    private let name: String
    private let source: [UInt8]
    let functions: TemplateFunctions
    private let tokens: [TemplateToken]
    private var index = 0
    private var last: TemplateToken
    var variables = ["$"]
    private var rangeDepth = 0
    var depth = 0
    private(set) var definitions: [String: [TemplateNode]] = [:]

    /// What ended a list of nodes.
    enum Terminator { case endOfInput, end, otherwise }

    init(_ text: String, name: String, functions: TemplateFunctions) throws(TemplateError) {
        self.name = name
        self.functions = functions
        source = Array(text.utf8)
        tokens = TemplateLexer.tokens(text, name: name)
        last = tokens.first ?? TemplateToken(kind: .end, text: "", offset: 0, line: 1)
    }

    /// The template's own body; `define`d ones are in `definitions` afterwards.
    mutating func parse() throws(TemplateError) -> [TemplateNode] {
        var nodes: [TemplateNode] = []
        while peek().kind != .end {
            if peek().kind == .leftDelimiter, peekPastSpace(after: 1).kind == .keywordDefine {
                try parseDefinition()
            } else {
                let (node, terminator) = try parseTextOrAction()
                if let terminator { throw failure("unexpected {{\(terminator == .end ? "end" : "else")}}") }
                if let node { nodes.append(node) }
            }
        }
        return nodes
    }

    // MARK: Tokens

    // The last token is always `.end` or `.failure`; nothing reads past it.
    func peek() -> TemplateToken { index < tokens.count ? tokens[index] : last }

    func peekPastSpace(after count: Int) -> TemplateToken {
        var place = index + count
        while place < tokens.count, tokens[place].kind == .space { place += 1 }
        return place < tokens.count ? tokens[place] : last
    }

    @discardableResult
    mutating func next() -> TemplateToken {
        last = peek()
        if !isLast { index += 1 }
        return last
    }

    /// Puts the token just read back.
    mutating func backUp() { if !isLast, index > 0 { index -= 1 } }

    private var isLast: Bool { last.kind == .end || last.kind == .failure }

    mutating func skipSpace() { while peek().kind == .space { next() } }

    mutating func nextPastSpace() -> TemplateToken {
        skipSpace()
        return next()
    }

    func failure(_ message: String) -> TemplateError {
        TemplateError(parsing: name, line: last.line, column: 0, message)
    }

    func unexpected(_ token: TemplateToken, _ context: String) -> TemplateError {
        let message = token.kind == .failure ? token.text : "unexpected \(token.shown) in \(context)"
        return TemplateError(parsing: name, line: token.line, column: 0, message)
    }

    mutating func expect(_ kind: TemplateToken.Kind, _ context: String) throws(TemplateError) {
        let token = nextPastSpace()
        guard token.kind == kind else { throw unexpected(token, context) }
    }

    func position(_ token: TemplateToken, _ text: String) -> TemplatePosition {
        var start = token.offset
        while start > 0, source[start - 1] != 0x0A { start -= 1 }
        return TemplatePosition(line: token.line, column: token.offset - start, text: text)
    }

    mutating func enter() throws(TemplateError) {
        depth += 1
        guard depth <= Self.depthLimit else { throw failure("nested deeper than \(Self.depthLimit) levels") }
    }

    // MARK: Blocks

    mutating func parseDefinition() throws(TemplateError) {
        next()
        skipSpace()
        next()
        let title = try templateName("define clause")
        try expect(.rightDelimiter, "define clause")
        let outer = variables
        variables = ["$"]
        let (body, terminator) = try parseList()
        guard terminator == .end else { throw unexpected(last, "define clause") }
        variables = outer
        try define(title, body)
    }

    mutating func define(_ title: String, _ body: [TemplateNode]) throws(TemplateError) {
        if let known = definitions[title] {
            if body.allSatisfy(\.isBlank) { return }
            guard known.allSatisfy(\.isBlank) else {
                throw failure("template: multiple definition of template \(GoText.quote(title))")
            }
        }
        definitions[title] = body
    }

    mutating func templateName(_ context: String) throws(TemplateError) -> String {
        let token = nextPastSpace()
        guard token.kind == .string || token.kind == .rawString, let text = GoText.unquote(token.text) else {
            throw unexpected(token, context)
        }
        return text
    }

    /// Nodes up to `{{end}}` or `{{else`; the end of the input is an error.
    mutating func parseList() throws(TemplateError) -> (nodes: [TemplateNode], Terminator) {
        try enter()
        defer { depth -= 1 }
        var nodes: [TemplateNode] = []
        while peek().kind != .end {
            let (node, terminator) = try parseTextOrAction()
            if let terminator { return (nodes, terminator) }
            if let node { nodes.append(node) }
        }
        next()
        throw failure("unexpected EOF")
    }

    mutating func parseTextOrAction() throws(TemplateError) -> (TemplateNode?, Terminator?) {
        let token = next()
        switch token.kind {
        case .text: return (.text(token.text), nil)
        case .leftDelimiter: return try parseAction()
        default: throw unexpected(token, "input")
        }
    }

    mutating func parseAction() throws(TemplateError) -> (TemplateNode?, Terminator?) {
        skipSpace()
        let token = peek()
        switch token.kind {
        case .keywordEnd:
            next()
            try expect(.rightDelimiter, "end")
            return (nil, .end)
        case .keywordElse:
            next()
            let following = peekPastSpace(after: 0)
            if following.kind == .keywordIf || following.kind == .keywordWith {
                // `else if`: the next token opens a block that closes with the outer one.
                return (nil, .otherwise)
            }
            try expect(.rightDelimiter, "else")
            return (nil, .otherwise)
        case .keywordIf:
            next()
            return (.condition(try parseBranch("if", token.kind)), nil)
        case .keywordWith:
            next()
            return (.with(try parseBranch("with", token.kind)), nil)
        case .keywordRange:
            next()
            return (.range(try parseBranch("range", token.kind)), nil)
        case .keywordBreak, .keywordContinue:
            next()
            try expect(.rightDelimiter, "{{\(token.text)}}")
            guard rangeDepth > 0 else { throw failure("{{\(token.text)}} outside {{range}}") }
            return (token.kind == .keywordBreak ? .leave : .proceed, nil)
        case .keywordTemplate: return (try parseTemplate(), nil)
        case .keywordBlock: return (try parseBlock(), nil)
        case .keywordDefine: throw unexpected(token, "{{define}}")
        default:
            return (.action(try parsePipeline("command", until: .rightDelimiter)), nil)
        }
    }

    mutating func parseBranch(
        _ context: String,
        _ kind: TemplateToken.Kind
    ) throws(TemplateError) -> TemplateBranch {
        let outer = variables.count
        defer { variables.removeLast(max(0, variables.count - outer)) }
        let pipeline = try parsePipeline(context, until: .rightDelimiter)
        if kind == .keywordRange { rangeDepth += 1 }
        let (body, terminator) = try parseList()
        if kind == .keywordRange { rangeDepth -= 1 }
        guard terminator == .otherwise else { return TemplateBranch(pipeline: pipeline, body: body, otherwise: nil) }
        skipSpace()
        let following = peek().kind
        if following == .keywordIf || following == .keywordWith {
            let isIf = following == .keywordIf
            guard isIf ? kind == .keywordIf : kind == .keywordWith else { throw unexpected(next(), "else") }
            next()
            try enter()
            defer { depth -= 1 }
            // The nested block takes this one's {{end}}.
            let nested = try parseBranch(context, kind)
            let node = isIf ? TemplateNode.condition(nested) : .with(nested)
            return TemplateBranch(pipeline: pipeline, body: body, otherwise: [node])
        }
        let (otherwise, second) = try parseList()
        guard second == .end else { throw failure("expected end; found {{else}}") }
        return TemplateBranch(pipeline: pipeline, body: body, otherwise: otherwise)
    }

    mutating func parseTemplate() throws(TemplateError) -> TemplateNode {
        let token = next()
        let title = try templateName("template clause")
        var pipeline: TemplatePipeline?
        if peekPastSpace(after: 0).kind == .rightDelimiter {
            skipSpace()
            next()
        } else {
            pipeline = try parsePipeline("template clause", until: .rightDelimiter)
        }
        return invocation(title, pipeline, at: token)
    }

    func invocation(_ title: String, _ pipeline: TemplatePipeline?, at token: TemplateToken) -> TemplateNode {
        let data = pipeline.map { " " + $0.text } ?? ""
        var place = token
        // Go places it behind the keyword, at the name.
        place.offset += token.text.utf8.count + 1
        return .template(
            name: title,
            pipeline,
            position(place, "{{template \(GoText.quote(title))\(data)}}")
        )
    }

    mutating func parseBlock() throws(TemplateError) -> TemplateNode {
        let token = next()
        let title = try templateName("block clause")
        let pipeline = try parsePipeline("block clause", until: .rightDelimiter)
        let outer = variables
        variables = ["$"]
        let (body, terminator) = try parseList()
        guard terminator == .end else { throw unexpected(last, "block clause") }
        variables = outer
        try define(title, body)
        return invocation(title, pipeline, at: token)
    }
}

// SPDX-License-Identifier: Apache-2.0

import GoFormatting

extension TemplateParser {
    mutating func parsePipeline(
        _ context: String,
        until end: TemplateToken.Kind
    ) throws(TemplateError) -> TemplatePipeline {
        try enter()
        defer { depth -= 1 }
        skipSpace()
        var pipeline = TemplatePipeline(position: position(peek(), ""))
        try parseDeclaration(&pipeline, context)
        while true {
            let token = nextPastSpace()
            switch token.kind {
            case end:
                guard !pipeline.commands.isEmpty else { throw failure("missing value for \(context)") }
                for (index, command) in pipeline.commands.enumerated().dropFirst() {
                    guard let first = command.words.first, first.isCallable else {
                        throw failure("non executable command in pipeline stage \(index + 1)")
                    }
                }
                pipeline.position.text = pipeline.text
                return pipeline
            case .boolean, .characterConstant, .dot, .field, .identifier, .number, .null, .rawString, .string,
                .variable,
                .leftParenthesis:
                backUp()
                pipeline.commands.append(try parseCommand())
            default: throw unexpected(token, context)
            }
        }
    }

    /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
    private mutating func parseDeclaration(_ pipeline: inout TemplatePipeline, _ context: String) throws(TemplateError)
    {
        guard peek().kind == .variable else { return }
        var names = [peek()]
        var following = peekPastSpace(after: 1)
        if following.kind == .character, following.text == "," {
            guard context == "range" else { throw failure("too many declarations in \(context)") }
            next()
            skipSpace()
            next()
            skipSpace()
            guard peek().kind == .variable else { throw failure("range can only initialize variables") }
            names.append(peek())
            following = peekPastSpace(after: 1)
            if following.kind == .character, following.text == "," {
                throw failure("too many declarations in \(context)")
            }
            guard following.kind == .assign || following.kind == .declare else { throw unexpected(following, context) }
        }
        guard following.kind == .assign || following.kind == .declare else { return }
        next()
        skipSpace()
        next()
        pipeline.isAssignment = following.kind == .assign
        pipeline.variables = names.map(\.text)
        for name in names {
            if pipeline.isAssignment { try check(variable: name) } else { variables.append(name.text) }
        }
    }

    private func check(variable token: TemplateToken) throws(TemplateError) {
        guard variables.contains(token.text) else {
            throw failure("undefined variable \(GoText.quote(token.text))")
        }
    }

    private mutating func parseCommand() throws(TemplateError) -> TemplateCommand {
        var words: [TemplateWord] = []
        let start = peek()
        while true {
            skipSpace()
            if let word = try parseOperand() { words.append(word) }
            let token = next()
            switch token.kind {
            case .space: continue
            case .rightDelimiter, .rightParenthesis: backUp()
            case .pipe: break
            default: throw unexpected(token, "operand")
            }
            break
        }
        guard !words.isEmpty else { throw failure("empty command") }
        let text = words.map(\.position.text).joined(separator: " ")
        return TemplateCommand(position: position(start, text), words: words)
    }

    /// A term with the fields behind it.
    private mutating func parseOperand() throws(TemplateError) -> TemplateWord? {
        guard let word = try parseTerm() else { return nil }
        guard peek().kind == .field else { return word }
        let start = peek()
        var fields: [String] = []
        while peek().kind == .field { fields.append(String(next().text.dropFirst())) }
        let suffix = fields.map { "." + $0 }.joined()
        let place = position(start, word.position.text + suffix)
        switch word.operand {
        case .field(let names): return TemplateWord(operand: .field(names + fields), position: place)
        case .variable(let name, let names):
            return TemplateWord(operand: .variable(name, fields: names + fields), position: place)
        case .bool, .string, .number, .character, .null, .dot:
            throw failure("unexpected . after term \(GoText.quote(word.position.text))")
        default: return TemplateWord(operand: .chain(word, fields: fields), position: place)
        }
    }

    private mutating func parseTerm() throws(TemplateError) -> TemplateWord? {
        let token = nextPastSpace()
        let operand: TemplateWord.Operand
        switch token.kind {
        case .identifier:
            guard functions.contains(token.text) else {
                throw failure("function \(GoText.quote(token.text)) not defined")
            }
            operand = .function(token.text)
        case .dot: operand = .dot
        case .null: operand = .null
        case .variable:
            try check(variable: token)
            operand = .variable(token.text, fields: [])
        case .field: operand = .field([String(token.text.dropFirst())])
        case .boolean: operand = .bool(token.text == "true")
        case .number:
            guard let number = TemplateNumber(token.text) else {
                throw failure("illegal number syntax: \(GoText.quote(token.text))")
            }
            operand = .number(number)
        case .characterConstant:
            guard let text = GoText.unquote(token.text), let scalar = text.unicodeScalars.first,
                text.unicodeScalars.count == 1
            else { throw failure("malformed character constant: \(token.text)") }
            operand = .character(Int64(scalar.value))
        case .string, .rawString:
            guard let text = GoText.unquote(token.text) else { throw failure("invalid syntax") }
            operand = .string(text)
        case .leftParenthesis:
            let pipeline = try parsePipeline("parenthesized pipeline", until: .rightParenthesis)
            return TemplateWord(operand: .pipeline(pipeline), position: position(token, "(\(pipeline.text))"))
        default:
            backUp()
            return nil
        }
        return TemplateWord(operand: operand, position: position(token, token.text))
    }
}

extension TemplateWord {
    /// What may stand at the head of a later stage of a pipeline.
    fileprivate var isCallable: Bool {
        switch operand {
        case .bool, .dot, .null, .number, .character, .string: false
        default: true
        }
    }
}

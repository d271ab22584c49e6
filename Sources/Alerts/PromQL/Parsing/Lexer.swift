// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// Cuts an expression into tokens. What a byte means depends on the braces and brackets around it, nothing else.
struct Lexer {
    private let input: [UInt8]
    private var position = 0
    private var parenthesisDepth = 0
    private var braceIsOpen = false
    private var bracketIsOpen = false
    private var bracketHasColon = false
    private var bracketHasDuration = false

    init(_ input: [UInt8]) { self.input = input }

    /// All tokens; the last one is `endOfInput` or an error, and there is nothing after it.
    static func tokens(of input: [UInt8]) -> [Token] {
        var lexer = Lexer(input)
        var tokens: [Token] = []
        tokens.reserveCapacity(input.count / 4 + 2)
        while true {
            let token = lexer.next()
            tokens.append(token)
            switch token.kind {
            case .endOfInput, .error: return tokens
            default: continue
            }
        }
    }

    // MARK: Bytes

    private func peek(_ ahead: Int = 0) -> UInt8? {
        let index = position + ahead
        return index < input.count ? input[index] : nil
    }

    private func fail(_ message: String, at start: Int) -> Token {
        Token(kind: .error(message), range: start..<input.count)
    }

    private mutating func take(_ count: Int, _ kind: TokenKind) -> Token {
        let start = position
        position += count
        return Token(kind: kind, range: start..<position)
    }

    /// The character at the position, in Go's quotes.
    private func quotedCharacter(at index: Int) -> String {
        guard index < input.count else { return "'\u{FFFD}'" }
        let tail = input[index..<Swift.min(index + 4, input.count)]
        var decoder = UTF8()
        var iterator = tail.makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return "'\u{FFFD}'" }
        return GoText.quoted(scalar)
    }

    private mutating func skipBlanksAndComments() {
        while let byte = peek() {
            if byte.isBlank {
                position += 1
            } else if byte == UInt8(ascii: "#") {
                while let other = peek(), other != UInt8(ascii: "\n"), other != UInt8(ascii: "\r") { position += 1 }
            } else {
                return
            }
        }
    }

    // MARK: Tokens

    mutating func next() -> Token {
        skipBlanksAndComments()
        if braceIsOpen { return insideBraces() }
        guard let byte = peek() else { return atEnd() }
        if bracketIsOpen { return insideBrackets(byte) }
        if let token = sign(byte) { return token }
        switch byte {
        case UInt8(ascii: "@"): return take(1, .at)
        case UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "<"), UInt8(ascii: ">"): return comparison(byte)
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"): return quoted(byte)
        case UInt8(ascii: "{"):
            braceIsOpen = true
            return take(1, .leftBrace)
        case UInt8(ascii: "["):
            bracketIsOpen = true
            bracketHasColon = false
            bracketHasDuration = false
            return take(1, .leftBracket)
        case UInt8(ascii: "]"): return fail("unexpected right bracket ']'", at: position)
        default: break
        }
        if byte.isDigit || (byte == UInt8(ascii: ".") && (peek(1)?.isDigit ?? false)) { return numberOrDuration() }
        if byte.isNameStart || byte == UInt8(ascii: ":") { return word() }
        return fail("unexpected character: \(quotedCharacter(at: position))", at: position)
    }

    private func atEnd() -> Token {
        let end = input.count
        if bracketIsOpen { return fail("unexpected end of input in duration expression", at: end) }
        if parenthesisDepth > 0 { return fail("unclosed left parenthesis", at: end) }
        return Token(kind: .endOfInput, range: end..<end)
    }

    private mutating func comparison(_ byte: UInt8) -> Token {
        let following = peek(1)
        switch (byte, following) {
        case (UInt8(ascii: "="), UInt8(ascii: "=")): return take(2, .binaryOperator(.equal))
        case (UInt8(ascii: "="), UInt8(ascii: "~")): return fail("unexpected character after '=': '~'", at: position)
        case (UInt8(ascii: "="), _): return take(1, .assign)
        case (UInt8(ascii: "!"), UInt8(ascii: "=")): return take(2, .binaryOperator(.notEqual))
        case (UInt8(ascii: "!"), _):
            return fail("unexpected character after '!': \(quotedCharacter(at: position + 1))", at: position)
        case (UInt8(ascii: "<"), UInt8(ascii: "=")): return take(2, .binaryOperator(.lessOrEqual))
        case (UInt8(ascii: "<"), UInt8(ascii: "/")): return take(2, .binaryOperator(.trimUpper))
        case (UInt8(ascii: "<"), _): return take(1, .binaryOperator(.less))
        case (_, UInt8(ascii: "=")): return take(2, .binaryOperator(.greaterOrEqual))
        case (_, UInt8(ascii: "/")): return take(2, .binaryOperator(.trimLower))
        default: return take(1, .binaryOperator(.greater))
        }
    }

    private mutating func insideBraces() -> Token {
        guard let byte = peek() else { return fail("unexpected end of input inside braces", at: position) }
        switch byte {
        case UInt8(ascii: ","): return take(1, .comma)
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"): return quoted(byte)
        case UInt8(ascii: "="):
            return peek(1) == UInt8(ascii: "~") ? take(2, .matchRegex) : take(1, .assign)
        case UInt8(ascii: "!"):
            if peek(1) == UInt8(ascii: "~") { return take(2, .matchNotRegex) }
            if peek(1) == UInt8(ascii: "=") { return take(2, .binaryOperator(.notEqual)) }
            let wrong = quotedCharacter(at: position + 1)
            return fail("unexpected character after '!' inside braces: \(wrong)", at: position)
        case UInt8(ascii: "{"): return fail("unexpected left brace '{'", at: position)
        case UInt8(ascii: "}"):
            braceIsOpen = false
            return take(1, .rightBrace)
        default: break
        }
        guard byte.isNameStart else {
            return fail("unexpected character inside braces: \(quotedCharacter(at: position))", at: position)
        }
        var length = 1
        while let other = peek(length), other.isNameByte { length += 1 }
        return take(length, .identifier)
    }

    /// What means the same within the brackets of a range and outside of them.
    private mutating func sign(_ byte: UInt8) -> Token? {
        switch byte {
        case UInt8(ascii: ","): return take(1, .comma)
        case UInt8(ascii: "*"): return take(1, .binaryOperator(.multiply))
        case UInt8(ascii: "/"): return take(1, .binaryOperator(.divide))
        case UInt8(ascii: "%"): return take(1, .binaryOperator(.modulo))
        case UInt8(ascii: "+"): return take(1, .binaryOperator(.add))
        case UInt8(ascii: "-"): return take(1, .binaryOperator(.subtract))
        case UInt8(ascii: "^"): return take(1, .binaryOperator(.power))
        case UInt8(ascii: "("):
            parenthesisDepth += 1
            return take(1, .leftParenthesis)
        case UInt8(ascii: ")"):
            guard parenthesisDepth > 0 else { return fail("unexpected right parenthesis ')'", at: position + 1) }
            parenthesisDepth -= 1
            return take(1, .rightParenthesis)
        default: return nil
        }
    }

    private mutating func insideBrackets(_ byte: UInt8) -> Token {
        if let token = sign(byte) { return token }
        switch byte {
        case UInt8(ascii: "]"):
            bracketIsOpen = false
            return take(1, .rightBracket)
        case UInt8(ascii: ":"):
            guard bracketHasDuration else {
                return fail("unexpected colon before duration in duration expression", at: position)
            }
            guard !bracketHasColon else {
                return fail("unexpected repeated colon in duration expression", at: position)
            }
            bracketHasColon = true
            return take(1, .colon)
        case UInt8(ascii: "["): return fail("unexpected left bracket '['", at: position)
        default: break
        }
        if byte.isDigit || (byte == UInt8(ascii: ".") && (peek(1)?.isDigit ?? false)) {
            bracketHasDuration = true
            return numberOrDuration()
        }
        if byte.isNameStart {
            var length = 1
            while let other = peek(length), other.isNameByte { length += 1 }
            switch GoText.lowercased(input[position..<position + length]) {
            case "step":
                bracketHasDuration = true
                return take(length, .keyword(.step))
            case "range":
                bracketHasDuration = true
                return take(length, .keyword(.range))
            case "min": return take(length, .aggregator(.min))
            case "max": return take(length, .aggregator(.max))
            case "min_of", "max_of": return take(length, .identifier)
            default: break
            }
        }
        let wrong = quotedCharacter(at: position)
        return fail("unexpected character in duration expression: \(wrong)", at: position)
    }

    private mutating func word() -> Token {
        var length = 1
        var hasColon = peek() == UInt8(ascii: ":")
        while let byte = peek(length), byte.isNameByte || byte == UInt8(ascii: ":") {
            hasColon = hasColon || byte == UInt8(ascii: ":")
            length += 1
        }
        let text = GoText.lowercased(input[position..<position + length])
        if let kind = Self.words[text] { return take(length, kind) }
        return take(length, hasColon ? .metricIdentifier : .identifier)
    }

    private static let words: [String: TokenKind] = {
        var words: [String: TokenKind] = ["inf": .number, "nan": .number]
        for keyword in Keyword.allCases { words[keyword.rawValue] = .keyword(keyword) }
        for aggregator in AggregationOperator.allCases { words[aggregator.rawValue] = .aggregator(aggregator) }
        for set in [BinaryOperator.and, .or, .unless, .arcTangent] { words[set.rawValue] = .binaryOperator(set) }
        return words
    }()

    // MARK: Literals

    private mutating func quoted(_ quote: UInt8) -> Token {
        let start = position
        var index = position + 1
        let isRaw = quote == UInt8(ascii: "`")
        while index < input.count {
            let byte = input[index]
            if byte == quote {
                position = index + 1
                return Token(kind: .string, range: start..<position)
            }
            if !isRaw {
                if byte == UInt8(ascii: "\n") { return fail("unterminated quoted string", at: start) }
                if byte == UInt8(ascii: "\\") {
                    if let message = Self.escapeProblem(in: input, at: &index, quote: quote) {
                        return fail(message, at: start)
                    }
                    continue
                }
            }
            index += 1
        }
        return fail(isRaw ? "unterminated raw string" : "unterminated quoted string", at: start)
    }

    /// Walks over one escape; a message when it is none.
    private static func escapeProblem(in input: [UInt8], at index: inout Int, quote: UInt8) -> String? {
        index += 1
        guard index < input.count else { return "escape sequence not terminated" }
        let byte = input[index]
        let digits: (count: Int, base: UInt32, limit: UInt32)
        switch byte {
        case UInt8(ascii: "a"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"),
            UInt8(ascii: "t"), UInt8(ascii: "v"), UInt8(ascii: "\\"), quote:
            index += 1
            return nil
        case UInt8(ascii: "0")...UInt8(ascii: "7"): digits = (3, 8, 255)
        case UInt8(ascii: "x"): digits = (2, 16, 255)
        case UInt8(ascii: "u"): digits = (4, 16, 0x10FFFF)
        case UInt8(ascii: "U"): digits = (8, 16, 0x10FFFF)
        default:
            return "unknown escape sequence \(Self.codePoint(byte))"
        }
        if digits.base == 16 { index += 1 }
        var value: UInt32 = 0
        for _ in 0..<digits.count {
            guard index < input.count else { return "escape sequence not terminated" }
            guard let digit = input[index].hexDigit, digit < digits.base else {
                return "illegal character \(Self.codePoint(input[index])) in escape sequence"
            }
            value = value &* digits.base &+ digit
            index += 1
        }
        if value > digits.limit || (0xD800..<0xE000).contains(value) {
            return "escape sequence is an invalid Unicode code point"
        }
        return nil
    }

    /// The number of a character, and the character where it can be shown.
    private static func codePoint(_ byte: UInt8) -> String {
        let isShown = byte >= 0x20 && byte < 0x7F
        let shown = isShown ? " '\(Character(Unicode.Scalar(byte)))'" : ""
        return "U+\(GoText.hex(UInt32(byte), width: 4).uppercased())\(shown)"
    }

    private mutating func numberOrDuration() -> Token {
        let start = position
        if let end = NumberScanner.number(in: input, from: start) {
            position = end
            return Token(kind: .number, range: start..<end)
        }
        if let end = NumberScanner.duration(in: input, from: start) {
            position = end
            return Token(kind: .duration, range: start..<end)
        }
        var end = start
        while end < input.count, input[end].isNameByte || input[end] == UInt8(ascii: ".") { end += 1 }
        return fail("bad number or duration syntax: \(GoText.quote(Array(input[start..<end])))", at: start)
    }
}

// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// A piece of a template.
struct TemplateToken: Hashable {
    enum Kind: Hashable {
        /// The input ends, or what is wrong with it: the parser reports that only when it gets there.
        case end, failure
        case text, leftDelimiter, rightDelimiter, space
        case assign, declare, pipe, leftParenthesis, rightParenthesis, character
        case string, rawString, number, characterConstant, boolean, dot, null, field, variable, identifier
        case keywordBlock, keywordBreak, keywordContinue, keywordDefine, keywordElse, keywordEnd, keywordIf,
            keywordRange,
            keywordTemplate, keywordWith
    }

    var kind: Kind
    var text: String
    /// Byte offset in the source and 1-based line.
    var offset: Int
    var line: Int

    var isKeyword: Bool { Self.keywords[text] == kind && kind != .null }

    static let keywords: [String: Kind] = [
        "block": .keywordBlock, "break": .keywordBreak, "continue": .keywordContinue, "define": .keywordDefine,
        "else": .keywordElse, "end": .keywordEnd, "if": .keywordIf, "range": .keywordRange, "nil": .null,
        "template": .keywordTemplate, "with": .keywordWith,
    ]

    /// As Go's messages show it.
    var shown: String {
        if kind == .end { return "EOF" }
        if isKeyword { return "<\(text)>" }
        if kind == .dot { return "<.>" }
        let scalars = text.unicodeScalars
        if scalars.count > 10 { return GoText.quote(String(String.UnicodeScalarView(scalars.prefix(10)))) + "..." }
        return GoText.quote(text)
    }
}

/// Cuts a template into tokens; follows the rules of Go's text/template for delimiters, trim markers and comments.
struct TemplateLexer {
    private let bytes: [UInt8]
    private let name: String
    private var position = 0
    private var line = 1
    private var lineOffset = 0
    private var depth = 0
    private(set) var tokens: [TemplateToken] = []

    static func tokens(_ text: String, name: String) -> [TemplateToken] {
        var lexer = TemplateLexer(text, name: name)
        do throws(TemplateError) {
            while try lexer.scanText() {
                while try lexer.scanAction() {}
            }
            lexer.emit(.end, lexer.position, lexer.position)
        } catch {
            let offset = min(lexer.position, lexer.bytes.count)
            let token = TemplateToken(kind: .failure, text: error.message, offset: offset, line: error.line)
            lexer.tokens.append(token)
        }
        return lexer.tokens
    }

    private init(_ text: String, name: String) {
        bytes = Array(text.utf8)
        self.name = name
    }

    private func byte(_ offset: Int) -> UInt8? { offset >= 0 && offset < bytes.count ? bytes[offset] : nil }

    private func has(_ prefix: StaticString, at offset: Int) -> Bool {
        guard offset >= 0, offset + prefix.utf8CodeUnitCount <= bytes.count else { return false }
        return prefix.withUTF8Buffer { unsafe bytes[offset...].starts(with: $0) }
    }

    private func isSpace(_ byte: UInt8?) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

    private mutating func lineNumber(at offset: Int) -> Int {
        while lineOffset < offset {
            if bytes[lineOffset] == 0x0A { line += 1 }
            lineOffset += 1
        }
        return line
    }

    private mutating func emit(_ kind: TemplateToken.Kind, _ start: Int, _ end: Int) {
        let text = String(decoding: bytes[start..<end], as: UTF8.self)
        tokens.append(TemplateToken(kind: kind, text: text, offset: start, line: lineNumber(at: start)))
    }

    private mutating func failure(_ message: String, at offset: Int? = nil) -> TemplateError {
        let line = lineNumber(at: min(offset ?? position, bytes.count))
        return TemplateError(parsing: name, line: line, column: 0, message)
    }

    /// Text up to the next action, trimmed as its marker asks. False at the end of the input.
    private mutating func scanText() throws(TemplateError) -> Bool {
        while true {
            let start = position
            var end = start
            while end < bytes.count, !has("{{", at: end) { end += 1 }
            guard end < bytes.count else {
                if end > start { emit(.text, start, end) }
                position = end
                return false
            }
            let trimsLeft = has("{{-", at: end) && isSpace(byte(end + 3))
            var textEnd = end
            if trimsLeft { while textEnd > start, isSpace(bytes[textEnd - 1]) { textEnd -= 1 } }
            if textEnd > start { emit(.text, start, textEnd) }
            let inside = end + (trimsLeft ? 4 : 2)
            if has("/*", at: inside) {
                try skipComment(inside)
                continue
            }
            emit(.leftDelimiter, end, end + 2)
            position = trimsLeft ? end + 3 : inside
            depth = 0
            return true
        }
    }

    private mutating func skipComment(_ start: Int) throws(TemplateError) {
        var end = start + 2
        while end < bytes.count, !has("*/", at: end) { end += 1 }
        guard end < bytes.count else { throw failure("unclosed comment", at: start) }
        position = end + 2
        guard let width = rightDelimiter(at: position) else {
            throw failure("comment ends before closing delimiter", at: position)
        }
        closeDelimiter(width: width)
    }

    /// The bytes of a right delimiter here, its trim marker included; nil when there is none.
    private func rightDelimiter(at offset: Int) -> Int? {
        if has("}}", at: offset) { return 2 }
        return isSpace(byte(offset)) && has("-}}", at: offset + 1) ? 4 : nil
    }

    private mutating func closeDelimiter(width: Int) {
        position += width
        if width == 4 { while isSpace(byte(position)) { position += 1 } }
    }

    /// One token inside an action. False when the action ended.
    private mutating func scanAction() throws(TemplateError) -> Bool {
        let start = position
        if let width = rightDelimiter(at: start) {
            guard depth == 0 else { throw failure("unclosed left paren") }
            emit(.rightDelimiter, start + width - 2, start + width)
            closeDelimiter(width: width)
            return false
        }
        guard let first = byte(start) else {
            throw failure("unclosed action", at: tokens.last { $0.kind == .leftDelimiter }?.offset)
        }
        position += 1
        switch first {
        case 0x20, 0x09, 0x0A, 0x0D:
            while isSpace(byte(position)), rightDelimiter(at: position) == nil { position += 1 }
            emit(.space, start, position)
        case UInt8(ascii: "="): emit(.assign, start, position)
        case UInt8(ascii: ":"):
            guard byte(position) == UInt8(ascii: "=") else { throw failure("expected :=") }
            position += 1
            emit(.declare, start, position)
        case UInt8(ascii: "|"): emit(.pipe, start, position)
        case UInt8(ascii: "("):
            depth += 1
            emit(.leftParenthesis, start, position)
        case UInt8(ascii: ")"):
            depth -= 1
            guard depth >= 0 else { throw failure("unexpected right paren") }
            emit(.rightParenthesis, start, position)
        case UInt8(ascii: "\""): try scanQuoted(start, closing: first, .string, "unterminated quoted string")
        case UInt8(ascii: "'"):
            try scanQuoted(start, closing: first, .characterConstant, "unterminated character constant")
        case UInt8(ascii: "`"):
            while let byte = byte(position), byte != first { position += 1 }
            guard byte(position) != nil else { throw failure("unterminated raw quoted string", at: start) }
            position += 1
            emit(.rawString, start, position)
        case UInt8(ascii: "$"): try scanName(start, .variable)
        case UInt8(ascii: "."):
            if let next = byte(position), isDigit(next) { try scanNumber(start) } else { try scanName(start, .field) }
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try scanNumber(start)
        default:
            if isAlphanumeric(first) {
                try scanName(start, .identifier)
            } else if first > 0x20, first < 0x7F {
                emit(.character, start, position)
            } else {
                throw failure("unrecognized character in action: \(describe(start))", at: start)
            }
        }
        return true
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// Letters of other scripts count as letters; every byte above ASCII is taken for one.
    private func isAlphanumeric(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || isDigit(byte)
            || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
            || byte >= 0x80
    }

    private func isTerminator(_ offset: Int) -> Bool {
        guard let byte = byte(offset) else { return true }
        return isSpace(byte) || ".,|:)(".utf8.contains(byte) || has("}}", at: offset)
    }

    /// `U+0026 '&'`
    private func describe(_ offset: Int) -> String {
        let scalar = String(decoding: bytes[offset..<min(offset + 4, bytes.count)], as: UTF8.self).unicodeScalars.first
        guard let scalar else { return "U+FFFD" }
        let hex = String(scalar.value, radix: 16, uppercase: true)
        let code = "U+" + String(repeating: "0", count: max(0, 4 - hex.utf8.count)) + hex
        return GoText.isPrintable(scalar) ? "\(code) '\(Character(scalar))'" : code
    }

    private mutating func scanQuoted(
        _ start: Int,
        closing: UInt8,
        _ kind: TemplateToken.Kind,
        _ message: String
    ) throws(TemplateError) {
        while let byte = byte(position), byte != closing, byte != 0x0A {
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        guard byte(position) == closing else { throw failure(message, at: start) }
        position += 1
        emit(kind, start, position)
    }

    /// Identifiers, keywords, `.field` and `$variable`.
    private mutating func scanName(_ start: Int, _ kind: TemplateToken.Kind) throws(TemplateError) {
        if kind == .field, isTerminator(position) {
            emit(.dot, start, position)
            return
        }
        while let byte = byte(position), isAlphanumeric(byte) { position += 1 }
        guard isTerminator(position) else { throw failure("bad character \(describe(position))") }
        guard kind == .identifier else {
            emit(kind, start, position)
            return
        }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        let found = TemplateToken.keywords[word] ?? (word == "true" || word == "false" ? .boolean : .identifier)
        emit(found, start, position)
    }

    private mutating func scanNumber(_ start: Int) throws(TemplateError) {
        while let byte = byte(position), isAlphanumeric(byte) || byte == UInt8(ascii: ".") || isExponentSign(position) {
            position += 1
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard TemplateNumber(text) != nil else { throw failure("bad number syntax: \(GoText.quote(text))", at: start) }
        emit(.number, start, position)
    }

    private func isExponentSign(_ offset: Int) -> Bool {
        guard let sign = byte(offset), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let before = byte(offset - 1)
        else { return false }
        return before | 0x20 == UInt8(ascii: "e") || before | 0x20 == UInt8(ascii: "p")
    }
}

/// A number literal: what it can be used as.
struct TemplateNumber: Hashable, Sendable {
    let integer: Int64?
    let float: Double
    let text: String

    init?(_ text: String) {
        var digits = text.filter { $0 != "_" }
        let isNegative = digits.hasPrefix("-")
        if isNegative || digits.hasPrefix("+") { digits.removeFirst() }
        guard let first = digits.utf8.first, first == UInt8(ascii: ".") || (0x30...0x39).contains(first) else {
            return nil
        }
        self.text = text
        let lower = digits.lowercased()
        var radix = 10
        var body = lower[...]
        for (prefix, base) in [("0x", 16), ("0b", 2), ("0o", 8)] where lower.hasPrefix(prefix) {
            radix = base
            body = lower.dropFirst(2)
        }
        if radix == 10, lower.utf8.count > 1, lower.utf8.first == 0x30,
            lower.utf8.allSatisfy({ (0x30...0x37).contains($0) })
        {
            radix = 8
        }
        let signed = (isNegative ? "-" : "") + body
        if let value = Int64(signed, radix: radix) {
            integer = value
            float = Double(value)
            return
        }
        let isDecimal = radix == 10 || (radix == 16 && lower.contains("p"))
        guard isDecimal, let value = Double((isNegative ? "-" : "") + (radix == 16 ? lower : String(body))) else {
            return nil
        }
        float = value
        // 1e3 is a float as it stands, and a whole number where one is asked for.
        integer = nil
    }

    /// Written with a point or an exponent.
    var isFloat: Bool { integer == nil }
}

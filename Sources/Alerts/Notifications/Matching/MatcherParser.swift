// SPDX-License-Identifier: Apache-2.0

/// Parses Alertmanager's matcher syntax: `{name="value", "UTF-8 name"=~"…"}`, braces and quotes optional.
///
/// Input is read the UTF-8 way; what that refuses is tried the classic way, whose values may stay unquoted with
/// almost any character in them. Input that both accept but read differently is read the classic way, as Alertmanager
/// does in its default mode.
package enum MatcherParser {
    /// Longer input is no matcher.
    static let maximumLength = 64 << 10

    package static func parse(_ text: String) throws(AlertMatcherError) -> [AlertMatcher] {
        guard text.utf8.count <= maximumLength else { throw AlertMatcherError(message: "matcher too long") }
        var parser = UTF8MatcherParser(text)
        let modern: [AlertMatcher]
        do {
            modern = try parser.parse()
        } catch {
            do {
                return try ClassicMatcherParser.parse(text)
            } catch _ {
                throw error
            }
        }
        if let classic = try? ClassicMatcherParser.parse(text), classic != modern { return classic }
        return modern
    }

    /// Exactly one matcher.
    package static func parseOne(_ text: String) throws(AlertMatcherError) -> AlertMatcher {
        let matchers = try parse(text)
        guard matchers.count == 1, let matcher = matchers.first else {
            throw AlertMatcherError(
                message: matchers.isEmpty ? "no matchers" : "expected 1 matcher, found \(matchers.count)"
            )
        }
        return matcher
    }

    static func isReserved(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "{", "}", "!", "=", "~", ",", "\\", "\"", "'", "`": true
        default: scalar.properties.isWhitespace
        }
    }
}

/// The syntax of Alertmanager 0.27 and later.
private struct UTF8MatcherParser {
    private enum Token: Equatable {
        case openBrace, closeBrace, comma, end
        case operation(AlertMatcher.Operation)
        case text(String)
    }

    private let scalars: [Unicode.Scalar]
    private var position = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func parse() throws(AlertMatcherError) -> [AlertMatcher] {
        var matchers: [AlertMatcher] = []
        var token = try next()
        let isBraced = token == .openBrace
        if isBraced { token = try next() }
        while case .text(let name) = token {
            guard case .operation(let operation) = try next() else {
                throw failure("expected an operator such as '=', '!=', '=~' or '!~'")
            }
            guard case .text(let value) = try next() else { throw failure("expected label value") }
            guard !name.isEmpty else { throw failure("expected label name") }
            matchers.append(try AlertMatcher(name, operation, value))
            token = try next()
            guard token == .comma else { break }
            token = try next()
        }
        if isBraced {
            guard token == .closeBrace else { throw failure("expected a comma or close brace") }
            token = try next()
        }
        guard token == .end else { throw failure(matchers.isEmpty ? "expected label name" : "expected a comma") }
        return matchers
    }

    private mutating func next() throws(AlertMatcherError) -> Token {
        while position < scalars.count, scalars[position].properties.isWhitespace { position += 1 }
        guard position < scalars.count else { return .end }
        let scalar = scalars[position]
        position += 1
        switch scalar {
        case "{": return .openBrace
        case "}": return .closeBrace
        case ",": return .comma
        case "=": return .operation(take("~") ? .regexMatch : .equal)
        case "!":
            if take("=") { return .operation(.notEqual) }
            if take("~") { return .operation(.regexNoMatch) }
            throw failure("expected one of '=~'")
        case "\"": return .text(try quoted())
        case _ where MatcherParser.isReserved(scalar): throw failure("unexpected \(scalar)")
        default:
            var text = String(scalar)
            while position < scalars.count, !MatcherParser.isReserved(scalars[position]) {
                text.unicodeScalars.append(scalars[position])
                position += 1
            }
            return .text(text)
        }
    }

    /// A Go string literal, the opening quote already read.
    private mutating func quoted() throws(AlertMatcherError) -> String {
        var bytes: [UInt8] = []
        while position < scalars.count {
            let scalar = scalars[position]
            position += 1
            switch scalar {
            case "\"":
                guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("invalid UTF-8") }
                return text
            case "\n": throw failure("line end inside quotes")
            case "\\": try escape(into: &bytes)
            default: bytes.append(contentsOf: String(scalar).utf8)
            }
        }
        throw failure("missing end \"")
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(AlertMatcherError) {
        guard position < scalars.count else { throw failure("missing end \"") }
        let scalar = scalars[position]
        position += 1
        switch scalar {
        case "a": bytes.append(7)
        case "b": bytes.append(8)
        case "f": bytes.append(12)
        case "n": bytes.append(10)
        case "r": bytes.append(13)
        case "t": bytes.append(9)
        case "v": bytes.append(11)
        case "\\", "\"": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
        case "x": bytes.append(UInt8(truncatingIfNeeded: try number(digits: 2, radix: 16)))
        case "u": bytes.append(contentsOf: try unicode(digits: 4))
        case "U": bytes.append(contentsOf: try unicode(digits: 8))
        case "0"..."7":
            position -= 1
            let value = try number(digits: 3, radix: 8)
            guard value < 256 else { throw failure("invalid escape") }
            bytes.append(UInt8(value))
        default: throw failure("invalid escape")
        }
    }

    private mutating func unicode(digits: Int) throws(AlertMatcherError) -> [UInt8] {
        guard let scalar = Unicode.Scalar(try number(digits: digits, radix: 16)) else {
            throw failure("invalid escape")
        }
        return Array(String(scalar).utf8)
    }

    private mutating func number(digits: Int, radix: UInt32) throws(AlertMatcherError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard position < scalars.count, scalars[position].isASCII,
                let digit = Character(scalars[position]).hexDigitValue, digit < Int(radix),
                value <= (UInt32.max - 15) / radix
            else { throw failure("invalid escape") }
            value = value * radix + UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard position < scalars.count, scalars[position] == scalar else { return false }
        position += 1
        return true
    }

    private func failure(_ message: String) -> AlertMatcherError {
        AlertMatcherError(message: "bad matcher at character \(position): \(message)")
    }
}

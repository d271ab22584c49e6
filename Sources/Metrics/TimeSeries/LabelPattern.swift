// SPDX-License-Identifier: Apache-2.0

import RegularExpressions

/// What an anchored expression asks for; most need no automaton.
enum LabelPattern: Sendable {
    case literal(String)
    /// An alternation of literals, sorted, distinct.
    case set([String])
    /// `prefix.*`, or `prefix.+` with `atLeast` 1.
    case prefix(String, atLeast: Int)
    /// `.*`, or `.+` with `atLeast` 1.
    case anything(atLeast: Int)
    case expression(RegularExpression)

    init(expression text: String) throws(RegularExpressionError) {
        // Compiled always, so that what RE2 refuses is refused here too.
        let compiled = try RegularExpression(text)
        self = Self.simple(text) ?? .expression(compiled)
    }

    func matches(_ text: String) -> Bool {
        switch self {
        case .literal(let literal): text == literal
        case .set(let literals): literals.contains(text)
        case .prefix(let prefix, let atLeast):
            text.utf8.count >= prefix.utf8.count + atLeast && text.utf8.starts(with: prefix.utf8)
        case .anything(let atLeast): text.utf8.count >= atLeast
        case .expression(let expression): expression.matchesWhole(text)
        }
    }

    /// Recognises literals, alternations of literals (grouped or not), `.*`, `.+`, `prefix.*` and `prefix.+`.
    private static func simple(_ text: String) -> LabelPattern? {
        var bytes = ArraySlice(text.utf8)
        if bytes.elementsEqual(".*".utf8) { return .anything(atLeast: 0) }
        if bytes.elementsEqual(".+".utf8) { return .anything(atLeast: 1) }
        if let tail = bytes.dropLast(2).isEmpty ? nil : Array(bytes.suffix(2)), tail[0] == UInt8(ascii: "."),
            tail[1] == UInt8(ascii: "*") || tail[1] == UInt8(ascii: "+"),
            let prefix = literal(bytes.dropLast(2))
        {
            return .prefix(prefix, atLeast: tail[1] == UInt8(ascii: "+") ? 1 : 0)
        }
        for opening in ["(?:", "("] where bytes.starts(with: opening.utf8) && bytes.last == UInt8(ascii: ")") {
            bytes = bytes.dropFirst(opening.utf8.count).dropLast()
            break
        }
        var literals: [String] = []
        // A backslash before the bar makes the pieces around it unreadable as literals, which sends it to RE2.
        for piece in bytes.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false) {
            guard let literal = literal(piece) else { return nil }
            literals.append(literal)
        }
        if literals.count == 1 { return .literal(literals[0]) }
        return .set(Array(Set(literals)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    /// The text that `bytes` stands for if it holds no operator but escaped punctuation.
    private static func literal(_ bytes: ArraySlice<UInt8>) -> String? {
        var result: [UInt8] = []
        var isEscaped = false
        for byte in bytes {
            let isOperator = #"\.+*?()|[]{}^$"#.utf8.contains(byte)
            if isEscaped {
                guard isOperator || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "/") else { return nil }
                result.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if isOperator {
                return nil
            } else {
                result.append(byte)
            }
        }
        return isEscaped ? nil : String(decoding: result, as: UTF8.self)
    }
}

// SPDX-License-Identifier: Apache-2.0

/// The matcher syntax before UTF-8 names: commas outside quotes separate, OpenMetrics escapes, tolerant of the rest.
enum ClassicMatcherParser {
    static func parse(_ text: String) throws(AlertMatcherError) -> [AlertMatcher] {
        var scalars = ArraySlice(text.unicodeScalars.map(\.self))
        if scalars.first == "{" { scalars = scalars.dropFirst() }
        if scalars.last == "}" { scalars = scalars.dropLast() }
        var pieces: [[Unicode.Scalar]] = [[]]
        var isQuoted = false, isEscaped = false
        for scalar in scalars {
            switch scalar {
            case "," where !isQuoted:
                pieces.append([])
                continue
            case "\"":
                if isEscaped { isEscaped = false } else { isQuoted.toggle() }
            case "\\": isEscaped.toggle()
            default: isEscaped = false
            }
            pieces[pieces.count - 1].append(scalar)
        }
        if trimmed(pieces[pieces.count - 1][...]).isEmpty { pieces.removeLast() }
        var matchers: [AlertMatcher] = []
        for piece in pieces { matchers.append(try matcher(piece)) }
        return matchers
    }

    private static func matcher(_ piece: [Unicode.Scalar]) throws(AlertMatcherError) -> AlertMatcher {
        var rest = trimmed(piece[...])
        let name = rest.prefix { isNameScalar($0) }
        rest = rest.dropFirst(name.count).drop { $0.properties.isWhitespace }
        guard let first = name.first, !("0"..."9").contains(first), let (operation, length) = operation(rest) else {
            throw AlertMatcherError(message: "bad matcher format: \(text(piece[...]))")
        }
        let value = trimmed(rest.dropFirst(length))
        return try AlertMatcher(text(name), operation, try unescaped(value))
    }

    private static func operation(_ rest: ArraySlice<Unicode.Scalar>) -> (AlertMatcher.Operation, Int)? {
        switch (rest.first, rest.dropFirst().first) {
        case ("=", "~"): (.regexMatch, 2)
        case ("!", "="): (.notEqual, 2)
        case ("!", "~"): (.regexNoMatch, 2)
        case ("=", _): (.equal, 1)
        default: nil
        }
    }

    private static func unescaped(_ value: ArraySlice<Unicode.Scalar>) throws(AlertMatcherError) -> String {
        var rest = value
        let isQuoted = rest.first == "\""
        if isQuoted { rest = rest.dropFirst() }
        var result = String.UnicodeScalarView()
        var isEscaped = false, isClosed = false
        for (offset, scalar) in rest.enumerated() {
            let isLast = offset == rest.count - 1
            if isEscaped {
                isEscaped = false
                switch scalar {
                case "n": result.append("\n")
                case "\"", "\\": result.append(scalar)
                default: result.append(contentsOf: ["\\", scalar])
                }
            } else if scalar == "\\", !isLast {
                isEscaped = true
            } else if scalar == "\"" {
                guard isQuoted, isLast else { throw unescapedQuote(value) }
                isClosed = true
            } else {
                result.append(scalar)
            }
        }
        guard !isQuoted || isClosed else { throw unescapedQuote(value) }
        return String(result)
    }

    private static func unescapedQuote(_ value: ArraySlice<Unicode.Scalar>) -> AlertMatcherError {
        AlertMatcherError(message: "matcher value contains unescaped double quote: \(text(value))")
    }

    private static func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", ":": true
        default: false
        }
    }

    private static func trimmed(_ scalars: ArraySlice<Unicode.Scalar>) -> ArraySlice<Unicode.Scalar> {
        var result = scalars.drop { $0.properties.isWhitespace }
        while let last = result.last, last.properties.isWhitespace { result = result.dropLast() }
        return result
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}

// SPDX-License-Identifier: Apache-2.0

/// One lexical unit with its bytes in the input.
struct Token {
    var kind: TokenKind
    var range: Range<Int>
}

/// What a token is. Words that the grammar knows carry their meaning, and may still be metric or label names.
enum TokenKind: Equatable {
    case endOfInput
    case error(String)
    case identifier, metricIdentifier
    case string, number, duration
    case leftParenthesis, rightParenthesis, leftBrace, rightBrace, leftBracket, rightBracket
    case comma, colon, at
    case assign, matchRegex, matchNotRegex
    case binaryOperator(BinaryOperator)
    case aggregator(AggregationOperator)
    case keyword(Keyword)
}

/// Words that modify an expression.
enum Keyword: String, CaseIterable {
    case offset, smoothed, anchored, by, without, on, ignoring, bool, start, end, step, range, fill
    case groupLeft = "group_left"
    case groupRight = "group_right"
    case fillLeft = "fill_left"
    case fillRight = "fill_right"

    /// `start`, `end`, `step` and `range` are printed as words, the others as keywords in messages.
    var isPreprocessor: Bool {
        switch self {
        case .start, .end, .step, .range: true
        default: false
        }
    }
}

/// Operators between two operands.
package enum BinaryOperator: String, Sendable, Hashable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case power = "^"
    case arcTangent = "atan2"
    case equal = "=="
    case notEqual = "!="
    case greater = ">"
    case less = "<"
    case greaterOrEqual = ">="
    case lessOrEqual = "<="
    case and, or, unless
    case trimUpper = "</"
    case trimLower = ">/"

    package var isComparison: Bool {
        switch self {
        case .equal, .notEqual, .greater, .less, .greaterOrEqual, .lessOrEqual: true
        default: false
        }
    }

    package var isSet: Bool { self == .and || self == .or || self == .unless }

    /// True when the result is another quantity than the operands, so that the metric name goes.
    package var changesMeaning: Bool {
        switch self {
        case .add, .subtract, .multiply, .divide, .modulo, .power, .arcTangent: true
        default: false
        }
    }

    /// Binding strength; the higher, the tighter.
    var precedence: Int {
        switch self {
        case .or: 1
        case .and, .unless: 2
        case .equal, .notEqual, .greater, .less, .greaterOrEqual, .lessOrEqual: 3
        case .trimUpper, .trimLower: 3
        case .add, .subtract: 4
        case .multiply, .divide, .modulo, .arcTangent: 5
        case .power: 6
        }
    }
}

/// Aggregations over the series of an instant vector.
package enum AggregationOperator: String, Sendable, Hashable, CaseIterable {
    case sum, avg, count, min, max, group, stddev, stdvar, topk, bottomk, quantile, limitk
    case countValues = "count_values"
    case limitRatio = "limit_ratio"

    package var takesParameter: Bool {
        switch self {
        case .topk, .bottomk, .quantile, .limitk, .countValues, .limitRatio: true
        default: false
        }
    }

    package var isExperimental: Bool { self == .limitk || self == .limitRatio }

    /// True for those that hand out input series instead of one result for each group.
    package var selectsSeries: Bool {
        switch self {
        case .topk, .bottomk, .limitk, .limitRatio: true
        default: false
        }
    }
}

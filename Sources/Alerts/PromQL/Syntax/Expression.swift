// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// What an expression evaluates to.
package enum ValueType: String, Sendable, Hashable {
    case scalar, string
    case instantVector = "vector"
    case rangeVector = "matrix"

    /// The name that the documentation and messages use.
    package var documentedName: String {
        switch self {
        case .scalar: "scalar"
        case .string: "string"
        case .instantVector: "instant vector"
        case .rangeVector: "range vector"
        }
    }
}

/// A parsed expression. Every node knows its bytes in the text it was parsed from.
package indirect enum Expression: Sendable {
    case number(NumberLiteral)
    case string(StringLiteral)
    case vector(VectorSelector)
    case matrix(MatrixSelector)
    case subquery(Subquery)
    case call(FunctionCall)
    case aggregation(Aggregation)
    case binary(BinaryOperation)
    case unary(UnaryOperation)
    case parenthesised(Parenthesised)

    /// Byte range in the input.
    package var range: Range<Int> {
        switch self {
        case .number(let node): node.range
        case .string(let node): node.range
        case .vector(let node): node.range
        case .matrix(let node): node.range
        case .subquery(let node): node.expression.range.lowerBound..<node.end
        case .call(let node): node.range
        case .aggregation(let node): node.range
        case .binary(let node): node.range
        case .unary(let node): node.start..<Swift.max(node.start, node.operand.range.upperBound)
        case .parenthesised(let node): node.range
        }
    }

    /// The static type; what it evaluates to at every step.
    package var type: ValueType {
        switch self {
        case .number: .scalar
        case .string: .string
        case .vector: .instantVector
        case .matrix, .subquery: .rangeVector
        case .call(let node): node.function.returnType
        case .aggregation: .instantVector
        case .binary(let node): node.type
        case .unary(let node): node.operand.type
        case .parenthesised(let node): node.expression.type
        }
    }

    /// Without parentheses around it.
    var unwrapped: Expression {
        var expression = self
        while case .parenthesised(let node) = expression { expression = node.expression }
        return expression
    }

    /// Longest way to a leaf.
    var depth: Int {
        switch self {
        case .number, .string, .vector, .matrix: 1
        case .subquery(let node): node.depth
        case .call(let node): node.depth
        case .aggregation(let node): node.depth
        case .binary(let node): node.depth
        case .unary(let node): node.depth
        case .parenthesised(let node): node.depth
        }
    }

    /// Direct sub-expressions in the order of the text.
    package var children: [Expression] {
        switch self {
        case .number, .string, .vector: []
        case .matrix(let node): [.vector(node.selector)]
        case .subquery(let node): [node.expression]
        case .call(let node): node.arguments
        case .aggregation(let node): (node.parameter.map { [$0] } ?? []) + [node.expression]
        case .binary(let node): [node.left, node.right]
        case .unary(let node): [node.operand]
        case .parenthesised(let node): [node.expression]
        }
    }

    /// Every selector, left to right; `matrix` selectors and subqueries contribute the selector inside.
    package var selectors: [VectorSelector] {
        var found: [VectorSelector] = []
        collectSelectors(into: &found)
        return found
    }

    private func collectSelectors(into found: inout [VectorSelector]) {
        if case .vector(let node) = self { found.append(node) }
        for child in children { child.collectSelectors(into: &found) }
    }
}

package struct NumberLiteral: Sendable {
    package var value: Double
    package var range: Range<Int>
    /// Written with units (`5m`), and printed so.
    package var isDuration: Bool
}

package struct StringLiteral: Sendable {
    /// The bytes between the quotes, escapes resolved; they need not be UTF-8.
    package var bytes: [UInt8]
    package var range: Range<Int>

    package var value: String { String(decoding: bytes, as: UTF8.self) }
    var isValidText: Bool { value.utf8.elementsEqual(bytes) }
}

/// The time that `@` fixes.
package enum FixedTime: Sendable, Hashable {
    case timestamp(Timestamp)
    case start, end
}

/// A duration: given, or computed when the query's times are known.
package enum DurationValue: Sendable {
    case milliseconds(Int64)
    case expression(DurationExpression)

    package static let zero = DurationValue.milliseconds(0)

    var isSet: Bool {
        if case .milliseconds(0) = self { return false }
        return true
    }
}

package struct VectorSelector: Sendable {
    /// The metric name that stood before the braces.
    package var name: String?
    /// All matchers, the one for `name` last.
    package var matchers: [LabelMatcher]
    package var range: Range<Int>
    package var offset = DurationValue.zero
    package var at: FixedTime?
    package var isAnchored = false
    package var isSmoothed = false
    /// The label selector of `info`, which may match everything.
    var mayBeEmpty = false
}

package struct MatrixSelector: Sendable {
    package var selector: VectorSelector
    package var length: DurationValue
    package var end: Int

    package var range: Range<Int> { selector.range.lowerBound..<Swift.max(end, selector.range.lowerBound) }
}

package struct Subquery: Sendable {
    package var expression: Expression
    package var length: DurationValue
    /// nil: the default step, which is the evaluation interval.
    package var step: DurationValue?
    package var offset = DurationValue.zero
    package var at: FixedTime?
    package var end: Int
    let depth: Int
}

package struct FunctionCall: Sendable {
    package var function: Function
    package var arguments: [Expression]
    package var range: Range<Int>
    let depth: Int
}

package struct Aggregation: Sendable {
    package var operation: AggregationOperator
    package var expression: Expression
    package var parameter: Expression?
    package var grouping: [String]
    package var isWithout: Bool
    package var range: Range<Int>
    let depth: Int
}

package struct UnaryOperation: Sendable {
    package var isNegation: Bool
    package var operand: Expression
    package var start: Int
    let depth: Int
}

package struct Parenthesised: Sendable {
    package var expression: Expression
    package var range: Range<Int>
    let depth: Int
}

/// How many elements of the two sides may belong together.
package enum MatchCardinality: String, Sendable, Hashable {
    case oneToOne = "one-to-one"
    case manyToOne = "many-to-one"
    case oneToMany = "one-to-many"
    case manyToMany = "many-to-many"
}

package struct VectorMatching: Sendable {
    package var cardinality = MatchCardinality.oneToOne
    /// Labels of `on` or `ignoring`.
    package var labels: [String] = []
    package var isOn = false
    /// Labels that `group_left` or `group_right` takes over from the one side.
    package var included: [String] = []
    package var fillLeft: Double?
    package var fillRight: Double?
}

package struct BinaryOperation: Sendable {
    package var operation: BinaryOperator
    package var left: Expression
    package var right: Expression
    /// Present between two instant vectors only, once the types are checked.
    package var matching: VectorMatching?
    package var returnsBool: Bool
    let depth: Int

    package var range: Range<Int> {
        let start = left.range.lowerBound
        return start..<Swift.max(start, right.range.upperBound)
    }

    var type: ValueType { left.type == .scalar && right.type == .scalar ? .scalar : .instantVector }
}

/// Arithmetic over durations, in seconds.
package indirect enum DurationExpression: Sendable {
    case number(NumberLiteral)
    case step(Range<Int>)
    case range(Range<Int>)
    case negated(DurationExpression, start: Int)
    case binary(BinaryOperator, DurationExpression, DurationExpression)
    case smaller(DurationExpression, DurationExpression, Range<Int>)
    case larger(DurationExpression, DurationExpression, Range<Int>)
    case parenthesised(DurationExpression, Range<Int>)

    package var range: Range<Int> {
        switch self {
        case .number(let literal): literal.range
        case .step(let range), .range(let range), .smaller(_, _, let range), .larger(_, _, let range),
            .parenthesised(_, let range):
            range
        case .negated(let operand, let start): start..<Swift.max(start, operand.range.upperBound)
        case .binary(_, let left, let right):
            left.range.lowerBound..<Swift.max(left.range.lowerBound, right.range.upperBound)
        }
    }
}

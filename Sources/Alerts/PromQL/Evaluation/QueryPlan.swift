// SPDX-License-Identifier: Apache-2.0

/// How an expression is evaluated: what `explain` shows, outermost first.
package struct QueryPlan: Sendable, Hashable {
    package enum Method: String, Sendable, Hashable {
        case constant
        /// Fixed by `@` or constant in all its parts: worked out for the first step, repeated for the others.
        case once
        /// Each series read from the store goes into its group at once; none is held.
        case seriesBySeries = "series by series"
        /// The same from the running totals of the stored blocks: two look-ups a series, however long the range.
        case runningTotals = "series by series, from running totals"
        /// The same from the samples at the ends of each step's range.
        case decisiveSamples = "series by series, from the samples that decide"
        /// All samples of a series' range.
        case allSamples = "all samples"
        /// All series of the operands at all steps.
        case rows
    }

    package var text: String
    package var method: Method
    package var inputs: [QueryPlan]

    package init(_ expression: Expression, isRange: Bool) {
        text = expression.description
        let expression = expression.unwrapped
        switch expression {
        case .number, .string:
            (method, inputs) = (.constant, [])
            return
        case .vector, .matrix: inputs = []
        case .call(let node):
            // What is read of a range is said of the function.
            inputs = node.arguments.filter { !$0.isConstant && !$0.isMatrix }.map { QueryPlan($0, isRange: isRange) }
        case .aggregation(let node):
            inputs = [node.parameter, node.expression].compactMap { $0 }.filter { !$0.isConstant }
                .map { QueryPlan($0, isRange: isRange) }
        case .binary(let node): inputs = [node.left, node.right].map { QueryPlan($0, isRange: isRange) }
        case .unary(let node): inputs = [QueryPlan(node.operand, isRange: isRange)]
        case .subquery(let node): inputs = [QueryPlan(node.expression, isRange: true)]
        case .parenthesised(let node): inputs = [QueryPlan(node.expression, isRange: isRange)]
        }
        method = Self.method(expression, isRange: isRange)
    }

    private static func method(_ expression: Expression, isRange: Bool) -> Method {
        if isRange, expression.isStepInvariant { return .once }
        switch expression {
        case .number, .string: return .constant
        case .vector(let node): return isRange && !node.isSmoothed ? .decisiveSamples : .seriesBySeries
        case .matrix: return .allSamples
        case .call(let node):
            guard case .overTime(let function) = node.function.implementation,
                let argument = node.arguments.first(where: { $0.type == .rangeVector })?.unwrapped,
                case .matrix(let matrix) = argument
            else { return .rows }
            let isExtended = matrix.selector.isAnchored || matrix.selector.isSmoothed
            if SeriesStream.usesTotals(function), !isExtended { return isRange ? .decisiveSamples : .runningTotals }
            return .seriesBySeries
        case .aggregation(let node):
            if node.operation.selectsSeries || node.operation == .countValues { return .rows }
            switch method(node.expression.unwrapped, isRange: isRange) {
            case .runningTotals: return .runningTotals
            case .decisiveSamples: return .decisiveSamples
            case .seriesBySeries: return .seriesBySeries
            case .constant, .once, .allSamples, .rows: return .rows
            }
        case .parenthesised(let node): return method(node.expression, isRange: isRange)
        case .binary, .unary, .subquery: return .rows
        }
    }
}

extension Expression {
    fileprivate var isMatrix: Bool { if case .matrix = unwrapped { true } else { false } }

    fileprivate var isConstant: Bool {
        switch unwrapped {
        case .number, .string: true
        default: false
        }
    }
}

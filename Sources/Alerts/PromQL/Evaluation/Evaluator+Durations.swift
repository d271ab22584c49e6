// SPDX-License-Identifier: Apache-2.0

import Glibc
import TimeSeries

extension Evaluator {
    func milliseconds(_ value: DurationValue, mayBeNegative: Bool = false) throws(QueryError) -> Int64 {
        switch value {
        case .milliseconds(let milliseconds): return milliseconds
        case .expression(let expression):
            let seconds = try evaluate(expression)
            guard seconds > 0 || mayBeNegative else {
                throw .execution("\(Self.place(expression)): duration must be greater than 0")
            }
            guard seconds.magnitude < 9_223_372_036, let exact = Int64(exactly: (seconds * 1000).rounded(.towardZero))
            else { throw .execution("\(Self.place(expression)): duration is out of range") }
            return exact
        }
    }

    private static func place(_ expression: DurationExpression) -> String {
        "\(expression.range.lowerBound):\(expression.range.upperBound)"
    }

    private func evaluate(_ expression: DurationExpression) throws(QueryError) -> Double {
        switch expression {
        case .number(let literal): return literal.value
        case .step: return Double(bounds.step) / 1000
        case .range: return Double(bounds.end.clampedDifference(bounds.start)) / 1000
        case .negated(let operand, _): return -(try evaluate(operand))
        case .parenthesised(let inner, _): return try evaluate(inner)
        case .smaller(let left, let right, _): return Swift.min(try evaluate(left), try evaluate(right))
        case .larger(let left, let right, _): return Swift.max(try evaluate(left), try evaluate(right))
        case .binary(let operation, let left, let right):
            let (first, second) = (try evaluate(left), try evaluate(right))
            switch operation {
            case .add: return first + second
            case .subtract: return first - second
            case .multiply: return first * second
            case .power: return pow(first, second)
            case .divide:
                if second == 0 { throw .execution("\(Self.place(expression)): division by zero") }
                return first / second
            case .modulo:
                if second == 0 { throw .execution("\(Self.place(expression)): modulo by zero") }
                return fmod(first, second)
            default: throw .execution("unexpected duration expression operator \"\(operation.rawValue)\"")
            }
        }
    }

    /// The moment that a selector or subquery refers to when the query stands at `time`.
    func reference(_ time: Int64, at fixed: FixedTime?, offset: Int64) -> Int64 {
        let moment: Int64
        switch fixed {
        case .timestamp(let timestamp): moment = timestamp.milliseconds
        case .start: moment = bounds.start
        case .end: moment = bounds.end
        case nil: moment = time
        }
        return moment.clampedDifference(offset)
    }
}

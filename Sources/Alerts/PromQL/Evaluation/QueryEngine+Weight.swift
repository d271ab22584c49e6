// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

extension QueryEngine {
    /// True when answering at one moment takes less than handing the question to another thread: all selectors were
    /// resolved before, to a few series in all, and nothing is evaluated at more than that moment.
    package func isLight(_ expression: Expression, reader: StoreReader) -> Bool {
        var series = 0
        return isLight(expression, reader, &series)
    }

    /// Series that a light query may read.
    private static let lightSeries = 16
    /// The longest range that a light query may read all samples of, in milliseconds.
    private static let lightRange: Int64 = 600_000

    private func isLight(_ expression: Expression, _ reader: StoreReader, _ series: inout Int) -> Bool {
        switch expression {
        case .number, .string: return true
        case .parenthesised(let node): return isLight(node.expression, reader, &series)
        case .unary(let node): return isLight(node.operand, reader, &series)
        case .binary(let node):
            return isLight(node.left, reader, &series) && isLight(node.right, reader, &series)
        case .aggregation(let node):
            return isLight(node.expression, reader, &series)
                && (node.parameter.map { isLight($0, reader, &series) } ?? true)
        case .call(let node): return node.arguments.allSatisfy { isLight($0, reader, &series) }
        case .vector(let node): return isLight(node, reader, &series)
        case .matrix(let node):
            guard case .milliseconds(let length) = node.length, length <= Self.lightRange else { return false }
            return isLight(node.selector, reader, &series)
        case .subquery: return false
        }
    }

    private func isLight(_ node: VectorSelector, _ reader: StoreReader, _ series: inout Int) -> Bool {
        guard let count = knownCount(of: node.matchers, few: Self.lightSeries, reader: reader) else { return false }
        series += count
        return series <= Self.lightSeries
    }
}

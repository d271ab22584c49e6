// SPDX-License-Identifier: Apache-2.0

import GoFormatting

extension Expression {
    /// Longer expressions are broken into lines.
    private static let lineLength = 100

    /// The expression over as many lines as it needs, as `promtool promql format` lays it out.
    package var prettified: String { prettified(0) }

    private func prettified(_ level: Int) -> String {
        let indent = String(repeating: "  ", count: level)
        if case .unary(let node) = self {
            let operand = node.operand.prettified(level).drop { $0 == " " }
            return indent + (node.isNegation ? "-" : "+") + operand
        }
        let line = description
        if case .subquery(let node) = self {
            // Prometheus leaves a short subquery without its indentation.
            return line.utf8.count > Self.lineLength ? node.expression.prettified(level) + node.suffix : line
        }
        guard line.utf8.count > Self.lineLength else { return indent + line }
        switch self {
        case .aggregation(let node):
            let parameter = node.parameter.map { $0.prettified(level + 1) + ",\n" } ?? ""
            return indent + node.heading + "(\n" + parameter + node.expression.prettified(level + 1) + "\n\(indent))"
        case .binary(let node):
            return node.left.prettified(level + 1) + "\n" + indent + node.symbol + "\n"
                + node.right.prettified(level + 1)
        case .call(let node):
            let arguments = node.arguments.map { $0.prettified(level + 1) }.joined(separator: ",\n")
            return indent + node.function.name + "(\n" + arguments + "\n\(indent))"
        case .parenthesised(let node): return indent + "(\n" + node.expression.prettified(level + 1) + "\n\(indent))"
        default: return indent + line
        }
    }

    /// The tree, one node a line: how the engine goes about the expression.
    package var plan: String { plan(0) }

    private func plan(_ level: Int) -> String {
        let lines = [String(repeating: "  ", count: level) + step] + children.map { $0.plan(level + 1) }
        return lines.joined(separator: "\n")
    }

    private var step: String {
        let fixed = isStepInvariant ? ", once" : ""
        switch self {
        case .number(let node): return "number \(node)"
        case .string(let node): return "string \(GoText.quote(node.bytes))"
        case .vector(let node): return "select \(node)\(fixed)"
        case .matrix(let node): return "range \(node)\(fixed)"
        case .subquery(let node): return "subquery \(node.suffix)\(fixed)"
        case .call(let node): return "call \(node.function.name)\(fixed)"
        case .aggregation(let node):
            let streams = node.isStreaming ? ", series by series" : ""
            return "aggregate \(node.heading)\(streams)\(fixed)"
        case .binary(let node): return "join \(node.symbol)\(fixed)"
        case .unary(let node): return node.isNegation ? "negate" : "keep"
        case .parenthesised: return "group"
        }
    }
}

extension Aggregation {
    /// True when the input is read from the store and added up without being held.
    var isStreaming: Bool {
        guard !operation.selectsSeries, operation != .countValues else { return false }
        switch expression.unwrapped {
        case .vector: return true
        case .call(let node):
            guard case .overTime = node.function.implementation else { return false }
            return node.arguments.contains { if case .matrix = $0.unwrapped { true } else { false } }
        default: return false
        }
    }
}

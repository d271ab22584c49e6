// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import TimeSeries

extension Expression: CustomStringConvertible {
    /// One line that parses to an equivalent expression.
    package var description: String {
        switch self {
        case .number(let node): return node.description
        case .string(let node): return GoText.quote(node.bytes)
        case .vector(let node): return node.description
        case .matrix(let node): return node.description
        case .subquery(let node): return node.expression.description + node.suffix
        case .call(let node):
            return node.function.name + "(" + node.arguments.map(\.description).joined(separator: ", ") + ")"
        case .aggregation(let node):
            let parameter = node.parameter.map { $0.description + ", " } ?? ""
            return node.heading + "(" + parameter + node.expression.description + ")"
        case .binary(let node):
            return node.leftText + " " + node.symbol + " " + node.right.description
        case .unary(let node): return (node.isNegation ? "-" : "+") + node.operand.description
        case .parenthesised(let node): return "(" + node.expression.description + ")"
        }
    }
}

extension NumberLiteral: CustomStringConvertible {
    package var description: String {
        if isDuration, let milliseconds = Int64(exactly: (value * 1000).rounded()) {
            return DurationText.text(milliseconds: milliseconds)
        }
        return GoFloat.plain(value)
    }
}

enum LabelText {
    /// `a, b, "c.d"`.
    static func list(_ names: [String]) -> String { names.map(name).joined(separator: ", ") }

    static func name(_ name: String) -> String {
        guard let first = name.utf8.first, first.isNameStart, name.utf8.allSatisfy(\.isNameByte) else {
            return GoText.quote(name)
        }
        return name
    }
}

extension Aggregation {
    /// The word with its grouping: `sum by (job) `.
    var heading: String {
        if isWithout { return operation.rawValue + " without (" + LabelText.list(grouping) + ") " }
        return grouping.isEmpty ? operation.rawValue : operation.rawValue + " by (" + LabelText.list(grouping) + ") "
    }
}

extension BinaryOperation {
    /// The operator with everything that modifies it.
    var symbol: String {
        var text = operation.rawValue + (returnsBool ? " bool" : "")
        guard let matching else { return text }
        let isGrouped = matching.cardinality == .manyToOne || matching.cardinality == .oneToMany
        if !matching.labels.isEmpty || matching.isOn || isGrouped {
            text += (matching.isOn ? " on (" : " ignoring (") + LabelText.list(matching.labels) + ")"
        }
        if isGrouped {
            text += matching.cardinality == .manyToOne ? " group_left (" : " group_right ("
            text += LabelText.list(matching.included) + ")"
        }
        if let left = matching.fillLeft, let right = matching.fillRight, left.bitPattern == right.bitPattern {
            return text + " fill (\(GoFloat.general(left)))"
        }
        if let left = matching.fillLeft { text += " fill_left (\(GoFloat.general(left)))" }
        if let right = matching.fillRight { text += " fill_right (\(GoFloat.general(right)))" }
        return text
    }
}

extension BinaryOperation {
    /// The left operand. A sign before infinity would be taken for the sign of the whole power.
    fileprivate var leftText: String {
        if operation.rawValue == "^", case .number(let node) = left, node.value == .infinity { return "Inf" }
        return left.description
    }
}

extension DurationExpression: CustomStringConvertible {
    package var description: String {
        switch self {
        case .number(let literal): literal.description
        case .step: "step()"
        case .range: "range()"
        case .negated(let operand, _): "-" + operand.description
        case .binary(let operation, let left, let right): "\(left) \(operation.rawValue) \(right)"
        case .smaller(let left, let right, _): "min_of(\(left), \(right))"
        case .larger(let left, let right, _): "max_of(\(left), \(right))"
        case .parenthesised(let inner, _): "(\(inner))"
        }
    }
}

extension DurationValue: CustomStringConvertible {
    package var description: String {
        switch self {
        case .milliseconds(let milliseconds): DurationText.text(milliseconds: milliseconds)
        case .expression(let expression): expression.description
        }
    }

    var offsetSuffix: String { isSet ? " offset \(self)" : "" }
}

extension FixedTime: CustomStringConvertible {
    package var description: String {
        switch self {
        case .timestamp(let timestamp):
            let milliseconds = timestamp.milliseconds
            let fraction = String(milliseconds.magnitude % 1000)
            let padding = String(repeating: "0", count: 3 - fraction.utf8.count)
            return "\(milliseconds < 0 ? "-" : "")\(milliseconds.magnitude / 1000).\(padding)\(fraction)"
        case .start: return "start()"
        case .end: return "end()"
        }
    }
}

extension VectorSelector: CustomStringConvertible {
    package var description: String { base + extensionSuffix(at: at) }

    /// Name and matchers alone.
    var base: String {
        var parts: [String] = []
        for matcher in matchers {
            if matcher.name == "__name__", matcher.operation == .equal, matcher.value == name, !matcher.value.isEmpty {
                continue
            }
            parts.append(LabelText.name(matcher.name) + matcher.operation.rawValue + GoText.quote(matcher.value))
        }
        guard !parts.isEmpty else { return name ?? "{}" }
        return (name ?? "") + "{" + parts.sorted().joined(separator: ",") + "}"
    }

    private func extensionSuffix(at time: FixedTime?) -> String {
        let fixed = time.map { " @ \($0)" } ?? ""
        return fixed + extensionWord + offset.offsetSuffix
    }

    var extensionWord: String { isAnchored ? " anchored" : isSmoothed ? " smoothed" : "" }
}

extension MatrixSelector: CustomStringConvertible {
    package var description: String {
        let fixed = selector.at.map { " @ \($0)" } ?? ""
        return selector.base + "[\(length)]" + selector.extensionWord + fixed + selector.offset.offsetSuffix
    }
}

extension Subquery {
    var suffix: String {
        let fixed = at.map { " @ \($0)" } ?? ""
        return "[\(length):\(step.map(\.description) ?? "")]" + fixed + offset.offsetSuffix
    }
}

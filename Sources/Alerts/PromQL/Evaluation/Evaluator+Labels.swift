// SPDX-License-Identifier: Apache-2.0

import RegularExpressions
import TimeSeries

extension Evaluator {
    private func literal(_ node: FunctionCall, _ index: Int) throws(QueryError) -> StringLiteral {
        guard index < node.arguments.count, case .string(let literal) = node.arguments[index].unwrapped else {
            throw .execution("expected a string")
        }
        return literal
    }

    private func labelName(
        _ node: FunctionCall,
        _ index: Int,
        _ role: String
    ) throws(QueryError) -> String {
        let literal = try literal(node, index)
        guard literal.isValidText, !literal.bytes.isEmpty else {
            throw .execution("invalid \(role) label name in \(node.function.name)(): \(literal.value)")
        }
        return literal.value
    }

    mutating func labelReplace(_ node: FunctionCall, _ window: EvaluationWindow) throws(QueryError) -> Block {
        let pattern = try literal(node, 4).value
        let expression: RegularExpression
        do {
            expression = try RegularExpression(pattern)
        } catch {
            throw .execution("invalid regular expression in label_replace(): \(pattern)")
        }
        let target = try labelName(node, 1, "destination")
        let template = try ReplacementTemplate(literal(node, 2).bytes, expression)
        let source = try literal(node, 3).value
        var block = try vector(node.arguments[0], window)
        for index in block.series.indices {
            let text = Array((block.series[index].labels[source] ?? "").utf8)
            guard let groups = expression.firstMatch(in: text, whole: true) else { continue }
            let value = String(decoding: template.expanded(text, groups), as: UTF8.self)
            block.series[index].labels = block.series[index].labels.setting(target, to: value)
            if target == ReservedLabels.name { block.series[index].dropsName = false }
        }
        return try Self.mergeSameLabels(block)
    }

    mutating func labelJoin(_ node: FunctionCall, _ window: EvaluationWindow) throws(QueryError) -> Block {
        var sources: [String] = []
        for index in 3..<Swift.max(3, node.arguments.count) { sources.append(try labelName(node, index, "source")) }
        let target = try labelName(node, 1, "destination")
        let separator = try literal(node, 2).value
        var block = try vector(node.arguments[0], window)
        for index in block.series.indices {
            let labels = block.series[index].labels
            let value = sources.map { labels[$0] ?? "" }.joined(separator: separator)
            block.series[index].labels = labels.setting(target, to: value)
            if target == ReservedLabels.name { block.series[index].dropsName = false }
        }
        return try Self.mergeSameLabels(block)
    }

    // MARK: Order

    /// By value; at one moment only, as a range query's result has no order. NaN comes last.
    mutating func sort(
        _ node: FunctionCall,
        _ function: SpecialFunction,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Block {
        var block = try vector(node.arguments[0], window)
        for index in block.series.indices {
            for step in 0..<window.count where block.series[index].row.presence[step] == Presence.histogram {
                block.series[index].row.remove(step)
            }
        }
        block.series.removeAll { $0.row.isEmpty }
        guard window.count == 1 else { return block }
        let isAscending = function == .sort
        let sorted = block.series.enumerated().sorted { left, right in
            let (first, second) = (left.element.row.values[0], right.element.row.values[0])
            if first.isNaN || second.isNaN {
                return first.isNaN == second.isNaN ? left.offset < right.offset : second.isNaN
            }
            if first == second { return left.offset < right.offset }
            return isAscending ? first < second : first > second
        }
        block.series = sorted.map(\.element)
        return block
    }

    mutating func sortByLabel(
        _ node: FunctionCall,
        _ function: SpecialFunction,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Block {
        var names: [String] = []
        for index in 1..<Swift.max(1, node.arguments.count) { names.append(try literal(node, index).value) }
        var block = try vector(node.arguments[0], window)
        guard window.count == 1 else { return block }
        let isAscending = function == .sortByLabel
        block.series.sort { left, right in
            for name in names {
                let (first, second) = (left.labels[name] ?? "", right.labels[name] ?? "")
                if first == second { continue }
                return NaturalOrder.precedes(first, second) == isAscending
            }
            return isAscending ? left.labels < right.labels : right.labels < left.labels
        }
        return block
    }
}

/// Text with `$1`, `${name}` and `$$`, as `label_replace` takes it.
private struct ReplacementTemplate {
    private enum Part {
        case bytes([UInt8])
        case group(Int)
    }

    private var parts: [Part] = []

    init(_ template: [UInt8], _ expression: RegularExpression) {
        var literal: [UInt8] = []
        var index = 0
        while index < template.count {
            guard template[index] == UInt8(ascii: "$"), index + 1 < template.count else {
                literal.append(template[index])
                index += 1
                continue
            }
            if template[index + 1] == UInt8(ascii: "$") {
                literal.append(UInt8(ascii: "$"))
                index += 2
                continue
            }
            let isBraced = template[index + 1] == UInt8(ascii: "{")
            let start = index + (isBraced ? 2 : 1)
            var end = start
            while end < template.count, template[end].isNameByte { end += 1 }
            guard end > start, !isBraced || (end < template.count && template[end] == UInt8(ascii: "}")) else {
                literal.append(template[index])
                index += 1
                continue
            }
            if !literal.isEmpty { parts.append(.bytes(literal)) }
            literal = []
            let name = String(decoding: template[start..<end], as: UTF8.self)
            if let number = name.utf8.allSatisfy(\.isDigit) ? Int(name) : expression.groupIndex(named: name) {
                parts.append(.group(number))
            }
            index = isBraced ? end + 1 : end
        }
        if !literal.isEmpty { parts.append(.bytes(literal)) }
    }

    func expanded(_ text: [UInt8], _ groups: [Range<Int>?]) -> [UInt8] {
        var result: [UInt8] = []
        for part in parts {
            switch part {
            case .bytes(let bytes): result += bytes
            case .group(let number):
                if number < groups.count, let range = groups[number] { result += text[range] }
            }
        }
        return result
    }
}

/// Text with the numbers in it compared as numbers.
enum NaturalOrder {
    static func precedes(_ left: String, _ right: String) -> Bool {
        let (first, second) = (chunks(left), chunks(right))
        for (ours, theirs) in zip(first, second) where ours != theirs {
            let areNumbers = (ours.first?.isDigit ?? false) && (theirs.first?.isDigit ?? false)
            guard areNumbers else { return ours.lexicographicallyPrecedes(theirs) }
            let (one, other) = (ours.drop { $0 == 0x30 }, theirs.drop { $0 == 0x30 })
            if one.count != other.count { return one.count < other.count }
            if one.elementsEqual(other) { return ours.count < theirs.count }
            return one.lexicographicallyPrecedes(other)
        }
        return first.count < second.count
    }

    private static func chunks(_ text: String) -> [[UInt8]] {
        var chunks: [[UInt8]] = []
        for byte in text.utf8 {
            if let last = chunks.last?.last, last.isDigit == byte.isDigit {
                chunks[chunks.count - 1].append(byte)
            } else {
                chunks.append([byte])
            }
        }
        return chunks
    }
}

// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Joins two vectors by their signatures, step by step; labels of results are worked out once for each pair of series.
struct VectorJoin {
    private let node: BinaryOperation
    private let matching: VectorMatching
    private let many: Block
    private let one: Block
    private let manySignatures: [Int]
    private let oneSignatures: [Int]
    private let delaysNameRemoval: Bool
    /// True when the left side of the expression is the "one" side.
    private let isSwapped: Bool
    private(set) var block: Block
    private var outputs: [Pair: Int] = [:]
    private var outputOfLabels: [Labels: Int] = [:]
    /// For each signature the series on the "one" side at this step, -1 for none.
    private var partners: [Int]
    /// For each signature the last step that matched.
    private var matchedStep: [Int]

    private struct Pair: Hashable {
        var many: Int
        var one: Int
    }

    init(
        node: BinaryOperation,
        matching: VectorMatching,
        left: Block,
        right: Block,
        signatures: (left: [Int], right: [Int], count: Int),
        delaysNameRemoval: Bool
    ) {
        self.node = node
        self.matching = matching
        self.delaysNameRemoval = delaysNameRemoval
        isSwapped = matching.cardinality == .oneToMany
        many = isSwapped ? right : left
        one = isSwapped ? left : right
        manySignatures = isSwapped ? signatures.right : signatures.left
        oneSignatures = isSwapped ? signatures.left : signatures.right
        block = Block(steps: left.steps)
        partners = [Int](repeating: -1, count: signatures.count)
        matchedStep = [Int](repeating: -1, count: signatures.count)
    }

    /// The value that stands in for what the "one" or "many" side lacks. The "many" side counts as the left one, also
    /// under `group_right`.
    private var fillForOne: Double? { matching.fillRight }
    private var fillForMany: Double? { matching.fillLeft }

    mutating func evaluate(_ step: Int, _ annotations: inout AnnotationSet) throws(QueryError) {
        var touched: [Int] = []
        for (index, series) in one.series.enumerated() where series.row.presence[step] != Presence.none {
            let signature = oneSignatures[index]
            if partners[signature] >= 0 {
                // Nothing can match when the other side is empty, and then nothing is wrong.
                if hasSamples(many, step) || fillForMany != nil { throw duplicate(index, partners[signature]) }
                continue
            }
            partners[signature] = index
            touched.append(index)
        }
        for (index, series) in many.series.enumerated() {
            guard let value = series.row.value(step) else { continue }
            let signature = manySignatures[index]
            let partner = partners[signature]
            if partner >= 0, let other = one.series[partner].row.value(step) {
                try join(value, other, Pair(many: index, one: partner), signature, step, &annotations)
            } else if let fill = fillForOne {
                try join(value, .float(fill), Pair(many: index, one: -1), signature, step, &annotations)
            }
        }
        for index in touched {
            let signature = oneSignatures[index]
            if let fill = fillForMany, matchedStep[signature] != step, let other = one.series[index].row.value(step) {
                try join(.float(fill), other, Pair(many: -1, one: index), signature, step, &annotations)
            }
            partners[signature] = -1
        }
    }

    private func hasSamples(_ block: Block, _ step: Int) -> Bool {
        block.series.contains { $0.row.presence[step] != Presence.none }
    }

    private func duplicate(_ first: Int, _ second: Int) -> QueryError {
        let labels = one.series[first].labels
        let group =
            matching.isOn ? labels.keeping(matching.labels) : labels.dropping(matching.labels + [ReservedLabels.name])
        let side = isSwapped ? "left" : "right"
        return .execution(
            "found duplicate series for the match group \(group.inBraces) on the \(side) hand-side of the operation: "
                + "[\(labels.inBraces), \(one.series[second].labels.inBraces)];many-to-many matching not allowed: "
                + "matching labels must be unique on one side"
        )
    }

    private mutating func join(
        _ manyValue: SampleValue,
        _ oneValue: SampleValue,
        _ pair: Pair,
        _ signature: Int,
        _ step: Int,
        _ annotations: inout AnnotationSet
    ) throws(QueryError) {
        let (left, right) = isSwapped ? (oneValue, manyValue) : (manyValue, oneValue)
        let outcome: (value: SampleValue, isKept: Bool)?
        if case .float(let first) = left, case .float(let second) = right,
            node.operation != .trimLower, node.operation != .trimUpper
        {
            let result = Arithmetic.floats(node.operation, first, second)
            outcome = (.float(result.value), result.isKept)
        } else {
            outcome = Arithmetic.filtered(node, left, right, &annotations)
        }
        guard let outcome else { return }
        if matching.cardinality == .oneToOne {
            if matchedStep[signature] == step {
                throw .execution(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                )
            }
        }
        matchedStep[signature] = step
        let index = output(pair)
        if matching.cardinality != .oneToOne, claimed[index] == step {
            throw .execution("multiple matches for labels: grouping labels must ensure unique matches")
        }
        claimed[index] = step
        let value: SampleValue
        if node.returnsBool {
            value = .float(outcome.isKept ? 1 : 0)
        } else if outcome.isKept {
            value = outcome.value
        } else {
            return
        }
        if block.series[index].row.presence[step] != Presence.none { throw Evaluator.sameLabels }
        block.series[index].row.set(step, value)
    }

    /// For each output series the last step that a pair claimed it.
    private var claimed: [Int] = []

    private mutating func output(_ pair: Pair) -> Int {
        if let known = outputs[pair] { return known }
        let labels = resultLabels(pair)
        let index: Int
        if let known = outputOfLabels[labels] {
            index = known
        } else {
            index = block.series.count
            outputOfLabels[labels] = index
            claimed.append(-1)
            block.append(labels, Row(steps: block.steps))
        }
        if node.returnsBool { block.series[index].dropsName = true }
        outputs[pair] = index
        return index
    }

    private func matched(_ labels: Labels) -> Labels {
        matching.isOn ? labels.keeping(matching.labels) : labels.dropping(matching.labels + [ReservedLabels.name])
    }

    private func resultLabels(_ pair: Pair) -> Labels {
        let oneLabels = pair.one >= 0 ? one.series[pair.one].labels : matched(many.series[pair.many].labels)
        let manyLabels = pair.many >= 0 ? many.series[pair.many].labels : matched(oneLabels)
        var labels = manyLabels
        if node.operation.changesMeaning || (node.returnsBool && !delaysNameRemoval) { labels = labels.withoutMetadata }
        if matching.cardinality == .oneToOne {
            labels = matching.isOn ? labels.keeping(matching.labels) : labels.dropping(matching.labels)
        }
        for name in matching.included { labels = labels.setting(name, to: oneLabels[name] ?? "") }
        return labels
    }
}

// SPDX-License-Identifier: Apache-2.0

import TimeSeries

extension Evaluator {
    /// `topk`, `bottomk`, `limitk`, `limit_ratio`: input series, some of each group at each step.
    mutating func selectSeries(
        _ node: Aggregation,
        _ parameter: [Double],
        _ window: EvaluationWindow
    ) throws(QueryError) -> Block {
        let input = try vector(node.expression, window)
        var builder = GroupingBuilder(labels: node.grouping.sorted(), isWithout: node.isWithout)
        let groups = input.series.map { builder.index(of: $0.labels) }
        var kept = input.series.map { series in
            Block.Series(labels: series.labels, dropsName: series.dropsName, row: Row(steps: window.count))
        }
        var order: [Int] = []
        for step in 0..<window.count {
            try checkTime()
            let chosen: [Int]
            if node.operation == .limitRatio {
                chosen = sampled(input, ratio: parameter[step], step)
            } else {
                let limit = Int(Swift.min(parameter[step], Double(input.series.count)))
                guard limit >= 1 else { continue }
                var members = [[Int]](repeating: [], count: builder.groups.count)
                for (index, group) in groups.enumerated() {
                    switch input.series[index].row.presence[step] {
                    case Presence.none: continue
                    case Presence.histogram where node.operation != .limitk:
                        annotations.histogramIgnored(inAggregation: node.operation.rawValue, node.range)
                    default: members[group].append(index)
                    }
                }
                chosen = members.flatMap { members in
                    ranked(members, node.operation, limit) { input.series[$0].row.values[step] }
                }
            }
            for index in chosen {
                if let value = input.series[index].row.value(step) { kept[index].row.set(step, value) }
            }
            if window.count == 1 { order = chosen }
        }
        var result = Block(steps: window.count)
        // At one moment the order is part of the answer.
        if window.count == 1 {
            result.series = order.map { kept[$0] }
        } else {
            result.series = kept.filter { !$0.row.isEmpty }
        }
        return result
    }

    private func ranked(
        _ members: [Int],
        _ operation: AggregationOperator,
        _ limit: Int,
        _ value: (Int) -> Double
    ) -> [Int] {
        if operation == .limitk { return Array(members.prefix(limit)) }
        let isTop = operation == .topk
        // NaN comes last either way; of equals the one that came first.
        let sorted = members.enumerated().sorted { left, right in
            let (first, second) = (value(left.element), value(right.element))
            if first.isNaN || second.isNaN {
                return first.isNaN == second.isNaN ? left.offset < right.offset : second.isNaN
            }
            if first == second { return left.offset < right.offset }
            return isTop ? first > second : first < second
        }
        return sorted.prefix(limit).map(\.element)
    }

    /// Each series has a fixed place between 0 and 1; the ratio takes those below it, or above if negative.
    private func sampled(_ input: Block, ratio: Double, _ step: Int) -> [Int] {
        let ratio = Swift.max(-1, Swift.min(1, ratio))
        return input.series.indices.filter { index in
            guard input.series[index].row.presence[step] != Presence.none else { return false }
            let place = Double(LabelHash.value(of: input.series[index].labels)) / Double(UInt64.max)
            return ratio >= 0 ? place < ratio : place >= 1 + ratio
        }
    }
}

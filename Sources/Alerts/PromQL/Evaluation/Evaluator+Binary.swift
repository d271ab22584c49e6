// SPDX-License-Identifier: Apache-2.0

import TimeSeries

extension Evaluator {
    mutating func binary(_ node: BinaryOperation, _ window: EvaluationWindow) throws(QueryError) -> Evaluated {
        let left = try evaluate(node.left, window)
        let right = try evaluate(node.right, window)
        switch (left, right) {
        case (.scalar(let first), .scalar(let second)):
            return .scalar(
                zip(first, second).map { Arithmetic.scalars(node.operation, $0, $1) }
            )
        case (.vector(let block), .scalar(let values)):
            return .vector(try apply(node, to: block, values, scalarIsLeft: false))
        case (.scalar(let values), .vector(let block)):
            return .vector(try apply(node, to: block, values, scalarIsLeft: true))
        case (.vector(let first), .vector(let second)):
            let matching = node.matching ?? VectorMatching()
            let result: Block
            if node.operation.isSet {
                result = try combineSets(node.operation, matching, first, second)
            } else {
                result = try combine(node, matching, first, second)
            }
            release((first.series.count + second.series.count) * window.count)
            try hold(result.series.count * window.count)
            return .vector(result)
        default: throw .execution("binary expression must contain only scalar and instant vector types")
        }
    }

    // MARK: A vector and a number

    private mutating func apply(
        _ node: BinaryOperation,
        to block: Block,
        _ scalars: [Double],
        scalarIsLeft: Bool
    ) throws(QueryError) -> Block {
        var result = Block(steps: block.steps)
        result.series.reserveCapacity(block.series.count)
        let drops = node.operation.changesMeaning || node.returnsBool
        for var series in block.series {
            try tick()
            var isEmpty = true
            for step in 0..<block.steps {
                switch series.row.presence[step] {
                case Presence.none: continue
                case Presence.float:
                    let value = series.row.values[step]
                    let (left, right) = scalarIsLeft ? (scalars[step], value) : (value, scalars[step])
                    let outcome = Arithmetic.floats(node.operation, left, right)
                    if node.operation == .trimLower || node.operation == .trimUpper {
                        annotations.incompatibleTypes("float", node.operation.rawValue, "float", node.range)
                        series.row.remove(step)
                        continue
                    }
                    if node.returnsBool {
                        series.row.values[step] = outcome.isKept ? 1 : 0
                    } else if !outcome.isKept {
                        series.row.remove(step)
                        continue
                    } else if !node.operation.isComparison {
                        series.row.values[step] = outcome.value
                    }
                    isEmpty = false
                default:
                    guard let histogram = series.row.histograms[step] else { continue }
                    let value = SampleValue.histogram(histogram)
                    let scalar = SampleValue.float(scalars[step])
                    let (left, right) = scalarIsLeft ? (scalar, value) : (value, scalar)
                    guard let outcome = Arithmetic.values(node, left, right, &annotations) else {
                        series.row.remove(step)
                        continue
                    }
                    series.row.set(step, outcome.value)
                    isEmpty = false
                }
            }
            guard !isEmpty else { continue }
            if drops { dropName(&series) }
            result.series.append(series)
        }
        guard drops, !delaysNameRemoval else { return result }
        return try Self.mergeSameLabels(result)
    }

    // MARK: Two vectors

    private func signatures(
        _ matching: VectorMatching,
        _ left: Block,
        _ right: Block
    ) -> (left: [Int], right: [Int], count: Int) {
        let dropped = matching.labels + [ReservedLabels.name]
        var known: [Labels: Int] = [:]
        func number(_ labels: Labels) -> Int {
            let signature = matching.isOn ? labels.keeping(matching.labels) : labels.dropping(dropped)
            if let number = known[signature] { return number }
            let number = known.count
            known[signature] = number
            return number
        }
        let first = left.series.map { number($0.labels) }
        let second = right.series.map { number($0.labels) }
        return (first, second, known.count)
    }

    private mutating func combineSets(
        _ operation: BinaryOperator,
        _ matching: VectorMatching,
        _ left: Block,
        _ right: Block
    ) throws(QueryError) -> Block {
        let signatures = signatures(matching, left, right)
        let steps = left.steps
        /// For each signature and step, whether `block` has a sample.
        func occupancy(_ block: Block, _ numbers: [Int]) -> [Bool] {
            var present = [Bool](repeating: false, count: signatures.count * steps)
            for (series, number) in zip(block.series, numbers) {
                for step in 0..<steps where series.row.presence[step] != Presence.none {
                    present[number * steps + step] = true
                }
            }
            return present
        }
        func filtered(_ block: Block, _ numbers: [Int], _ present: [Bool], keeps: Bool) -> [Block.Series] {
            zip(block.series, numbers).compactMap { series, number in
                var series = series
                for step in 0..<steps where present[number * steps + step] != keeps { series.row.remove(step) }
                return series.row.isEmpty ? nil : series
            }
        }
        var result = Block(steps: steps)
        switch operation {
        case .and:
            result.series = filtered(left, signatures.left, occupancy(right, signatures.right), keeps: true)
        case .unless:
            result.series = filtered(left, signatures.left, occupancy(right, signatures.right), keeps: false)
        default:
            result.series = left.series.filter { !$0.row.isEmpty }
            result.series += filtered(right, signatures.right, occupancy(left, signatures.left), keeps: false)
            return try merged(result)
        }
        return result
    }

    private mutating func combine(
        _ node: BinaryOperation,
        _ matching: VectorMatching,
        _ left: Block,
        _ right: Block
    ) throws(QueryError) -> Block {
        let signatures = signatures(matching, left, right)
        var join = VectorJoin(
            node: node,
            matching: matching,
            left: left,
            right: right,
            signatures: signatures,
            delaysNameRemoval: delaysNameRemoval
        )
        for step in 0..<left.steps {
            try checkTime()
            try join.evaluate(step, &annotations)
        }
        return join.block
    }
}

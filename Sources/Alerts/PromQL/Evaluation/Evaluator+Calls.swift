// SPDX-License-Identifier: Apache-2.0

import TimeSeries

extension Evaluator {
    mutating func call(_ node: FunctionCall, _ window: EvaluationWindow) throws(QueryError) -> Evaluated {
        switch node.function.implementation {
        case .elementwise(let body): return .vector(try mapped(node.arguments[0], window, body))
        case .overTime(let function): return .vector(try overTime(node, function, window))
        case .calendar(let field): return .vector(try calendar(node, field, window))
        case .histogramStatistic(let statistic): return .vector(try histogramStatistic(node, statistic, window))
        case .scalarValue(let source): return .scalar(try scalarValue(node, source, window))
        case .special(let function): return try special(node, function, window)
        }
    }

    /// Each float changed by `body`; histograms left out, the name dropped.
    private mutating func mapped(
        _ argument: Expression,
        _ window: EvaluationWindow,
        _ body: (Double) -> Double
    ) throws(QueryError) -> Block {
        var block = try vector(argument, window)
        try transform(&block) { _, value in body(value) }
        return block
    }

    /// The same with the step, in place.
    private mutating func transform(_ block: inout Block, _ body: (Int, Double) -> Double) throws(QueryError) {
        var kept = Block(steps: block.steps)
        kept.series.reserveCapacity(block.series.count)
        for var series in block.series {
            try tick()
            var isEmpty = true
            for step in 0..<block.steps {
                switch series.row.presence[step] {
                case Presence.float:
                    series.row.values[step] = body(step, series.row.values[step])
                    isEmpty = false
                case Presence.histogram: series.row.remove(step)
                default: continue
                }
            }
            guard !isEmpty else { continue }
            dropName(&series)
            kept.series.append(series)
        }
        block = try merged(kept)
    }

    private func scalarsOf(_ window: EvaluationWindow, _ body: (Int) -> Double) -> [Double] {
        (0..<window.count).map(body)
    }

    private mutating func scalarValue(
        _ node: FunctionCall,
        _ source: ScalarSource,
        _ window: EvaluationWindow
    ) throws(QueryError) -> [Double] {
        switch source {
        case .time: return scalarsOf(window) { Double(window.time($0)) / 1000 }
        case .pi: return scalarsOf(window) { _ in .pi }
        case .start: return scalarsOf(window) { _ in Double(bounds.start) / 1000 }
        case .end: return scalarsOf(window) { _ in Double(bounds.end) / 1000 }
        case .step: return scalarsOf(window) { _ in Double(bounds.step) / 1000 }
        case .range: return scalarsOf(window) { _ in Double(bounds.end.clampedDifference(bounds.start)) / 1000 }
        case .smaller, .larger:
            let left = try scalar(node.arguments[0], window)
            let right = try scalar(node.arguments[1], window)
            return zip(left, right).map { source == .smaller ? GoMath.min($0, $1) : GoMath.max($0, $1) }
        }
    }

    private mutating func calendar(
        _ node: FunctionCall,
        _ field: CalendarField,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Block {
        guard let argument = node.arguments.first else {
            var row = Row(steps: window.count)
            for step in 0..<window.count {
                row.set(step, CalendarDate(seconds: window.time(step).flooredSeconds)[field])
            }
            var block = Block(steps: window.count)
            block.append(Labels(), row)
            return block
        }
        return try mapped(argument, window) { CalendarDate(seconds: Int64(truncatingOrMinimum: $0))[field] }
    }

    private mutating func histogramStatistic(
        _ node: FunctionCall,
        _ statistic: HistogramStatistic,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Block {
        let block = try vector(node.arguments[0], window)
        var result = Block(steps: window.count)
        for series in block.series where !series.row.histograms.isEmpty {
            try tick()
            var row = Row(steps: window.count)
            for step in 0..<window.count where series.row.presence[step] == Presence.histogram {
                if let histogram = series.row.histograms[step] { row.set(step, histogram.value(of: statistic)) }
            }
            guard !row.isEmpty else { continue }
            var output = Block.Series(labels: series.labels, dropsName: series.dropsName, row: row)
            dropName(&output)
            result.series.append(output)
        }
        return try merged(result)
    }

    // MARK: The others

    private mutating func special(
        _ node: FunctionCall,
        _ function: SpecialFunction,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Evaluated {
        switch function {
        case .vector:
            var row = Row(steps: window.count)
            for (step, value) in try scalar(node.arguments[0], window).enumerated() { row.set(step, value) }
            var block = Block(steps: window.count)
            block.append(Labels(), row)
            return .vector(block)
        case .scalar: return .scalar(try onlyValue(node, window))
        case .clamp, .clampMin, .clampMax: return .vector(try clamp(node, function, window))
        case .round:
            var block = try vector(node.arguments[0], window)
            let nearest = node.arguments.count > 1 ? try scalar(node.arguments[1], window) : []
            try transform(&block) { step, value in
                let inverse = 1 / (nearest.isEmpty ? 1 : nearest[step])
                return (value * inverse + 0.5).rounded(.down) / inverse
            }
            return .vector(block)
        case .absent:
            let block = try vector(node.arguments[0], window)
            return .vector(absent(block, Self.absentLabels(node.arguments[0].unwrapped), window))
        case .timestamp: return .vector(try timestamp(node, window))
        case .sort, .sortDescending: return .vector(try sort(node, function, window))
        case .sortByLabel, .sortByLabelDescending: return .vector(try sortByLabel(node, function, window))
        case .labelReplace: return .vector(try labelReplace(node, window))
        case .labelJoin: return .vector(try labelJoin(node, window))
        case .info: return .vector(try info(node, window))
        case .histogramQuantile: return .vector(try histogramQuantile(node, window))
        case .histogramQuantiles: return .vector(try histogramQuantiles(node, window))
        case .histogramFraction: return .vector(try histogramFraction(node, window))
        }
    }

    private mutating func onlyValue(_ node: FunctionCall, _ window: EvaluationWindow) throws(QueryError) -> [Double] {
        let block = try vector(node.arguments[0], window)
        var result = [Double](repeating: .nan, count: window.count)
        var found = [Int](repeating: 0, count: window.count)
        for series in block.series {
            for step in 0..<window.count where series.row.presence[step] == Presence.float {
                found[step] += 1
                result[step] = found[step] == 1 ? series.row.values[step] : .nan
            }
        }
        return result
    }

    private mutating func clamp(
        _ node: FunctionCall,
        _ function: SpecialFunction,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Block {
        var block = try vector(node.arguments[0], window)
        let first = try scalar(node.arguments[1], window)
        let second = node.arguments.count > 2 ? try scalar(node.arguments[2], window) : []
        let least = { (step: Int) in function == .clampMax ? -Double.infinity : first[step] }
        let most = { (step: Int) -> Double in
            switch function {
            case .clamp: second[step]
            case .clampMax: first[step]
            default: .infinity
            }
        }
        for step in 0..<window.count where most(step) < least(step) {
            for index in block.series.indices { block.series[index].row.remove(step) }
        }
        try transform(&block) { step, value in GoMath.max(least(step), GoMath.min(most(step), value)) }
        return block
    }

    /// One series where the argument has none.
    func absent(_ block: Block, _ labels: Labels, _ window: EvaluationWindow) -> Block {
        var row = Row(steps: window.count)
        for step in 0..<window.count { row.set(step, 1) }
        for series in block.series {
            for step in 0..<window.count where series.row.presence[step] != Presence.none { row.remove(step) }
        }
        var result = Block(steps: window.count)
        if !row.isEmpty { result.append(labels, row) }
        return result
    }

    /// The labels that a selector fixes to one value.
    static func absentLabels(_ expression: Expression) -> Labels {
        let matchers: [LabelMatcher]
        switch expression {
        case .vector(let node): matchers = node.matchers
        case .matrix(let node): matchers = node.selector.matchers
        default: return Labels()
        }
        var values: [String: String] = [:]
        var seen: Set<String> = []
        for matcher in matchers where matcher.name != ReservedLabels.name {
            if matcher.operation == .equal, seen.insert(matcher.name).inserted {
                values[matcher.name] = matcher.value
            } else {
                values[matcher.name] = nil
            }
        }
        return Labels(values.map { ($0.key, $0.value) })
    }

    /// When the samples were taken, for a selector; the evaluation time for anything computed.
    private mutating func timestamp(_ node: FunctionCall, _ window: EvaluationWindow) throws(QueryError) -> Block {
        var block = Block(steps: window.count)
        if case .vector(let selector) = node.arguments[0].unwrapped {
            let selection = try resolve(selector)
            let offset = try milliseconds(selector.offset, mayBeNegative: true)
            for handle in selection.handles {
                try tick()
                var row = Row(steps: window.count)
                for step in 0..<window.count {
                    let moment = reference(window.time(step), at: selector.at, offset: offset)
                    let at = Timestamp(milliseconds: moment)
                    guard let (time, value) = reader.latest(handle, at: at, lookback: configuration.lookback) else {
                        continue
                    }
                    if case .float(let float) = value, StaleMarker.isStale(float) { continue }
                    row.set(step, time.seconds)
                }
                guard !row.isEmpty else { continue }
                var series = Block.Series(labels: handle.labels, row: row)
                dropName(&series)
                block.series.append(series)
            }
            return try merged(block)
        }
        block = try vector(node.arguments[0], window)
        for index in block.series.indices {
            for step in 0..<window.count where block.series[index].row.presence[step] != Presence.none {
                block.series[index].row.set(step, Double(window.time(step)) / 1000)
            }
            dropName(&block.series[index])
        }
        return try merged(block)
    }
}

// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Evaluates one query: walks the expression, keeps the budget, collects remarks and statistics.
struct Evaluator {
    let reader: StoreReader
    let configuration: QueryEngine.Configuration
    let limits: QueryLimits
    let cache: SelectionCache
    let bounds: QueryBounds
    /// Where the plan is one of a batch.
    var shared: SharedPasses?
    var annotations = AnnotationSet()
    var statistics = QueryStatistics()
    /// Samples in memory now.
    private var held = 0
    private var ticks = 0

    init(
        reader: StoreReader,
        configuration: QueryEngine.Configuration,
        limits: QueryLimits,
        cache: SelectionCache,
        bounds: QueryBounds
    ) {
        self.reader = reader
        self.configuration = configuration
        self.limits = limits
        self.cache = cache
        self.bounds = bounds
    }

    var lookback: Int64 { configuration.lookback.milliseconds }
    var delaysNameRemoval: Bool { configuration.features.contains(.delayedNameRemoval) }

    // MARK: Budget

    /// Counts samples that stay in memory; balanced by `release`.
    mutating func hold(_ samples: Int) throws(QueryError) {
        held += samples
        statistics.peakSamples = Swift.max(statistics.peakSamples, held)
        if held > limits.samples { throw .tooManySamples }
    }

    mutating func release(_ samples: Int) { held -= samples }

    func checkTime() throws(QueryError) {
        if let reason = limits.shouldStop?() { throw reason }
    }

    /// Called for each series, and for what else takes about as long; looks at the clock now and then.
    @inline(__always)
    mutating func tick(_ work: Int = 1) throws(QueryError) {
        ticks &+= work
        guard ticks >= 256 else { return }
        ticks = 0
        try checkTime()
    }

    /// The same for a step of a series whose range holds so many samples.
    @inline(__always)
    mutating func tick(samples: Int) throws(QueryError) { try tick(1 + samples / 64) }

    // MARK: Results

    func result(_ value: QueryValue) -> QueryResult {
        QueryResult(
            value: value,
            warnings: annotations.all.filter { $0.severity == .warning },
            infos: annotations.all.filter { $0.severity == .info },
            statistics: statistics
        )
    }

    // MARK: Expressions

    mutating func evaluate(_ expression: Expression, _ window: EvaluationWindow) throws(QueryError) -> Evaluated {
        try checkTime()
        if window.count > 1, expression.isStepInvariant {
            // The same at every step: worked out once.
            let once = try evaluate(expression, EvaluationWindow(start: window.start, step: window.step, count: 1))
            switch once {
            case .scalar(let values):
                return .scalar([Double](repeating: values.first ?? .nan, count: window.count))
            case .string: return once
            case .vector(let block):
                try hold(block.series.count * window.count)
                return .vector(block.repeated(window.count))
            }
        }
        switch expression {
        case .number(let literal): return .scalar([Double](repeating: literal.value, count: window.count))
        case .string(let literal): return .string(literal)
        case .parenthesised(let node): return try evaluate(node.expression, window)
        case .vector(let node): return .vector(try select(node, window))
        case .matrix, .subquery: throw .execution("range vectors cannot be evaluated on their own")
        case .call(let node): return try call(node, window)
        case .aggregation(let node): return .vector(try aggregate(node, window))
        case .binary(let node): return try binary(node, window)
        case .unary(let node): return try unary(node, window)
        }
    }

    mutating func scalar(_ expression: Expression, _ window: EvaluationWindow) throws(QueryError) -> [Double] {
        guard case .scalar(let values) = try evaluate(expression, window) else {
            throw .execution("expected a scalar")
        }
        return values
    }

    mutating func vector(_ expression: Expression, _ window: EvaluationWindow) throws(QueryError) -> Block {
        guard case .vector(let block) = try evaluate(expression, window) else {
            throw .execution("expected an instant vector")
        }
        return block
    }

    private mutating func unary(
        _ node: UnaryOperation,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Evaluated {
        let operand = try evaluate(node.operand, window)
        guard node.isNegation else { return operand }
        switch operand {
        case .scalar(let values): return .scalar(values.map { -$0 })
        case .string: return operand
        case .vector(var block):
            for index in block.series.indices {
                for step in 0..<block.steps {
                    switch block.series[index].row.presence[step] {
                    case Presence.float: block.series[index].row.values[step].negate()
                    case Presence.histogram: block.series[index].row.histograms[step]?.multiply(by: -1)
                    default: break
                    }
                }
                dropName(&block.series[index])
            }
            return .vector(try merged(block))
        }
    }

    // MARK: Names

    /// What a result loses that measures something else than its input: now, or at the end of the query.
    func dropName(_ series: inout Block.Series) {
        if delaysNameRemoval { series.dropsName = true } else { series.labels = series.labels.withoutMetadata }
    }

    static let sameLabels = QueryError.execution("vector cannot contain metrics with the same labelset")

    /// Refuses two series with the same labels at the same step; those that take turns become one.
    func merged(_ block: Block) throws(QueryError) -> Block {
        if delaysNameRemoval { return block }
        return try Self.mergeSameLabels(block)
    }

    static func mergeSameLabels(_ block: Block) throws(QueryError) -> Block {
        guard block.series.count > 1 else { return block }
        var known: [Labels: Int] = [:]
        known.reserveCapacity(block.series.count)
        var result: Block?
        for (index, series) in block.series.enumerated() {
            guard let first = known[series.labels] else {
                known[series.labels] = result?.series.count ?? index
                result?.series.append(series)
                continue
            }
            if result == nil {
                var start = Block(steps: block.steps)
                start.series = Array(block.series[..<index])
                result = start
            }
            for step in 0..<block.steps {
                guard let value = series.row.value(step) else { continue }
                guard result?.series[first].row.presence[step] == Presence.none else { throw sameLabels }
                result?.series[first].row.set(step, value)
            }
        }
        return result ?? block
    }

    /// The end of a query: names that were kept back go, and empty series with them.
    func withNamesRemoved(_ block: Block) throws(QueryError) -> Block {
        guard delaysNameRemoval else { return block }
        var block = block
        for index in block.series.indices where block.series[index].dropsName {
            block.series[index].labels = block.series[index].labels.withoutMetadata
        }
        return try Self.mergeSameLabels(block)
    }
}

extension Expression {
    /// True when the value does not depend on the step: everything in it is fixed by `@`, or constant.
    var isStepInvariant: Bool {
        switch self {
        case .number, .string: return true
        case .vector(let node): return node.at != nil
        case .matrix(let node): return node.selector.at != nil
        case .subquery(let node): return node.at != nil
        case .parenthesised(let node): return node.expression.isStepInvariant
        case .unary(let node): return node.operand.isStepInvariant
        case .binary(let node): return node.left.isStepInvariant && node.right.isStepInvariant
        case .aggregation(let node):
            return node.expression.isStepInvariant && (node.parameter?.isStepInvariant ?? true)
        case .call(let node):
            switch node.function.implementation {
            case .calendar, .scalarValue(.time), .special(.timestamp), .overTime(.predictLinear): return false
            default: return node.arguments.allSatisfy(\.isStepInvariant)
            }
        }
    }
}

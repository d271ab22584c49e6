// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// Evaluates expressions over a store. Safe to use from many threads; each query works for itself, and what the
/// selectors of earlier queries resolved to is shared.
package final class QueryEngine: Sendable {
    package struct Configuration: Sendable {
        /// How old a sample may be to count as a series' present value.
        package var lookback: Duration = .seconds(300)
        /// The step of subqueries without one: the evaluation interval.
        package var subqueryStep: Duration = .seconds(60)
        package var features: FeatureSet = []

        package init(features: FeatureSet = []) { self.features = features }

        func with(lookback: Duration?) -> Configuration {
            guard let lookback else { return self }
            var changed = self
            changed.lookback = lookback
            return changed
        }
    }

    package let configuration: Configuration
    private let cache = SelectionCache()

    /// Resolved selectors are remembered for the store that was asked last: one engine for one store is best.
    package init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    /// How selectors were resolved so far.
    package var selectionCounts: SelectionCounts { cache.counts }

    /// How many series these matchers select, exactly where there are few, if they were asked before.
    func knownCount(of matchers: [LabelMatcher], few: Int, reader: StoreReader) -> Int? {
        cache.count(matchers, few: few, reader)
    }

    /// The value at one moment.
    ///
    /// - Parameters:
    ///   - lookback: instead of the configured one.
    ///   - shared: what the plans of one batch share.
    package func instant(
        _ expression: Expression,
        at time: Timestamp,
        lookback: Duration? = nil,
        reader: StoreReader,
        limits: QueryLimits = QueryLimits(),
        shared: SharedPasses? = nil
    ) throws(QueryError) -> QueryResult {
        var evaluator = Evaluator(
            reader: reader,
            configuration: configuration.with(lookback: lookback),
            limits: limits,
            cache: cache,
            bounds: QueryBounds(start: time.milliseconds, end: time.milliseconds, step: 0)
        )
        evaluator.shared = shared
        let window = EvaluationWindow.instant(time.milliseconds)
        if case .rangeVector = expression.type {
            let series = try evaluator.rangeVector(expression, at: time.milliseconds)
            return evaluator.result(.matrix(series.sorted { $0.labels < $1.labels }))
        }
        switch try evaluator.evaluate(expression, window) {
        case .scalar(let values): return evaluator.result(.scalar(values.first ?? .nan))
        case .string(let literal): return evaluator.result(.string(literal.value))
        case .vector(let block):
            let final = try evaluator.withNamesRemoved(block)
            let samples = final.series.compactMap { series in
                series.row.value(0).map { Sample(labels: series.labels, value: $0) }
            }
            return evaluator.result(.vector(samples))
        }
    }

    /// The values at `start`, `start + step` … up to `end`.
    ///
    /// - Parameter lookback: instead of the configured one.
    package func range(
        _ expression: Expression,
        from start: Timestamp,
        through end: Timestamp,
        step: Duration,
        lookback: Duration? = nil,
        reader: StoreReader,
        limits: QueryLimits = QueryLimits()
    ) throws(QueryError) -> QueryResult {
        let stepMilliseconds = Swift.max(1, step.milliseconds)
        guard expression.type == .scalar || expression.type == .instantVector else {
            let type = expression.type.documentedName
            throw .execution("invalid expression type \"\(type)\" for range query, must be Scalar or instant Vector")
        }
        let span = end.milliseconds.clampedDifference(start.milliseconds)
        let count = span < 0 ? 0 : span / stepMilliseconds + 1
        guard count <= Int64(limits.steps) + 1 else { throw .tooManySteps(limit: limits.steps) }
        var evaluator = Evaluator(
            reader: reader,
            configuration: configuration.with(lookback: lookback),
            limits: limits,
            cache: cache,
            bounds: QueryBounds(start: start.milliseconds, end: end.milliseconds, step: stepMilliseconds)
        )
        guard count > 0 else { return evaluator.result(.matrix([])) }
        let window = EvaluationWindow(start: start.milliseconds, step: stepMilliseconds, count: Int(count))
        var block: Block
        switch try evaluator.evaluate(expression, window) {
        case .scalar(let values):
            block = Block(steps: window.count)
            var row = Row(steps: window.count)
            for (step, value) in values.enumerated() { row.set(step, value) }
            block.append(Labels(), row)
        case .string: return evaluator.result(.matrix([]))
        case .vector(let vector): block = vector
        }
        block = try evaluator.withNamesRemoved(block)
        let series = block.series.compactMap { series -> SeriesSamples? in
            let samples = (0..<window.count).compactMap { step in
                series.row.value(step).map {
                    SeriesSamples.TimedValue(timestamp: Timestamp(milliseconds: window.time(step)), value: $0)
                }
            }
            return samples.isEmpty ? nil : SeriesSamples(labels: series.labels, samples: samples)
        }
        return evaluator.result(.matrix(series.sorted { $0.labels < $1.labels }))
    }
}

/// The query's own times, which `start()`, `end()`, `step()` and `range()` name.
struct QueryBounds {
    var start: Int64
    var end: Int64
    /// 0 for an instant query.
    var step: Int64
}

extension Duration {
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        return product.clampedSum(attoseconds / 1_000_000_000_000_000)
    }
}

// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import HealthChecks
import PromQL
import TimeSeries

/// Evaluates the expressions of checks over the store.
struct StoredExpressions: ExpressionEvaluating {
    let store: TimeSeriesStore
    let engine: QueryEngine
    let clock: HealthClock
    let features: FeatureSet

    func prepare(_ expression: String) throws(ExpressionProblem) -> any PreparedExpression {
        let parsed: PromQL.Expression
        do throws(ParseError) {
            parsed = try PromQL.parse(expression, options: ParserOptions(features: features))
        } catch {
            throw .invalid(error.description)
        }
        guard parsed.type == .scalar || parsed.type == .instantVector else {
            throw .invalid("expected a scalar or an instant vector, this is \(parsed.type.documentedName)")
        }
        return StoredExpression(store: store, engine: engine, clock: clock, expression: parsed)
    }
}

/// One expression, read.
private struct StoredExpression: PreparedExpression {
    let store: TimeSeriesStore
    let engine: QueryEngine
    let clock: HealthClock
    let expression: PromQL.Expression

    /// A check looks at what is wrong: many elements say no more than a few.
    private static let elementLimit = 1_000

    func evaluate(deadline: Duration) throws(ExpressionProblem) -> [ExpressionValue] {
        let now = clock.now()
        let end = now.uptime + deadline
        var limits = QueryLimits()
        limits.shouldStop = { [clock] in clock.now().uptime >= end ? .timedOut : nil }
        let result: QueryResult
        do throws(QueryError) {
            let time = Timestamp(milliseconds: now.unixMilliseconds)
            result = try engine.instant(expression, at: time, reader: store.reader(), limits: limits)
        } catch {
            if case .timedOut = error { throw .timedOut }
            throw .failed(error.description)
        }
        switch result.value {
        case .scalar(let value): return [ExpressionValue(labels: "", value: value)]
        case .vector(let samples):
            return samples.prefix(Self.elementLimit).map { sample in
                // A histogram is an element, too; it has no one value.
                let value: Double = if case .float(let value) = sample.value { value } else { .nan }
                return ExpressionValue(labels: sample.labels.description, value: value)
            }
        case .string, .matrix: throw .invalid("expected a scalar or an instant vector")
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import Hummingbird
import JSONDocument
import PromQL
import TimeSeries
import YAMLDocument

/// `/api/v1/query`, `query_range`, `format_query`, `parse_query`: Prometheus's parameters, envelopes and errors.
struct QueryRoutes: Sendable {
    let store: TimeSeriesStore
    let engine: QueryEngine
    let pool: QueryPool
    let clock: HealthClock
    let features: FeatureSet
    /// The longest a query may take; a request may ask for less.
    let timeout: Duration

    func register(on router: some RouterMethods<BasicRequestContext>) {
        for method in [HTTPRequest.Method.get, .post] {
            router.on("/api/v1/query", method: method) { request, _ in try await instant(request) }
            router.on("/api/v1/query_range", method: method) { request, _ in try await range(request) }
            router.on("/api/v1/query_exemplars", method: method) { _, _ in
                Response.success { $0.array([] as [Int]) { _, _ in } }
            }
            router.on("/api/v1/format_query", method: method) { request, _ in try await format(request) }
            router.on("/api/v1/parse_query", method: method) { request, _ in try await parse(request) }
        }
    }

    private func instant(_ request: Request) async throws -> Response {
        let parameters = try await parameters(request)
        let now = Timestamp(milliseconds: clock.now().unixMilliseconds)
        let time = try RequestTimes.time(parameters, "time") ?? now
        let limit = try RequestTimes.limit(parameters)
        let (text, expression) = try expression(parameters)
        let limits = try limits(parameters)
        let result = try await run { [store, engine] in
            try engine.instant(expression, at: time, reader: store.reader(), limits: limits)
        }
        return answer(result, text: text, at: time, limit: limit, parameters)
    }

    private func range(_ request: Request) async throws -> Response {
        let parameters = try await parameters(request)
        guard let start = try RequestTimes.time(parameters, "start") else {
            throw APIError.invalidParameter("start", "cannot parse \"\" to a valid timestamp")
        }
        guard let end = try RequestTimes.time(parameters, "end") else {
            throw APIError.invalidParameter("end", "cannot parse \"\" to a valid timestamp")
        }
        guard end >= start else {
            throw APIError.invalidParameter("end", "end timestamp must not be before start time")
        }
        guard let step = try RequestTimes.duration(parameters, "step") else {
            throw APIError.invalidParameter("step", "cannot parse \"\" to a valid duration")
        }
        guard step > .zero else {
            throw APIError.invalidParameter(
                "step",
                "zero or negative query resolution step widths are not accepted. Try a positive integer"
            )
        }
        guard (end - start) / step <= 11_000 else {
            throw APIError.badData(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
            )
        }
        let limit = try RequestTimes.limit(parameters)
        let (text, expression) = try expression(parameters)
        guard expression.type == .scalar || expression.type == .instantVector else {
            throw APIError.invalidParameter(
                "query",
                "invalid expression type \"\(expression.type.documentedName)\" for range query, must be Scalar or instant Vector"
            )
        }
        let limits = try limits(parameters)
        let result = try await run { [store, engine] in
            try engine.range(expression, from: start, through: end, step: step, reader: store.reader(), limits: limits)
        }
        return answer(result, text: text, at: end, limit: limit, parameters)
    }

    private func format(_ request: Request) async throws -> Response {
        let (_, expression) = try expression(try await parameters(request))
        return .success { $0.string(expression.prettified) }
    }

    private func parse(_ request: Request) async throws -> Response {
        let (_, expression) = try expression(try await parameters(request))
        return .success { ExpressionJSON.write(expression, to: &$0) }
    }

    // MARK: Parts

    private func parameters(_ request: Request) async throws -> Parameters {
        var request = request
        return try await request.parameters()
    }

    private func expression(_ parameters: Parameters) throws -> (String, PromQL.Expression) {
        let text = parameters["query"] ?? ""
        do throws(ParseError) {
            return (text, try PromQL.parse(text, options: ParserOptions(features: features)))
        } catch {
            throw APIError.invalidParameter("query", error.description)
        }
    }

    private func limits(_ parameters: Parameters) throws -> QueryLimits {
        let asked = try RequestTimes.duration(parameters, "timeout") ?? timeout
        let deadline = clock.now().uptime + min(asked, timeout)
        var limits = QueryLimits()
        limits.shouldStop = { [clock] in clock.now().uptime >= deadline ? .timedOut : nil }
        return limits
    }

    private func run(_ body: @escaping @Sendable () throws -> QueryResult) async throws -> QueryResult {
        do {
            return try await pool.run(body)
        } catch let error as QueryError {
            switch error {
            case .timedOut: throw APIError(.timeout, error.description)
            case .cancelled: throw APIError(.canceled, error.description)
            case .tooManySteps: throw APIError.badData(error.description)
            case .tooManySamples, .tooManySeries, .execution: throw APIError(.execution, error.description)
            }
        } catch is QueryPool.Overloaded {
            throw APIError(.unavailable, "too many queries at once")
        }
    }

    private func answer(
        _ result: QueryResult,
        text: String,
        at time: Timestamp,
        limit: Int,
        _ parameters: Parameters
    ) -> Response {
        var warnings = result.warnings.map { $0.text(in: text) }
        if limit > 0, result.value.count > limit { warnings.append("results truncated due to limit") }
        return .success(warnings: warnings, infos: result.infos.map { $0.text(in: text) }) { json in
            guard parameters["explain"] == "1" else {
                return ResultJSON.write(result.value, at: time, limit: limit, to: &json)
            }
            var inner = JSONWriter()
            ResultJSON.write(result.value, at: time, limit: limit, to: &inner)
            // The members of the result with one more, what the query went through.
            json.beginObject()
            json.raw(inner.bytes.dropFirst().dropLast())
            json.member("explain") { Self.explain(result.statistics, to: &$0) }
            json.endObject()
        }
    }

    private static func explain(_ statistics: QueryStatistics, to json: inout JSONWriter) {
        json.member("series", statistics.series)
        json.member("samples", statistics.samples)
        json.member("peakSamples", statistics.peakSamples)
        json.member("selectors", array: statistics.selectors) { json, selector in
            json.object {
                $0.member("selector", selector.text)
                $0.member("series", selector.series)
                $0.member("samples", selector.samples)
            }
        }
        json.member("matchedNothing", array: statistics.emptySelectors) { $0.string($1.text) }
    }
}

extension QueryValue {
    /// Elements of the result that `limit` counts.
    fileprivate var count: Int {
        switch self {
        case .scalar, .string: 1
        case .vector(let samples): samples.count
        case .matrix(let series): series.count
        }
    }
}

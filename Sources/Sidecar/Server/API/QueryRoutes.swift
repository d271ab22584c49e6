// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
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
            router.on("/api/v1/query_exemplars", method: method) { request, _ in try await exemplars(request) }
            router.on("/api/v1/format_query", method: method) { request, _ in try await format(request) }
            router.on("/api/v1/parse_query", method: method) { request, _ in try await parse(request) }
        }
    }

    private func instant(_ request: Request) async throws -> Response {
        var request = request
        let client = QueryClient()
        let question = try instantQuestion(try await request.parameters(), client)
        let reader = store.reader()
        let isLight = engine.isLight(question.expression, reader: reader)
        let outcome = try await run(request, client, here: isLight) { [engine] in try question.answer(engine, reader) }
        return response(body(outcome, of: question), outcome)
    }

    /// The body of the answer to an instant query that is so light that it may be answered on an event loop, without
    /// waiting for anything; nil when it is not, or when the answer is an error.
    ///
    /// - Parameter query: the parameters as they stand in the request's target.
    func answerAtOnce(_ query: some Sequence<UInt8>) -> [UInt8]? {
        var parameters = Parameters()
        guard (try? parameters.append(encoded: query)) != nil,
            let question = try? instantQuestion(parameters, QueryClient())
        else {
            return nil
        }
        let reader = store.reader()
        guard engine.isLight(question.expression, reader: reader) else { return nil }
        let begin = clock.now().uptime
        guard let result = try? question.answer(engine, reader) else { return nil }
        let spent = clock.now().uptime - begin
        return body(Outcome(result: result, total: spent, evaluation: spent, isLast: false), of: question)
    }

    /// What an instant query asks for.
    private struct InstantQuestion: Sendable {
        let parameters: Parameters
        let text: String
        let expression: PromQL.Expression
        let time: Timestamp
        let limit: Int
        let limits: QueryLimits
        let lookback: Duration?

        func answer(_ engine: QueryEngine, _ reader: StoreReader) throws(QueryError) -> QueryResult {
            try engine.instant(expression, at: time, lookback: lookback, reader: reader, limits: limits)
        }
    }

    private func instantQuestion(_ parameters: Parameters, _ client: QueryClient) throws -> InstantQuestion {
        let now = Timestamp(milliseconds: clock.now().unixMilliseconds)
        let time = try RequestTimes.time(parameters, "time") ?? now
        let limit = try RequestTimes.limit(parameters)
        let (text, expression) = try expression(parameters)
        return InstantQuestion(
            parameters: parameters,
            text: text,
            expression: expression,
            time: time,
            limit: limit,
            limits: try limits(parameters, client),
            lookback: try RequestTimes.lookback(parameters)
        )
    }

    private func body(_ outcome: Outcome, of question: InstantQuestion) -> [UInt8] {
        body(
            outcome,
            QueryPlan(question.expression, isRange: false),
            text: question.text,
            at: question.time,
            limit: question.limit,
            question.parameters
        )
    }

    private func range(_ request: Request) async throws -> Response {
        var request = request
        let client = QueryClient()
        let parameters = try await request.parameters()
        let start = try RequestTimes.requiredTime(parameters, "start")
        let end = try RequestTimes.requiredTime(parameters, "end")
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
        let limits = try limits(parameters, client)
        let lookback = try RequestTimes.lookback(parameters)
        let outcome = try await run(request, client) { [store, engine] in
            try engine.range(
                expression,
                from: start,
                through: end,
                step: step,
                lookback: lookback,
                reader: store.reader(),
                limits: limits
            )
        }
        return response(
            body(outcome, QueryPlan(expression, isRange: true), text: text, at: end, limit: limit, parameters),
            outcome
        )
    }

    /// Exemplars are not kept: the answer to a sound question is that there are none.
    private func exemplars(_ request: Request) async throws -> Response {
        let parameters = try await parameters(request)
        let start = try RequestTimes.time(parameters, "start") ?? .distantPast
        let end = try RequestTimes.time(parameters, "end") ?? .distantFuture
        guard end >= start else { throw APIError.badData("end timestamp must not be before start timestamp") }
        do throws(ParseError) {
            _ = try PromQL.parse(parameters["query"] ?? "", options: ParserOptions(features: features))
        } catch {
            throw APIError.badData(error.description)
        }
        return .success { $0.array([] as [Int]) { _, _ in } }
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

    private func limits(_ parameters: Parameters, _ client: QueryClient) throws -> QueryLimits {
        let asked = try RequestTimes.duration(parameters, "timeout") ?? timeout
        let deadline = clock.now().uptime + min(asked, timeout)
        var limits = QueryLimits()
        limits.shouldStop = { [clock] in
            if client.hasLeft { return .cancelled }
            return clock.now().uptime >= deadline ? .timedOut : nil
        }
        return limits
    }

    /// A result, and how long it took with and without the wait for a thread.
    private struct Outcome {
        let result: QueryResult
        let total: Duration
        let evaluation: Duration
        /// The connection ends with the answer.
        let isLast: Bool
    }

    private func response(_ body: [UInt8], _ outcome: Outcome) -> Response {
        var response = Response.json(body)
        if outcome.isLast { response.headers[.connection] = "close" }
        return response
    }

    /// - Parameter here: whether the question is so light that a thread of its own would cost more than the answer.
    private func run(
        _ request: Request,
        _ client: QueryClient,
        here: Bool = false,
        _ body: @escaping @Sendable () throws -> QueryResult
    ) async throws -> Outcome {
        let begin = clock.now().uptime
        let work: @Sendable () throws -> (QueryResult, Duration) = { [clock] in
            let begin = clock.now().uptime
            let result = try body()
            return (result, clock.now().uptime - begin)
        }
        do {
            let answer: (value: (QueryResult, Duration), isLast: Bool)
            if here {
                answer = (try work(), false)
            } else {
                answer = try await client.waits(for: { [pool] in try await pool.answer(work) }, asking: request)
            }
            return Outcome(
                result: answer.value.0,
                total: clock.now().uptime - begin,
                evaluation: answer.value.1,
                isLast: answer.isLast
            )
        } catch let error as QueryError {
            switch error {
            case .timedOut: throw APIError(.timeout, error.description)
            case .cancelled: throw APIError(.canceled, error.description)
            case .tooManySteps: throw APIError.badData(error.description)
            case .tooManySamples, .tooManySeries, .execution: throw APIError(.execution, error.description)
            }
        }
    }

    private func body(
        _ outcome: Outcome,
        _ plan: @autoclosure () -> QueryPlan,
        text: String,
        at time: Timestamp,
        limit: Int,
        _ parameters: Parameters
    ) -> [UInt8] {
        let result = outcome.result
        var warnings = result.warnings.map { $0.text(in: text) }
        if limit > 0, result.value.count > limit { warnings.append("results truncated due to limit") }
        return Response.successBytes(warnings: warnings, infos: result.infos.map { $0.text(in: text) }) { json in
            let (explains, counts) = (parameters["explain"] == "1", !(parameters["stats"] ?? "").isEmpty)
            guard explains || counts else {
                return ResultJSON.write(result.value, at: time, limit: limit, to: &json)
            }
            var inner = JSONWriter()
            ResultJSON.write(result.value, at: time, limit: limit, to: &inner)
            let report = QueryReport(
                statistics: result.statistics,
                plan: plan(),
                total: outcome.total,
                evaluation: outcome.evaluation
            )
            // The members of the result, and more beside them.
            json.beginObject()
            json.raw(inner.bytes.dropFirst().dropLast())
            if counts { report.writeStatistics(to: &json) }
            if explains { report.writeExplanation(to: &json) }
            json.endObject()
        }
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

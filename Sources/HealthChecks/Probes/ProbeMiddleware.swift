// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HealthChecks
public import Hummingbird

/// Answers `/livez`, `/readyz`, `/startupz` and `/health` in any Hummingbird application.
///
/// Add it first: probes then take no part in authentication, rate limits, access logs and latency metrics.
///
/// ```swift
/// let registry = HealthRegistry(version: "1.0", startedAt: HealthClock.system.now())
/// router.add(middleware: ProbeMiddleware(ProbeResponder(registry: registry)))
/// ```
public struct ProbeMiddleware<Context: RequestContext>: RouterMiddleware {
    private let responder: ProbeResponder
    private let showsDetails: @Sendable (Request, Context) -> Bool
    private let onProbe: @Sendable () -> Void

    /// Creates the middleware.
    ///
    /// - Parameters:
    ///   - responder: makes the answers.
    ///   - showsDetails: whether a caller may see texts and addresses; by default nobody may.
    ///   - onProbe: called for every probe answered here.
    public init(
        _ responder: ProbeResponder,
        showsDetails: @escaping @Sendable (Request, Context) -> Bool = { _, _ in false },
        onProbe: @escaping @Sendable () -> Void = {}
    ) {
        self.responder = responder
        self.showsDetails = showsDetails
        self.onProbe = onProbe
    }

    /// Answers a probe, and passes everything else on.
    public func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        let answer = responder.answer(
            method: request.method.rawValue,
            target: request.head.path ?? "/",
            accept: request.headers[.accept],
            details: showsDetails(request, context)
        )
        guard let answer else { return try await next(request, context) }
        onProbe()
        return Self.response(answer, method: request.method)
    }

    static func response(_ answer: ProbeAnswer, method: HTTPRequest.Method) -> Response {
        let body = ByteBuffer(string: answer.body)
        let isOptions = method == .options
        var headers: HTTPFields = [
            .contentType: answer.contentType,
            .contentLength: String(isOptions ? 0 : body.readableBytes),
            .cacheControl: "no-store",
            .xContentTypeOptions: "nosniff",
        ]
        if let reason = answer.reason { headers[.healthReason] = reason.rawValue }
        if isOptions || answer.status == 405 { headers[.allow] = ProbeAnswer.allow }
        return Response(
            status: HTTPResponse.Status(code: answer.status),
            headers: headers,
            body: method == .get || answer.status == 405 ? ResponseBody(byteBuffer: body) : ResponseBody()
        )
    }
}

extension HTTPField.Name {
    /// `X-Health-Reason`: why a probe fails, from a closed list.
    static let healthReason = headerName("X-Health-Reason")

    private static func headerName(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("not a header name: \(name)") }
        return name
    }
}

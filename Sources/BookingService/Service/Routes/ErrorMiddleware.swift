// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Hummingbird
import Logging

/// Turns errors into answers: `{"error":{"code":"slot_taken","message":"…"}}`.
struct ErrorMiddleware: RouterMiddleware {
    private struct Body: Encodable {
        struct Details: Encodable {
            let code: String
            let message: String
        }

        let error: Details
    }

    func handle(
        _ request: Request,
        context: BookingRequestContext,
        next: @concurrent (Request, BookingRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as BookingError {
            return try answer(error.status, error.code, error.message, headers(for: error))
        } catch let error as DecodingError {
            return try answer(422, "invalid", Self.describe(error))
        } catch let error as HTTPError {
            let status = error.status
            return try answer(status.code, Self.code(status), error.body ?? status.reasonPhrase, error.headers)
        } catch is CancellationError {
            return try answer(503, "unavailable", "the service is stopping")
        } catch {
            context.logger.error("request failed", metadata: ["error": .string("\(error)")])
            return try answer(500, "internal", "something went wrong here")
        }
    }

    private func headers(for error: BookingError) -> HTTPFields {
        switch error {
        case .unauthorized: [.wwwAuthenticate: "Bearer"]
        case .rateLimited(let seconds): [.retryAfter: String(seconds)]
        case .unavailable: [.retryAfter: "5"]
        default: [:]
        }
    }

    private func answer(
        _ status: Int,
        _ code: String,
        _ message: String,
        _ extra: HTTPFields = [:]
    ) throws -> Response {
        let body = try JSONEncoder().encode(Body(error: Body.Details(code: code, message: message)))
        var headers = extra
        headers[.contentType] = "application/json"
        headers[.contentLength] = String(body.count)
        return Response(
            status: HTTPResponse.Status(code: status),
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
        )
    }

    private static func code(_ status: HTTPResponse.Status) -> String {
        switch status.code {
        case 404: "not_found"
        case 405: "method_not_allowed"
        case 413: "too_large"
        case 400..<500: "bad_request"
        default: "internal"
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "\(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")) has the wrong type"
        case .dataCorrupted: "the body is not valid JSON"
        @unknown default: "the body cannot be read"
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Turns thrown `APIError`s into Prometheus's error envelope.
struct APIErrorMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as APIError {
            return error.response
        }
    }
}

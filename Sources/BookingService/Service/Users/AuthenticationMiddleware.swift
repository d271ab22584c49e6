// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Reads the token of a request. A wrong token is refused even where none is needed.
struct AuthenticationMiddleware: RouterMiddleware {
    let authority: TokenAuthority
    /// Requests without a token act as this user; nil when they may only read.
    let anonymous: Identity?

    func handle(
        _ request: Request,
        context: BookingRequestContext,
        next: @concurrent (Request, BookingRequestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        if let header = request.headers[.authorization] {
            guard header.lowercased().hasPrefix("bearer ") else {
                throw BookingError.unauthorized("the Bearer scheme is expected")
            }
            context.identity = try await authority.identity(String(header.dropFirst(7)))
        } else {
            context.identity = anonymous
        }
        return try await next(request, context)
    }
}

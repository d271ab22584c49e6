// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Asks for user and password, where there are users. Plain probes are answered before the router and need none.
struct AuthenticationMiddleware<Context: RequestContext>: RouterMiddleware {
    let gatekeeper: Gatekeeper

    func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard !gatekeeper.isOpen else { return try await next(request, context) }
        switch await gatekeeper.verdict(BasicCredentials(header: request.headers[.authorization])) {
        case .welcome: return try await next(request, context)
        case .busy: return .text("Too many logins at once\n", status: .serviceUnavailable)
        case .unknown:
            var response = Response.text("Unauthorized\n", status: .unauthorized)
            response.headers[.wwwAuthenticate] = "Basic"
            return response
        }
    }
}

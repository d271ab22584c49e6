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

/// Refuses changing calls that a browser was tricked into (DESIGN §3): without authentication they are allowed only where
/// no `Origin` is present and `Host` is loopback or a Unix socket's.
struct ChangeGuardMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard request.changesState else { return try await next(request, context) }
        if request.headers[.origin] != nil {
            return .text("changing calls from a web page are not allowed\n", status: .forbidden)
        }
        if let host = request.head.authority, !host.isEmpty, !Self.isLoopback(host) {
            return .text("changing calls are allowed on a loopback address only\n", status: .forbidden)
        }
        return try await next(request, context)
    }

    static func isLoopback(_ authority: String) -> Bool {
        var host = Substring(authority)
        if host.first == "[" {
            host = host.dropFirst().prefix { $0 != "]" }
        } else {
            host = host.prefix { $0 != ":" }
        }
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

extension Request {
    /// Whether the call changes something: everything but reading, and reading by POST (queries with long parameters).
    fileprivate var changesState: Bool {
        switch method {
        case .get, .head, .options: return false
        case .post: return !uri.path.hasPrefix("/api/v1/")
        default: return true
        }
    }
}

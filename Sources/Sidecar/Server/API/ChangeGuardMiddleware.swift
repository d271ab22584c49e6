// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Where calls that change something (silences, reload, drain, …) are taken.
enum ChangePolicy: Sendable {
    /// From this machine only: no `Origin`, and a `Host` that is loopback or a Unix socket's. Without authentication
    /// this keeps out the pages that a browser was tricked into (DESIGN §3).
    case local
    /// From whoever reaches the listener; a web page's `Origin` is refused all the same.
    case anybody
    /// Nowhere on this listener, because there is one for administration.
    case elsewhere
}

/// Refuses changing calls where the listener's policy does not take them.
struct ChangeGuardMiddleware<Context: RequestContext>: RouterMiddleware {
    let policy: ChangePolicy

    func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard request.changesState else { return try await next(request, context) }
        if request.headers[.origin] != nil {
            return .text("changing calls from a web page are not allowed\n", status: .forbidden)
        }
        switch policy {
        case .anybody: break
        case .elsewhere:
            return .text("changing calls are taken on the administration listener only\n", status: .forbidden)
        case .local:
            if let host = request.head.authority, !host.isEmpty, !Self.isLoopback(host) {
                return .text("changing calls are allowed on a loopback address only\n", status: .forbidden)
            }
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
        // Jobs elsewhere report by POST; who knows the name or key of a job may.
        case .post: return !uri.path.hasPrefix("/api/v1/") && !uri.path.hasPrefix("/ping/")
        default: return true
        }
    }
}

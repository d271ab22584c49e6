// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Turns thrown `APIError`s into Prometheus's error envelope, and unknown paths into its plain answers.
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
        } catch let error as HTTPError where error.status == .notFound && error.body == nil {
            guard request.uri.path.hasPrefix(Self.root) else { throw error }
            return Self.isKnown(request.uri.path)
                ? .text("Method Not Allowed\n", status: .methodNotAllowed)
                : .text("404 page not found\n", status: .notFound)
        }
    }

    private static var root: String { "/api/v1/" }

    /// Whether another method would have found something.
    private static func isKnown(_ path: String) -> Bool {
        let parts = path.dropFirst(root.count).split(separator: "/", omittingEmptySubsequences: false)
        switch parts.first {
        case "query", "query_range", "query_exemplars", "format_query", "parse_query", "series", "labels", "rules",
            "alerts", "metadata", "alertmanagers", "scrape_pools", "features", "notifications":
            return parts.count == 1
        case "targets": return parts.count == 1 || parts.elementsEqual(["targets", "metadata"])
        case "label": return parts.count == 3 && parts[2] == "values" && !parts[1].isEmpty
        case "status": return parts.count == 2 && statuses.contains(String(parts[1]))
        default: return false
        }
    }

    private static var statuses: Set<String> {
        ["buildinfo", "runtimeinfo", "flags", "config", "tsdb", "walreplay"]
    }
}

// SPDX-License-Identifier: Apache-2.0

import AlertRules
import Hummingbird
import JSONDocument
import TimeSeries

/// `/api/v1/rules`, `alerts`: how rules stand.
struct StateRoutes: Sendable {
    let rules: RuleLoop

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.get("/api/v1/rules") { request, _ in try await listRules(request) }
        router.get("/api/v1/alerts") { _, _ in try await alerts() }
        // There is nothing that could only be said to somebody who looks.
        router.get("/api/v1/notifications") { _, _ in Response.success { $0.array([] as [Int]) { _, _ in } } }
    }

    private func listRules(_ request: Request) async throws -> Response {
        var request = request
        let listing = try RuleListing(try await request.parameters())
        let page = await rules.access { manager in
            Result { () throws(APIError) in try listing.page(manager) }
        }
        guard let page else { throw APIError(.unavailable, "the rules have stopped") }
        let bytes = try page.get()
        return .success { $0.raw(bytes) }
    }

    private func alerts() async throws -> Response {
        let alerts = await rules.access { $0.alerts() }
        guard let alerts else { throw APIError(.unavailable, "the rules have stopped") }
        return .success { json in
            json.object { $0.member("alerts", array: alerts) { RuleJSON.write($1, to: &$0) } }
        }
    }
}

extension Timestamp {
    /// Go's zero time, which Prometheus shows for what never happened.
    static let never = Timestamp(milliseconds: -62_135_596_800_000)
}

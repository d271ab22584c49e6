// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HealthChecks
import Hummingbird
import NIOCore
import Notifications
import TimeSeries

/// `/api/v2/*`: Alertmanager's API. The engine makes the bytes; this passes requests to its thread.
struct AlertmanagerRoutes: Sendable {
    let notifications: NotificationLoop
    let version: String
    let startedAt: HealthTime

    private typealias Outcome = Result<[UInt8], Notifications::APIError>

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.get("/api/v2/status") { [version, startedAt] _, _ in
            let started = Timestamp(milliseconds: startedAt.unixMilliseconds)
            return await answer { engine, _ in
                .success(engine.statusJSON(version: version, revision: "", startedAt: started))
            }
        }
        router.get("/api/v2/receivers") { _, _ in await answer { engine, _ in .success(engine.receiversJSON()) } }
        router.get("/api/v2/alerts") { request, _ in
            let pairs = try Self.pairs(request)
            return await answer { engine, now in
                Self.capture { () throws(Notifications::APIError) in engine.alertsJSON(try AlertQuery(pairs), at: now) }
            }
        }
        router.get("/api/v2/alerts/groups") { request, _ in
            let pairs = try Self.pairs(request)
            return await answer { engine, now in
                Self.capture { () throws(Notifications::APIError) in
                    engine.alertGroupsJSON(try AlertQuery(pairs), at: now)
                }
            }
        }
        router.post("/api/v2/alerts") { request, _ in try await post(request) }
        router.get("/api/v2/silences") { request, _ in
            let filter = try Self.pairs(request).filter { $0.name == "filter" }.map(\.value)
            return await answer { engine, now in
                Self.capture { () throws(Notifications::APIError) in try engine.silencesJSON(filter: filter, at: now) }
            }
        }
        router.post("/api/v2/silences") { request, _ in
            let body = try await Self.body(request)
            return await answer { engine, now in
                Self.capture { () throws(Notifications::APIError) in try engine.postSilence(body, at: now) }
            }
        }
        router.get("/api/v2/silence/:id") { _, context in
            let id = context.parameters.get("id") ?? ""
            return await answer { engine, now in
                Self.capture { () throws(Notifications::APIError) in try engine.silenceJSON(id: id, at: now) }
            }
        }
        router.delete("/api/v2/silence/:id") { _, context in
            let id = context.parameters.get("id") ?? ""
            return await answer { engine, now in
                Self.capture { () throws(Notifications::APIError) in
                    try engine.deleteSilence(id: id, at: now)
                    return []
                }
            }
        }
    }

    private func post(_ request: Request) async throws -> Response {
        let body = try await Self.body(request)
        let parsed = await notifications.access { engine, now in
            Result { () throws(Notifications::APIError) in try engine.postedAlerts(body, at: now) }
        }
        switch parsed {
        case .success(let alerts):
            notifications.process(alerts)
            return .json([])
        case .failure(let error): return Self.refusal(error)
        case nil: return .text("stopping\n", status: .serviceUnavailable)
        }
    }

    private func answer(
        _ body: @escaping @Sendable (NotificationEngine, Timestamp) -> Result<[UInt8], Notifications::APIError>
    ) async -> Response {
        switch await notifications.access(body) {
        case .success(let bytes): .json(bytes)
        case .failure(let error): Self.refusal(error)
        case nil: .text("stopping\n", status: .serviceUnavailable)
        }
    }

    private static func capture(
        _ body: () throws(Notifications::APIError) -> [UInt8]
    ) -> Result<[UInt8], Notifications::APIError> {
        Result { () throws(Notifications::APIError) in try body() }
    }

    private static func refusal(_ error: Notifications::APIError) -> Response {
        .json(error.body, status: HTTPResponse.Status(code: error.status))
    }

    private static func pairs(_ request: Request) throws -> [(name: String, value: String)] {
        var parameters = Parameters()
        do throws(Parameters.Invalid) {
            if let query = request.uri.query { try parameters.append(encoded: query.utf8) }
        } catch {
            throw APIError.badData(error.description)
        }
        return parameters.pairs
    }

    private static func body(_ request: Request) async throws -> [UInt8] {
        var request = request
        return Array(try await request.collectBody(upTo: 8 << 20).readableBytesView)
    }
}

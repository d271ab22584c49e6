// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import HTTPTypes
import HealthChecks
import Hummingbird
import JSONDocument
import TimeSeries

/// `/ping/…` in the dialect of Healthchecks, and `/api/sidecar/heartbeats`.
struct HeartbeatRoutes: Sendable {
    let keeper: HeartbeatKeeper
    /// The check of a job has something new to look at.
    let hurry: @Sendable (String) -> Void

    /// More than is kept, because a job may send its whole output; what is longer than this is refused.
    private static let bodyLimit = 1 << 20

    func register(on router: some RouterMethods<BasicRequestContext>) {
        for method in [HTTPRequest.Method.get, .head, .post] {
            router.on("/ping/**", method: method) { request, _ in try await receive(request) }
        }
        router.get("/api/sidecar/heartbeats") { _, _ in statuses() }
    }

    private func receive(_ request: Request) async throws -> Response {
        let wanted: HeartbeatRequest
        do throws(HeartbeatRequest.Problem) {
            wanted = try HeartbeatRequest(target: request.uri.string)
        } catch {
            switch error {
            case .notFound: return Self.answer("not found", .notFound)
            case .invalid: return Self.answer("invalid url format", .badRequest)
            }
        }
        guard let body = try await body(request) else { return Self.answer("body too large", .contentTooLarge) }
        switch await keeper.receive(wanted, body: body) {
        case .kept(let name):
            hurry(name)
            return Self.answer("OK", .ok)
        case .notKept(let name):
            hurry(name)
            return Self.answer("not kept, try again", .serviceUnavailable)
        case .stopping: return Self.answer("stopping, try again", .serviceUnavailable)
        case .unknown: return Self.answer("not found", .notFound)
        case .ambiguous: return Self.answer("ambiguous slug", .conflict)
        }
    }

    /// The first bytes of the body; nil when there are too many.
    private func body(_ request: Request) async throws -> [UInt8]? {
        guard request.method == .post else { return [] }
        var kept: [UInt8] = []
        var count = 0
        for try await buffer in request.body {
            count += buffer.readableBytes
            guard count <= Self.bodyLimit else { return nil }
            kept.append(contentsOf: buffer.readableBytesView.prefix(HeartbeatRequest.bodyLimit - kept.count))
        }
        return kept
    }

    private static func answer(_ text: String, _ status: HTTPResponse.Status) -> Response {
        var response = Response.text(text, status: status)
        if let name = HTTPField.Name("Ping-Body-Limit") {
            response.headers[name] = String(HeartbeatRequest.bodyLimit)
        }
        response.headers[.cacheControl] = "no-store"
        return response
    }

    private func statuses() -> Response {
        var json = JSONWriter(reservingCapacity: 1_024)
        json.array(keeper.board.statuses) { json, status in
            let machine = status.machine
            json.object {
                $0.member("name", status.definition.name)
                $0.member("state", machine.state.rawValue)
                $0.member("graceSeconds", status.definition.grace / .seconds(1))
                $0.member("signals", machine.signals)
                if let time = machine.lastPing { $0.member("lastPing", Self.time(time)) }
                if let time = machine.lastStart { $0.member("lastStart", Self.time(time)) }
                if let time = machine.dueAt { $0.member("due", Self.time(time)) }
                if let duration = machine.lastDuration { $0.member("lastDurationSeconds", duration / .seconds(1)) }
                $0.member("body", String(decoding: status.body, as: UTF8.self))
            }
        }
        return .json(json.bytes)
    }

    private static func time(_ milliseconds: Int64) -> String {
        TimeText.rfc3339(Timestamp(milliseconds: milliseconds))
    }
}

// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import NIOCore
import Synchronization

/// Ready-made HTTP responses for the short probe questions, made anew when the state or the second changes.
///
/// Shared by all connections of a listener.
final class RenderedProbes: Sendable {
    /// What a request without query and without a wish for another form asks for.
    enum Question: Int, Sendable, CaseIterable {
        case livez, readyz, startupz

        var endpoint: ProbeEndpoint {
            switch self {
            case .livez: .livez
            case .readyz: .readyz
            case .startupz: .startupz
            }
        }
    }

    private struct Key: Equatable {
        var generation: UInt64
        var second: Int64
        var isStale: Bool
        var isWedged: Bool
    }

    private struct Cached: Sendable {
        var key: Key
        var responses: [ByteBuffer?]
    }

    private let responder: ProbeResponder
    private let cached: Mutex<Cached>

    init(_ responder: ProbeResponder) {
        self.responder = responder
        let key = Key(generation: .max, second: -1, isStale: false, isWedged: false)
        cached = Mutex(Cached(key: key, responses: []))
    }

    /// The whole response, head and body; `closing` adds `Connection: close`.
    func response(to question: Question, method: PlainRequest.Method, closing: Bool) -> ByteBuffer {
        let now = responder.clock.now()
        let snapshot = responder.registry.snapshot
        let key = Key(
            generation: snapshot.generation,
            second: now.unixMilliseconds / 1_000,
            isStale: snapshot.readinessFailure(at: now.uptime) == .stale,
            isWedged: responder.livenessFailure(at: now) != nil
        )
        let slot = (question.rawValue * 3 + method.rawValue) * 2 + (closing ? 1 : 0)
        return cached.withLock { cached in
            if cached.key != key || cached.responses.isEmpty {
                cached = Cached(key: key, responses: Array(repeating: nil, count: 18))
            }
            if let ready = cached.responses[slot] { return ready }
            let rendered = render(question, method, closing: closing, at: now)
            cached.responses[slot] = rendered
            return rendered
        }
    }

    private func render(_ question: Question, _ method: PlainRequest.Method, closing: Bool, at now: HealthTime)
        -> ByteBuffer
    {
        let answer = responder.answer(
            method: method.text,
            target: "/\(question.endpoint.rawValue)",
            accept: nil,
            details: false
        )
        guard let answer else { return ByteBuffer() }
        var text = "HTTP/1.1 \(answer.status) \(answer.status == 200 ? "OK" : "Service Unavailable")\r\n"
        text += "Content-Type: \(answer.contentType)\r\n"
        text += "Content-Length: \(method == .options ? 0 : answer.body.utf8.count)\r\n"
        text += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        if let reason = answer.reason { text += "X-Health-Reason: \(reason.rawValue)\r\n" }
        if method == .options { text += "Allow: \(ProbeAnswer.allow)\r\n" }
        if closing { text += "Connection: close\r\n" }
        text += "Date: \(InstantText.http(unixSeconds: now.unixMilliseconds / 1_000))\r\n\r\n"
        if method == .get { text += answer.body }
        return ByteBuffer(string: text)
    }
}

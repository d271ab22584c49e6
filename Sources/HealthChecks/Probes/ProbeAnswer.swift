// SPDX-License-Identifier: Apache-2.0

public import HealthChecks

/// What to send for a probe: exactly 200 or 503, or 404 for an unknown check and 405 for a method that changes things.
public struct ProbeAnswer: Sendable, Hashable {
    /// 200, 503, 404 or 405.
    public let status: Int
    /// The value of `X-Health-Reason`; nil when the answer is 200.
    public let reason: HealthReason?
    /// The value of `Content-Type`.
    public let contentType: String
    /// The body; not sent for HEAD and OPTIONS, whose `Content-Length` is still that of a GET for HEAD and 0 for OPTIONS.
    public let body: String

    static let text = "text/plain; charset=utf-8"
    static let json = "application/json"
    static let healthJSON = "application/health+json"
    /// The value of `Allow`.
    static let allow = "GET, HEAD, OPTIONS"

    init(isPassing: Bool, reason: HealthReason?, contentType: String, body: String) {
        status = isPassing ? 200 : 503
        self.reason = isPassing ? nil : reason
        self.contentType = contentType
        self.body = body
    }

    private init(status: Int, body: String) {
        self.status = status
        reason = nil
        contentType = Self.text
        self.body = body
    }

    static func unknownCheck() -> Self { Self(status: 404, body: "no such check\n") }
    static let methodNotAllowed = Self(status: 405, body: "method not allowed\n")
}

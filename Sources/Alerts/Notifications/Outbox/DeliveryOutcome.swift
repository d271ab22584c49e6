// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// What came of an attempt, as the transport saw it.
package enum DeliveryOutcome: Hashable, Sendable {
    /// An HTTP answer; `body` is its beginning.
    case answered(status: Int, retryAfter: String?, body: [UInt8])
    /// No complete answer. `reason` is a closed word, `text` safe to show.
    case failed(reason: String, text: String)
    /// Handed over, where there is no answer to have (journal, SMTP).
    case accepted
    /// The other side says that this message will not do (SMTP 5xx).
    case refused(reason: String, text: String)

    /// A closed word for logs: `http_503`, `connect_refused`, `accepted`.
    package var reason: String {
        switch self {
        case .answered(let status, _, _): "http_\(status)"
        case .failed(let reason, _), .refused(let reason, _): reason
        case .accepted: "accepted"
        }
    }
}

/// What an outcome means for the item.
package enum DeliveryVerdict: Hashable, Sendable {
    case delivered
    /// Try again by the schedule, or when the receiver asked for it.
    case retry(reason: String, after: Duration?)
    /// Refused: every minute, for a day. `isDestination` tells that everything else would be refused as well.
    case refused(reason: String, isDestination: Bool)
    /// The receiver is gone for good.
    case gone(reason: String)

    static func judge(_ outcome: DeliveryOutcome, _ kind: Integration.Kind, at now: Timestamp) -> DeliveryVerdict {
        switch outcome {
        case .accepted: return .delivered
        case .failed(let reason, _): return .retry(reason: reason, after: nil)
        case .refused(let reason, _):
            return .refused(reason: reason, isDestination: reason == "auth" || reason == "journal_unreachable")
        case .answered(let status, let header, let body):
            let wait = header.flatMap { RetrySchedule.retryAfter($0, at: now) }
            switch status {
            case 200..<300: return kind == .slack ? slack(body) : .delivered
            case 300..<400: return .retry(reason: "redirect", after: wait)
            case 408: return .retry(reason: "http_408", after: wait)
            case 429: return .retry(reason: "rate_limited", after: wait)
            case 410: return .gone(reason: "http_410")
            case 401, 403, 404: return .refused(reason: "http_\(status)", isDestination: true)
            case 400..<500: return .refused(reason: "http_4xx", isDestination: false)
            case 500..<600: return .retry(reason: "http_5xx", after: wait)
            default: return .retry(reason: "http_status", after: wait)
            }
        }
    }

    /// Slack's web API answers 200 to what it refuses and says so in the body.
    private static func slack(_ body: [UInt8]) -> DeliveryVerdict {
        guard body.starts(with: "{\"ok\":false".utf8) else { return .delivered }
        let text = String(decoding: body.prefix(256), as: UTF8.self)
        for word in ["ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable"]
        where text.contains("\"\(word)\"") {
            return .retry(reason: word.hasPrefix("rate") ? "rate_limited" : "http_5xx", after: nil)
        }
        return .refused(reason: "refused", isDestination: false)
    }

    /// The closed word for metrics and the history; nil for success.
    package var reason: String? {
        switch self {
        case .delivered: nil
        case .retry(let reason, _), .refused(let reason, _), .gone(let reason): reason
        }
    }
}

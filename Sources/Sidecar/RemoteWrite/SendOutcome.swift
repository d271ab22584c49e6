// SPDX-License-Identifier: Apache-2.0

/// What an attempt to send means for its samples.
package enum SendOutcome: Hashable, Sendable {
    case accepted
    /// Again, after this or after the backoff.
    case retry(reason: String, after: Duration?)
    /// The receiver will never take them.
    case refused(reason: String)

    /// Longer than this nobody may make us wait.
    static let longestWait = Duration.seconds(3_600)

    package static func judge(status: Int, retryAfter: Int?, retriesOn429: Bool) -> SendOutcome {
        let wait = retryAfter.flatMap { $0 > 0 ? min(.seconds($0), longestWait) : nil }
        switch status {
        case 200..<300: return .accepted
        case 408: return .retry(reason: "http_408", after: wait)
        case 429 where retriesOn429: return .retry(reason: "http_429", after: wait)
        case 400..<500: return .refused(reason: "http_\(status)")
        // A redirect is a fault of the configuration, which somebody can mend.
        case 300..<400: return .retry(reason: "redirect", after: wait)
        default: return .retry(reason: "http_\(status)", after: wait)
        }
    }
}

/// Doubles from try to try.
struct Backoff {
    let minimum: Duration
    let maximum: Duration
    private var next: Duration

    init(minimum: Duration, maximum: Duration) {
        self.minimum = minimum
        self.maximum = max(minimum, maximum)
        next = minimum
    }

    /// How long to wait before the next try; what the receiver asked for goes first.
    mutating func wait(asked: Duration?) -> Duration {
        if let asked { return asked }
        defer { next = min(maximum, next * 2) }
        return next
    }
}

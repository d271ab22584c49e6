// SPDX-License-Identifier: Apache-2.0

import Notifications
import TestSupport

/// Between the outbox and the receivers: outages, delays, errors, answers that get lost after the message was taken.
struct Network {
    private var downUntil: [String: Duration] = [:]
    var isCalm = false

    mutating func breakDown(_ receiver: String, until end: Duration) { downUntil[receiver] = end }

    /// What becomes of an attempt: whether the receiver gets it, when its answer comes, and which.
    func send(
        _ attempt: DeliveryAttempt,
        at now: Duration,
        _ random: inout SeededGenerator
    ) -> (arrives: Bool, after: Duration, outcome: DeliveryOutcome) {
        let quick = Duration.milliseconds(Int64.random(in: 1...40, using: &random))
        let taken = DeliveryOutcome.answered(status: 200, retryAfter: nil, body: [])
        if isCalm { return (true, quick, taken) }
        if let end = downUntil[attempt.receiver], end > now {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: return (false, quick, .failed(reason: "connect_refused", text: ""))
            case 1: return (false, quick, .answered(status: 503, retryAfter: "3", body: []))
            case 2: return (false, .seconds(10), .failed(reason: "timeout_first_byte", text: ""))
            default: return (true, .seconds(10), .failed(reason: "timeout_first_byte", text: ""))
            }
        }
        switch Int.random(in: 0..<20, using: &random) {
        case 0: return (true, .milliseconds(Int64.random(in: 500...4_000, using: &random)), taken)
        case 1: return (true, quick, .failed(reason: "closed_early", text: ""))
        case 2: return (false, quick, .answered(status: 500, retryAfter: nil, body: []))
        case 3: return (false, quick, .answered(status: 429, retryAfter: "2", body: []))
        default: return (true, quick, taken)
        }
    }
}

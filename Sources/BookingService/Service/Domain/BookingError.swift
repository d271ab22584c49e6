// SPDX-License-Identifier: Apache-2.0

import SidecarMetrics

/// What a request can end with other than success. The messages are for the client and hold nothing internal.
package enum BookingError: Error, Sendable, Equatable {
    case invalid(String)
    case notFound(String)
    case slotTaken
    case soldOut
    case duplicateSlot
    case idempotencyMismatch
    case unauthorized(String)
    case forbidden
    case rateLimited(retryAfter: Int)
    case unavailable(String)

    /// The machine-readable word in the body.
    package var code: String {
        switch self {
        case .invalid: "invalid"
        case .notFound: "not_found"
        case .slotTaken: "slot_taken"
        case .soldOut: "sold_out"
        case .duplicateSlot: "duplicate_slot"
        case .idempotencyMismatch: "idempotency_mismatch"
        case .unauthorized: "unauthorized"
        case .forbidden: "forbidden"
        case .rateLimited: "rate_limited"
        case .unavailable: "unavailable"
        }
    }

    package var status: Int {
        switch self {
        case .invalid, .idempotencyMismatch: 422
        case .notFound: 404
        case .slotTaken, .soldOut, .duplicateSlot: 409
        case .unauthorized: 401
        case .forbidden: 403
        case .rateLimited: 429
        case .unavailable: 503
        }
    }

    package var message: String {
        switch self {
        case .invalid(let what): what
        case .notFound(let what): "no such \(what)"
        case .slotTaken: "this slot is taken"
        case .soldOut: "not enough seats left"
        case .duplicateSlot: "the venue has a slot at that time"
        case .idempotencyMismatch: "this Idempotency-Key was used for a different request"
        case .unauthorized(let why): why
        case .forbidden: "this belongs to somebody else"
        case .rateLimited: "too many requests"
        case .unavailable(let what): "\(what) does not answer"
        }
    }

    static func check(_ text: String, _ name: String, atMost limit: Int) throws(BookingError) {
        guard !text.isEmpty, text.utf8.count <= limit else {
            throw .invalid("\(name) has to have 1 to \(limit) bytes")
        }
    }
}

/// How a request to book or cancel ended: the label `outcome` of `bookings_total`.
package enum BookingOutcome: String, LabelEnum {
    package static let labelName = "outcome"

    /// Booked.
    case confirmed = "success"
    /// Somebody else was first: the slot was taken or the seats were gone. Not a failure of the service.
    case conflict
    /// The request was not valid, not allowed or over a limit.
    case rejected
    /// The service could not do it.
    case failed = "failure"
    /// A booking was cancelled.
    case cancelled
    /// The answer of an earlier request with the same key was given again.
    case replayed
}

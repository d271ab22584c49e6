// SPDX-License-Identifier: Apache-2.0

/// The outcome of a business operation: success and failure as two series that exist from the start, so that a ratio
/// of them is never missing, and the reasons of failures beside them.
///
/// ```swift
/// let bookings = registry.outcomes("bookings", help: "Bookings by outcome.", reasons: BookingFailure.self)
/// bookings.succeeded()
/// bookings.failed(.soldOut)      // bookings_total{outcome="failure"}, bookings_failures_total{reason="sold_out"}
/// ```
public final class OutcomeCounter<Reason: LabelEnum>: Sendable {
    private let successes: Counter
    private let failures: Counter
    private let reasons: Family<Reason, Counter>

    init(_ outcomes: Family<OperationOutcome, Counter>, _ reasons: Family<Reason, Counter>) {
        self.successes = outcomes[.success]
        self.failures = outcomes[.failure]
        self.reasons = reasons
    }

    /// Counts a success.
    public func succeeded() {
        successes.increment()
    }

    /// Counts a failure and its reason.
    /// - Parameter reason: why.
    public func failed(_ reason: Reason) {
        failures.increment()
        reasons.increment(reason)
    }
}

/// How an operation ended.
public enum OperationOutcome: String, LabelEnum {
    /// The label's name.
    public static let labelName = "outcome"
    /// As wanted.
    case success
    /// Not as wanted.
    case failure
}

extension MetricsRegistry {
    /// The outcome of a business operation as `<name>_total{outcome}` and `<name>_failures_total{<reason>}`.
    /// - Parameters:
    ///   - name: such as `bookings`.
    ///   - help: one sentence.
    ///   - reasons: why it can fail.
    public func outcomes<Reason: LabelEnum>(
        _ name: String,
        help: String,
        reasons: Reason.Type
    ) -> OutcomeCounter<Reason> {
        let base = name.hasBytes(atEnd: "_total") ? String(name.dropLast(6)) : name
        return OutcomeCounter(
            counter(base, help: help, labels: OperationOutcome.self),
            counter(base + "_failures", help: help + " Failures by reason.", labels: Reason.self)
        )
    }
}

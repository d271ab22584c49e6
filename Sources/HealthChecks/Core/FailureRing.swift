// SPDX-License-Identifier: Apache-2.0

/// The last failures of one check, oldest first, in bounded memory.
public struct FailureRing: Sendable, Hashable {
    /// One failed attempt.
    public struct Failure: Sendable, Hashable {
        /// When.
        public let unixMilliseconds: Int64
        /// Why, safe to publish.
        public let reason: HealthReason
        /// The explanation, cut to ``FailureRing/textLimit`` bytes; not for the public.
        public let text: String
        /// How long the attempt took.
        public let duration: Duration
    }

    /// Bytes of text kept per failure.
    public static let textLimit = 512
    /// Failures kept.
    public let capacity: Int
    private var slots: [Failure] = []
    private var next = 0

    /// Creates an empty ring.
    public init(capacity: Int = 16) { self.capacity = max(capacity, 1) }

    /// The kept failures, oldest first.
    public var failures: [Failure] { slots.count < capacity ? slots : Array(slots[next...] + slots[..<next]) }

    /// Adds a failure, forgetting the oldest when full.
    public mutating func append(reason: HealthReason, text: String, duration: Duration, unixMilliseconds: Int64) {
        let failure = Failure(
            unixMilliseconds: unixMilliseconds,
            reason: reason,
            text: Self.cut(text),
            duration: duration
        )
        if slots.count < capacity {
            slots.append(failure)
        } else {
            slots[next] = failure
            next = (next + 1) % capacity
        }
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > textLimit else { return text }
        return String(decoding: text.utf8.prefix(textLimit), as: UTF8.self)
    }
}

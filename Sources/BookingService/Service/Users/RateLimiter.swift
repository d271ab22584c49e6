// SPDX-License-Identifier: Apache-2.0

package import HealthChecks
import Synchronization

/// Limits how often each user may do something: a bucket of tokens per user that fills evenly.
package final class RateLimiter: Sendable {
    private struct Bucket: Sendable {
        var tokens: Double
        var filled: Duration
    }

    private static let users = 10_000
    private let perHour: Int
    private let clock: HealthClock
    private let buckets = Mutex<[String: Bucket]>([:])

    /// - Parameters:
    ///   - perHour: how often; 0 is without limit.
    ///   - clock: the time.
    package init(perHour: Int, clock: HealthClock) {
        self.perHour = perHour
        self.clock = clock
    }

    /// Takes a token.
    ///
    /// - Throws: `rateLimited` with the seconds to wait.
    package func take(_ user: String) throws(BookingError) {
        guard perHour > 0 else { return }
        let now = clock.now().uptime
        let rate = Double(perHour) / 3_600
        let wait = buckets.withLock { buckets -> Double? in
            var bucket = buckets[user] ?? Bucket(tokens: Double(perHour), filled: now)
            bucket.tokens = min(bucket.tokens + (now - bucket.filled) / .seconds(1) * rate, Double(perHour))
            bucket.filled = now
            defer { buckets[user] = bucket }
            if bucket.tokens >= 1 {
                bucket.tokens -= 1
                return nil
            }
            if buckets.count >= Self.users { buckets = buckets.filter { $0.value.tokens < Double(perHour) } }
            return (1 - bucket.tokens) / rate
        }
        if let wait { throw .rateLimited(retryAfter: Int(min(wait.rounded(.up), 3_600))) }
    }
}

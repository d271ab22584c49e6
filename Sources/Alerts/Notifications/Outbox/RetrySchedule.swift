// SPDX-License-Identifier: Apache-2.0

import Calendar
import TimeSeries

/// When a delivery that failed is tried again.
package enum RetrySchedule {
    static let steps: [Duration] = [1, 2, 5, 10, 30, 60].map { .seconds($0) }
    /// What the receiver refused is asked again this often …
    static let refusedDelay = Duration.seconds(60)
    /// … and given up after this long.
    static let refusedLimit = Duration.seconds(24 * 3600)
    /// The longest wait a receiver can ask for.
    static let longestRetryAfter = Duration.seconds(3600)
    /// While a destination fails, one attempt at most this far apart probes it on behalf of everything that waits.
    static let probeGap = Duration.seconds(15)

    /// The wait after the n-th failure (from 1), spread by ± 20 %; `random` is any 64 random bits.
    static func delay(afterFailures count: Int, random: UInt64) -> Duration {
        let step = steps[min(max(count, 1), steps.count) - 1]
        // 0.8 to 1.2 in steps of a thousandth.
        let permille = 800 + Int64(random % 401)
        return .milliseconds(step.inMilliseconds * permille / 1000)
    }

    /// A `Retry-After` value: seconds or an HTTP date. nil for anything else and for the past.
    static func retryAfter(_ text: String, at now: Timestamp) -> Duration? {
        let bytes = text.utf8.drop { $0 == 0x20 }
        let wait: Duration
        if !bytes.isEmpty, bytes.allSatisfy({ (48...57).contains($0) }) {
            // More digits than an hour has are an hour.
            wait = bytes.count > 9 ? longestRetryAfter : .seconds(Int64(String(bytes) ?? "") ?? 0)
        } else if let seconds = HTTPDate.unixSeconds(text) {
            wait = Timestamp(milliseconds: seconds * 1_000) - now
        } else {
            return nil
        }
        guard wait >= .zero else { return nil }
        return min(max(wait, .seconds(1)), longestRetryAfter)
    }
}

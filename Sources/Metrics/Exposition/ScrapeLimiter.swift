// SPDX-License-Identifier: Apache-2.0

/// Counts scrapes in flight, so that a slow or greedy scraper cannot pile up renderings. Its owner guards it.
public struct ScrapeLimiter: Sendable, Hashable {
    /// Scrapes that may run at once.
    public let limit: Int
    /// Scrapes running now.
    public private(set) var inFlight = 0
    /// Scrapes turned away with 503.
    public private(set) var rejected: UInt64 = 0

    /// Creates a limiter.
    /// - Parameter limit: scrapes that may run at once, at least one.
    public init(limit: Int = 4) {
        self.limit = max(1, limit)
    }

    /// Asks to begin a scrape.
    /// - Returns: false when it must be answered with 503; otherwise `leave` follows when it is done.
    public mutating func enter() -> Bool {
        guard inFlight < limit else {
            rejected &+= 1
            return false
        }
        inFlight += 1
        return true
    }

    /// Ends a scrape that `enter` let in.
    public mutating func leave() {
        inFlight = max(0, inFlight - 1)
    }
}

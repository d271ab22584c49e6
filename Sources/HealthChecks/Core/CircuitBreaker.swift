// SPDX-License-Identifier: Apache-2.0

/// Stops calling a dependency that keeps failing, and lets a single call find out whether it is back.
///
/// Five failures in a row open it; after sixty seconds one call is let through; its success closes the breaker, its
/// failure opens it for another sixty seconds. A value: guard it with a lock where calls come from many tasks.
///
/// ```swift
/// guard breaker.allows(at: clock.now().uptime) else { throw CacheUnavailable() }
/// breaker.succeeded()
/// ```
public struct CircuitBreaker: Sendable, Hashable {
    /// Whether calls go through.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Calls go through.
        case closed
        /// One call goes through to find out.
        case halfOpen = "half_open"
        /// No call goes through.
        case open
    }

    private enum Phase: Sendable, Hashable {
        case closed(failures: Int)
        case open(until: Duration)
        case probing(since: Duration)
    }

    /// Failures in a row that open it.
    public let threshold: Int
    /// How long it stays open before one call is tried; also how long that call may stay without an answer.
    public let openFor: Duration
    /// How often it has opened.
    public private(set) var opened: UInt64 = 0
    /// Calls that were not let through.
    public private(set) var rejected: UInt64 = 0
    private var phase = Phase.closed(failures: 0)

    /// Creates a closed breaker.
    public init(threshold: Int = 5, openFor: Duration = .seconds(60)) {
        self.threshold = max(threshold, 1)
        self.openFor = openFor
    }

    /// The state as of `now`.
    public func state(at now: Duration) -> State {
        switch phase {
        case .closed: .closed
        case .open(let until): now >= until ? .halfOpen : .open
        case .probing: .halfOpen
        }
    }

    /// Whether a call may be made now; call ``succeeded()`` or ``failed(at:)`` when it has ended.
    public mutating func allows(at now: Duration) -> Bool {
        switch phase {
        case .closed:
            return true
        case .open(let until) where now >= until:
            phase = .probing(since: now)
            return true
        case .probing(let since) where now >= since + openFor:
            phase = .probing(since: now)
            return true
        case .open, .probing:
            rejected &+= 1
            return false
        }
    }

    /// The call worked.
    public mutating func succeeded() { phase = .closed(failures: 0) }

    /// Somebody else, such as a health check, had an answer: the next call need not wait for the rest of the sixty seconds.
    ///
    /// The breaker stays open until a call has worked, as a dependency may answer a check and still fail what it is for.
    public mutating func answered(at now: Duration) {
        if case .open(let until) = phase, until > now { phase = .open(until: now) }
    }

    /// The call failed.
    public mutating func failed(at now: Duration) {
        switch phase {
        case .closed(let failures) where failures + 1 < threshold:
            phase = .closed(failures: failures + 1)
        case .closed, .probing:
            phase = .open(until: now + openFor)
            opened &+= 1
        case .open:
            break
        }
    }
}

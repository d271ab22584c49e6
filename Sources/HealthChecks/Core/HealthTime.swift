// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One reading of both clocks: the monotonic one for intervals and deadlines, the wall clock for what people read.
public struct HealthTime: Sendable, Hashable, Comparable {
    /// Time on a monotonic clock with any origin; only differences mean something.
    public var uptime: Duration
    /// Unix time in milliseconds.
    public var unixMilliseconds: Int64

    /// Creates a reading.
    public init(uptime: Duration, unixMilliseconds: Int64) {
        self.uptime = uptime
        self.unixMilliseconds = unixMilliseconds
    }

    /// Orders by the monotonic clock.
    public static func < (left: Self, right: Self) -> Bool { left.uptime < right.uptime }

    /// Both clocks moved by the same distance.
    public func advanced(by distance: Duration) -> HealthTime {
        let (moved, overflow) = unixMilliseconds.addingReportingOverflow(distance.wholeMilliseconds)
        return HealthTime(
            uptime: uptime + distance,
            unixMilliseconds: overflow ? (distance < .zero ? .min : .max) : moved
        )
    }
}

/// Where the time comes from. Machines take a ``HealthTime``; only shells that own a loop hold a clock.
public struct HealthClock: Sendable {
    /// Reads both clocks.
    public let now: @Sendable () -> HealthTime

    /// Creates a clock from a function, for tests with one that is set by hand.
    public init(now: @escaping @Sendable () -> HealthTime) { self.now = now }

    /// `CLOCK_MONOTONIC` and `CLOCK_REALTIME`.
    public static let system = HealthClock {
        HealthTime(
            uptime: .nanoseconds(readClock(CLOCK_MONOTONIC)),
            unixMilliseconds: readClock(CLOCK_REALTIME) / 1_000_000
        )
    }

    private static func readClock(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

extension Duration {
    /// Whole milliseconds, saturating; negative durations stay negative.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }

    /// Seconds as a floating-point number, for series.
    var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

// SPDX-License-Identifier: Apache-2.0

/// A moment on the wall clock, in milliseconds since 1970. Arithmetic saturates, so no input can trap.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// The first and the last moment that can be named.
    package static let distantPast = Timestamp(milliseconds: .min)
    package static let distantFuture = Timestamp(milliseconds: .max)

    /// Seconds since 1970, as Prometheus writes them.
    package var seconds: Double { Double(milliseconds) / 1000 }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    package static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(milliseconds: moment.milliseconds.saturatingAdd(duration.wholeMilliseconds))
    }

    package static func - (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(milliseconds: moment.milliseconds.saturatingSubtract(duration.wholeMilliseconds))
    }

    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .milliseconds(later.milliseconds.saturatingSubtract(earlier.milliseconds))
    }
}

extension Timestamp: CustomStringConvertible {
    package var description: String { "\(milliseconds) ms" }
}

extension Duration {
    /// Milliseconds, rounded toward negative infinity, saturating.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        var milliseconds = attoseconds / 1_000_000_000_000_000
        if attoseconds < 0, attoseconds % 1_000_000_000_000_000 != 0 { milliseconds -= 1 }
        return product.saturatingAdd(milliseconds)
    }
}

extension Int64 {
    func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    func saturatingSubtract(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}

extension Timestamp {
    /// A commit that lies as far back as this tells of a clock that was set back; less is taken for a mishap.
    package static let setBack: Duration = .milliseconds(setBackMilliseconds)
    static let setBackMilliseconds: Int64 = 10_000

    /// This time, where it comes after `last` or the clock was set back; else the first one after `last`.
    package func following(_ last: Timestamp) -> Timestamp {
        self > last || last - self >= Self.setBack ? self : last + .milliseconds(1)
    }
}

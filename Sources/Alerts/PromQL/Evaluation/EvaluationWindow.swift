// SPDX-License-Identifier: Apache-2.0

/// The times at which an expression is evaluated, in milliseconds: `start`, `start + step` … not after `end`.
struct EvaluationWindow: Hashable {
    var start: Int64
    var step: Int64
    var count: Int

    init(start: Int64, step: Int64, count: Int) {
        self.start = start
        self.step = Swift.max(1, step)
        self.count = Swift.max(0, count)
    }

    static func instant(_ time: Int64) -> EvaluationWindow { EvaluationWindow(start: time, step: 1, count: 1) }

    /// The last time; `start` when there is none.
    var end: Int64 { count == 0 ? start : time(count - 1) }

    @inline(__always)
    func time(_ index: Int) -> Int64 { start &+ step &* Int64(index) }
}

extension Int64 {
    func clampedSum(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    func clampedDifference(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}

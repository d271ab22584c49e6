// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks

/// Attempts that may block, such as on a file system that hangs: each on a thread of its own, one at a time, so that a
/// thread that is stuck for good stays alone.
package final class BlockingProbe<Answer: Sendable>: CheckProbe {
    private let work: @Sendable (Duration) -> Answer
    private let result: (Answer, Duration) -> CheckResult
    private let late: (Duration) -> CheckResult
    private var isRunning = false

    /// - Parameters:
    ///   - late: the result when the deadline passes first.
    ///   - work: runs on the thread, with the time it has.
    ///   - result: turns its answer into a result, on the loop's thread.
    init(
        late: @escaping (Duration) -> CheckResult,
        work: @escaping @Sendable (Duration) -> Answer,
        result: @escaping (Answer, Duration) -> CheckResult
    ) {
        self.late = late
        self.work = work
        self.result = result
    }

    package func close() {}

    package func begin(_ attempt: CheckAttempt) {
        attempt.whenLate = { [self] in late(attempt.elapsed) }
        guard !isRunning else { return }
        isRunning = true
        let bound = LoopBound((self, attempt), on: attempt.loop)
        let work = self.work
        let remaining = attempt.remaining
        let isStarted = startDetachedThread(name: "check") {
            let answer = work(remaining)
            bound.loop.execute {
                let (probe, attempt) = bound.value
                probe.isRunning = false
                if !attempt.isFinished { attempt.finish(probe.result(answer, attempt.elapsed)) }
            }
        }
        if !isStarted {
            isRunning = false
            attempt.finish(.undetermined(.localResource, "no thread", duration: attempt.elapsed))
        }
    }
}

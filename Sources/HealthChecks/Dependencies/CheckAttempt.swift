// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks

/// One attempt of a check on the loop's thread: its deadline, and an answer that is given exactly once.
package final class CheckAttempt {
    let loop: EventLoop
    let started = MonotonicTime.now()
    private let deadline: MonotonicTime
    private var timer: LoopTimer?
    private var completion: ((CheckResult) -> Void)?
    /// What the attempt answers when its deadline passes.
    var whenLate: (() -> CheckResult)?

    init(loop: EventLoop, deadline: Duration, completion: @escaping (CheckResult) -> Void) {
        self.loop = loop
        self.deadline = started + deadline
        self.completion = completion
        timer = loop.schedule(at: self.deadline) { [self] in
            timer = nil
            finish(whenLate?() ?? .down(.timeout, "no answer within the deadline", duration: elapsed))
        }
    }

    var elapsed: Duration { MonotonicTime.now() - started }

    var remaining: Duration { max(.milliseconds(1), deadline - MonotonicTime.now()) }

    var isFinished: Bool { completion == nil }

    func finish(_ result: CheckResult) {
        if let timer { loop.cancel(timer) }
        timer = nil
        whenLate = nil
        let completion = self.completion
        self.completion = nil
        completion?(result)
    }
}

/// What a check does on the loop's thread.
package protocol CheckProbe: AnyObject, SendableMetatype {
    func begin(_ attempt: CheckAttempt)
    func close()
}

extension LoopBound where Value: CheckProbe {
    /// Carries an attempt over to the loop.
    func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        let accepted = loop.execute {
            value.begin(CheckAttempt(loop: loop, deadline: deadline, completion: completion))
        }
        if !accepted { completion(.undetermined(.draining, "the loop has stopped", duration: .zero)) }
    }

    func close() {
        loop.execute { value.close() }
    }
}

/// Label arrays by their values, so that equal series carry the same array from attempt to attempt.
struct LabelCache {
    private static let limit = 4096
    private let names: [String]
    private var arrays: [[String]: [CheckLabel]] = [:]

    init(_ names: [String]) {
        self.names = names
    }

    mutating func labels(_ values: [String]) -> [CheckLabel] {
        if let known = arrays[values] { return known }
        if arrays.count >= Self.limit { arrays.removeAll() }
        let made = zip(names, values).map { CheckLabel($0, $1) }
        arrays[values] = made
        return made
    }
}

// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import EventLoop
import HTTPClient
package import HealthChecks

/// One attempt of a configured check by itself, with everything that it did on the way: without a schedule, a store or
/// a running sidecar.
package struct CheckTrial: Sendable {
    package let name: String
    package let kind: String
    package let instance: String
    package let steps: [TrialStep]
    package let result: CheckResult

    /// Why there was no attempt.
    package struct Problem: Error, CustomStringConvertible, Sendable {
        package let description: String
    }

    /// Whether an attempt can say anything without the samples or signals that only a running sidecar has.
    package static func isPossible(_ definition: CheckDefinition) -> Bool {
        switch definition.kind {
        case .expression, .heartbeat: false
        case .queue(let configuration): if case .expressions = configuration.source { false } else { true }
        default: true
        }
    }

    /// Makes the check, one attempt, and ends everything it has opened.
    package init(
        _ definition: CheckDefinition,
        deadline: Duration,
        clock: HealthClock = .system
    ) async throws(Problem) {
        guard Self.isPossible(definition) else {
            throw Problem(
                description: "\(definition.name) looks at what a running sidecar keeps; ask /api/sidecar/checks there"
            )
        }
        let loop: EventLoop
        let check: any DependencyCheck
        let log = StepLog(clock: clock)
        do {
            loop = try EventLoop(name: "trial")
            var environment = CheckEnvironment(loop: loop, http: try HTTPClient(loop: loop))
            environment.trace = { log.add($0) }
            check = try definition.make(in: environment)
        } catch {
            throw Problem(description: "\(definition.name): \(error)")
        }
        result = await check.check(deadline: deadline)
        name = check.name
        kind = check.kind
        instance = check.instance
        steps = log.steps
        check.close()
        loop.stop()
    }

    /// The samples as a metrics page.
    package var page: String { ResultPage.text(result) }
}

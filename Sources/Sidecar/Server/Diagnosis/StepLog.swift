// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import Synchronization

/// Something that an attempt did.
package struct TrialStep: Sendable {
    /// Since somebody began to listen.
    package var after: Duration
    package var text: String
}

/// Hears what an attempt does, from the loop's thread, up to a limit.
final class StepLog: Sendable {
    private static let limit = 1_000
    private let clock: HealthClock
    private let start: Duration
    private let heard = Mutex<[TrialStep]>([])

    init(clock: HealthClock) {
        self.clock = clock
        start = clock.now().uptime
    }

    func add(_ text: String) {
        let step = TrialStep(after: clock.now().uptime - start, text: text)
        heard.withLock { if $0.count < Self.limit { $0.append(step) } }
    }

    var steps: [TrialStep] { heard.withLock { $0 } }
}

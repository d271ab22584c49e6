// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import Synchronization

/// Remembers when somebody last probed: a service that nobody balances need not wait before it stops.
final class ProbeActivity: Sendable {
    private static let memory = Duration.seconds(60)
    private let clock: HealthClock
    private let last = Mutex<Duration?>(nil)

    init(clock: HealthClock) { self.clock = clock }

    func note() {
        let now = clock.now().uptime
        last.withLock { $0 = now }
    }

    /// Whether there was a probe in the last minute.
    var isRecent: Bool {
        let now = clock.now().uptime
        return last.withLock { $0.map { now - $0 <= Self.memory } ?? false }
    }
}

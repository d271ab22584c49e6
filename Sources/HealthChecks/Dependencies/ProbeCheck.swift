// SPDX-License-Identifier: Apache-2.0

import EventLoop
package import HealthChecks

/// A check whose attempts are made by a probe on the loop's thread: the name, kind and address around it.
///
/// Each kind gives it a name and an initialiser that reads its configuration.
package final class ProbeCheck<Probe: CheckProbe>: DependencyCheck {
    package let name: String
    package let kind: String
    package let instance: String
    private let probe: LoopBound<Probe>

    init(name: String, kind: String, instance: String, probe: Probe, in environment: CheckEnvironment) {
        self.name = name
        self.kind = kind
        self.instance = instance
        self.probe = LoopBound(probe, on: environment.loop)
    }

    package func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        probe.begin(deadline: deadline, completion: completion)
    }

    package func close() {
        probe.close()
    }
}

// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// A dependency's check that tells its circuit breaker about each good answer, so that requests do not go on failing for a
/// minute after the dependency is back.
struct RecoveryCheck: HealthCheck {
    let check: any HealthCheck
    let breaker: Breaker

    var name: String { check.name }
    var kind: String { check.kind }
    var instance: String { check.instance }

    func check(deadline: Duration) async -> CheckResult {
        let result = await check.check(deadline: deadline)
        if result.isUp { breaker.dependencyAnswered() }
        return result
    }
}

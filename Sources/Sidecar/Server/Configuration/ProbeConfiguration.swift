// SPDX-License-Identifier: Apache-2.0

package import HealthChecks
package import Notifications

/// `probes:` — what decides readiness besides the checks, and how much a probe's answer tells.
package struct ProbeConfiguration: Sendable {
    /// Who sees texts and addresses besides names, states and reasons. The administration listener always shows them.
    package enum Details: String, Sendable, CaseIterable {
        case never, always
    }

    /// Scrape targets as a condition: holds while all of them are up.
    package struct Target: Sendable, Equatable {
        package var name: String
        package var jobName: String
        /// The value of the label `instance`; nil: all targets of the job.
        package var instance: String?
        package var settings: CheckSettings
    }

    /// Firing alerts as a condition: holds while none of them fires.
    package struct AlertGate: Sendable, Equatable {
        package var name: String
        package var matchers: [AlertMatcher]
        package var policy: CheckSettings.Policy
    }

    package var details = Details.never
    package var targets: [Target] = []
    package var alerts: [AlertGate] = []
    /// An expression whose greatest value is the load: 1 when the capacity is used up. Nil: no load is known.
    package var load: String?
    /// What `/probe?module=` may name.
    package var modules: [String: ProbeModule] = [:]
    /// Whom `/probe?target=` may name; nobody by default.
    package var allowedTargets: [ProbeTargetPattern] = []

    package init() {}

    /// The names under which the conditions stand beside the checks.
    package var names: [String] { targets.map(\.name) + alerts.map(\.name) }
}

// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// What one evaluation of a group did.
package struct GroupEvaluation: Sendable {
    package let group: String
    package let time: Timestamp
    package var rules = 0
    /// Samples stored.
    package var samples = 0
    /// What people are to be told, in the rules' order.
    package var transitions: [AlertTransition] = []
    package var failures: [(rule: String, message: String)] = []
    /// Alert series that the store refused; the alerts themselves are not affected.
    package var writeFailures: [(rule: String, message: String)] = []
    /// New alerts that limits kept out.
    package var dropped = 0
    /// Alerts kept as they are because their data is missing.
    package var held = 0
    /// Every change of an alert, for the state on disk.
    var changes: [AlertChange] = []

    init(group: String, at time: Timestamp) {
        self.group = group
        self.time = time
    }
}

/// An alert of a group that changed.
struct AlertChange: Sendable {
    /// Whose it is: one object for all changes of a rule, as there may be ten thousand.
    final class Origin: Sendable {
        let writer: String
        let rule: RuleDefinition

        init(writer: String, rule: RuleDefinition) {
            self.writer = writer
            self.rule = rule
        }
    }

    var change: AlertInstance.Change
    var origin: Origin
    var alert: AlertInstance
}

/// Something to tell people.
package struct AlertTransition: Sendable {
    package enum Kind: String, Sendable {
        case firing
        case resolved
        /// It changes so often that it is kept firing until it is quiet.
        case flapping
        /// It fires, was kept back because something it depends on failed, and is not kept back any more.
        case released
    }

    package var kind: Kind
    package var alert: AlertSnapshot
}

/// An alert with everything that a message may want to say about it.
package struct AlertSnapshot: Sendable, Hashable {
    package var group: String
    package var file: String
    package var rule: String
    package var expression: String
    package var labels: Labels
    package var annotations: [AlertAnnotation]
    package var state: AlertInstance.Phase
    package var value: Double
    package var valueAtResolve: Double?
    /// The worst value since it became active: the highest, or the lowest for a `<` rule.
    package var peak: Double
    package var activeAt: Timestamp
    package var firedAt: Timestamp?
    package var resolvedAt: Timestamp?
    package var keepFiringSince: Timestamp?
    /// Since when its data is missing.
    package var heldSince: Timestamp?
    package var isFlapping: Bool
    /// What it depends on and what fails now: the alert is not to be told to anybody.
    package var suppressedBy: String?
    /// A link to the expression, relative to nothing: the external URL stands in front.
    package var generatorURL: String
    /// The series it came from, as selectors: each metric that the expression reads, with the alert's labels in the result.
    package var series: [String]

    /// True while it is kept as it is without data.
    package var isStale: Bool { heldSince != nil }
    package var fingerprint: UInt64 { labels.fingerprint }
}

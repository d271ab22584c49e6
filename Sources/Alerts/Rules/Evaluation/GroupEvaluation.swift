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
    /// The number of that news; 0 when there is none.
    package var news: Int64 = 0
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

// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// What rules read from and write to. The store stands behind it in the product; tests script it.
package protocol RuleEnvironment: AnyObject {
    /// The result over everything committed so far, the group's earlier rules included.
    func evaluate(_ query: RuleQuery, at time: Timestamp) throws(RuleQueryError) -> [RuleSample]

    /// Stores a rule's samples; series that it wrote last time and not now end. Returns how many were stored.
    func write(_ samples: [RuleSample], rule: String, at time: Timestamp) throws(RuleQueryError) -> Int

    /// Ends what a rule that is no more has written.
    func retire(rule: String, at time: Timestamp)

    /// The series that the selectors of an expression match, and whether each still has data.
    ///
    /// - Parameter now: the evaluation's own time; a group may look at an earlier one.
    func sources(of query: RuleQuery, at time: Timestamp, now: Timestamp) -> [RuleSource]

    /// When a series last had this value, by its newest sample or its newest one up to `time`, stale markers aside; nil when
    /// neither says so.
    func lastWritten(_ labels: Labels, as value: Double, before time: Timestamp) -> Timestamp?

    /// The `query` function of templates, at this time.
    func templateQuery(at time: Timestamp) -> @Sendable (String) throws(RuleQueryError) -> [RuleSample]
}

/// A series that an expression reads.
package struct RuleSource: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        case live
        /// It was last written later than now: before the clock was set back. What is older is of another time, too.
        case ahead
        /// No present value; `targetFailed` when the scrape or check behind it fails at this moment.
        case lost(targetFailed: Bool)
    }

    package var labels: Labels
    package var state: State

    package init(labels: Labels, state: State) {
        self.labels = labels
        self.state = state
    }

    /// True when no label says otherwise: names on both sides carry one value.
    package func agrees(with other: Labels) -> Bool {
        var agrees = true
        other.forEach { name, value in
            if agrees, let own = labels[name], own != value { agrees = false }
        }
        return agrees
    }

    /// True when the clock was set back and nothing has come of any of them since.
    static func areBygone(_ sources: [[RuleSource]]) -> Bool {
        sources.contains { $0.contains { $0.state == .ahead } }
            && !sources.contains { $0.contains { $0.state == .live } }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// A node of the routing tree as configured; what is nil comes from the parent.
package struct RouteConfiguration: Hashable, Sendable {
    package enum Grouping: Hashable, Sendable {
        case labels([String])
        /// `group_by: ['...']`: every alert is its own group.
        case all
    }

    package var receiver: String?
    package var groupBy: Grouping?
    package var groupWait: Duration?
    package var groupInterval: Duration?
    package var repeatInterval: Duration?
    package var matchers: [AlertMatcher]
    package var muteTimeIntervals: [String]
    package var activeTimeIntervals: [String]
    package var continues: Bool
    package var routes: [RouteConfiguration]

    package init(
        receiver: String? = nil,
        groupBy: Grouping? = nil,
        groupWait: Duration? = nil,
        groupInterval: Duration? = nil,
        repeatInterval: Duration? = nil,
        matchers: [AlertMatcher] = [],
        muteTimeIntervals: [String] = [],
        activeTimeIntervals: [String] = [],
        continues: Bool = false,
        routes: [RouteConfiguration] = []
    ) {
        self.receiver = receiver
        self.groupBy = groupBy
        self.groupWait = groupWait
        self.groupInterval = groupInterval
        self.repeatInterval = repeatInterval
        self.matchers = matchers
        self.muteTimeIntervals = muteTimeIntervals
        self.activeTimeIntervals = activeTimeIntervals
        self.continues = continues
        self.routes = routes
    }
}

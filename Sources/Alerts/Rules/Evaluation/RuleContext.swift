// SPDX-License-Identifier: Apache-2.0

/// What rules of all groups share.
package struct RuleContext: Sendable {
    package var externalLabels: [(name: String, value: String)] = []
    /// Where people reach the sidecar; links in notifications begin with it.
    package var externalURL = ""
    /// Alerts that one rule may have; the group's own `limit` may be lower.
    package var alertLimit = 10_000
    /// For groups that set no offset of their own.
    package var queryOffset: Duration = .zero
    package var evaluationInterval: Duration = .seconds(1)
    package var writesAlertSeries = true

    package init() {}
}

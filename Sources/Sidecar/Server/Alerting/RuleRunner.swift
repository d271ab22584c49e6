// SPDX-License-Identifier: Apache-2.0

package import AlertRules
package import Notifications
package import TimeSeries

/// What the rules' thread does, without the thread: evaluates what is due and says what the notifications are to hear.
///
/// Belongs to one thread and reads no clock, so that it runs in a simulation as it runs in the program.
package final class RuleRunner {
    /// Something for the notifications, in the order in which it is returned.
    package enum News: Sendable {
        /// Alerts as they stand now.
        case alerts([Alert])
        /// The fingerprints of everything that fires, once every group has been evaluated: whatever else is thought to
        /// fire is over.
        case active(Set<UInt64>)
    }

    package let manager: RuleManager
    /// Groups that have not been evaluated since the start.
    private var unevaluated: Set<String> = []
    private var hasReconciled = false
    private var refreshedAt = Timestamp.distantPast
    /// How often what fires is told anew, so that repeated notifications carry present values.
    package static let refreshInterval: Duration = .seconds(60)

    package init(_ manager: RuleManager) { self.manager = manager }

    /// Before every group was evaluated once, silence means nothing.
    package var knowsWhatFires: Bool { unevaluated.isEmpty }

    /// Replaces the rules; resolves owed by rules that are gone are told at once. With `restoring` what fires and what
    /// ended lately is told again, as the last process may have died before it told anybody; who knows hears nothing new.
    package func load(
        _ groups: [RuleGroupDefinition],
        unreadable: Set<String> = [],
        context: RuleContext,
        restoring: Bool = false,
        at now: Timestamp
    ) -> [News] {
        if restoring { manager.restore() }
        let transitions = manager.load(groups, unreadable: unreadable, context: context, at: now)
        if !hasReconciled { unevaluated = Set(groups.map(\.key)) }
        var news: [News] = []
        if restoring { news += [.alerts(told(manager.alerts(includingResolved: true), at: now))].filter(\.isSomething) }
        // That something fired and that it is over are two pieces of news: in one, the end would be all that is heard.
        for kind in [AlertTransition.Kind.firing, .resolved] {
            news += told(transitions.filter { $0.kind == kind }, at: now)
        }
        return news + (groups.isEmpty ? reconcile(at: now) : [])
    }

    /// Evaluates one group; nil when there is none of that key.
    package func evaluate(group key: String, at time: Timestamp, steady: Duration) -> (GroupEvaluation, [News])? {
        guard let evaluation = manager.evaluate(group: key, at: time, steady: steady) else { return nil }
        unevaluated.remove(key)
        return (evaluation, told(evaluation.transitions, at: time))
    }

    /// An extra evaluation of the alerting rules that read one of these metrics.
    package func evaluateEdge(
        metrics: Set<String>,
        at time: Timestamp,
        steady: Duration
    ) -> [(GroupEvaluation, [News])] {
        manager.evaluateEdge(at: time, steady: steady, metrics: metrics).map { ($0, told($0.transitions, at: time)) }
    }

    /// Once every group was evaluated, what fires is known: the notifications may end what fires no more. From then on
    /// what fires is told each minute with its present value. Call it after the evaluations of a tick.
    package func reconcile(at now: Timestamp) -> [News] {
        guard unevaluated.isEmpty else { return [] }
        if hasReconciled {
            guard now - refreshedAt >= Self.refreshInterval || now < refreshedAt else { return [] }
            refreshedAt = now
            return [.alerts(told(manager.alerts(), at: now))].filter(\.isSomething)
        }
        hasReconciled = true
        refreshedAt = now
        let firing = manager.alerts().filter { $0.state == .firing }
        let active = (firing + manager.waiting).map { Alert($0, context: manager.context, at: now).fingerprint }
        return [.active(Set(active)), .alerts(told(firing, at: now))]
    }

    private func told(_ alerts: [AlertSnapshot], at now: Timestamp) -> [Alert] {
        alerts.filter { $0.state == .resolved || $0.state == .firing && $0.suppressedBy == nil }
            .map { Alert($0, context: manager.context, at: now) }
    }

    private func told(_ transitions: [AlertTransition], at time: Timestamp) -> [News] {
        let told = transitions.lazy.filter { $0.kind == .resolved || $0.alert.suppressedBy == nil }
        let alerts = Array(told.map { Alert($0.alert, context: self.manager.context, at: time) })
        return [.alerts(alerts)].filter(\.isSomething)
    }
}

extension RuleRunner.News {
    fileprivate var isSomething: Bool {
        switch self {
        case .alerts(let alerts): !alerts.isEmpty
        case .active: true
        }
    }
}

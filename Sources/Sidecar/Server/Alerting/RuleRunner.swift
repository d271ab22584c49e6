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
        /// Alerts as they stand now, and the number of the news; 0 for what is only said again.
        case alerts([Alert], number: Int64)
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

    private let receipt: Int64

    /// - Parameter receipt: the number of the last news that the notifications have on their disk.
    package init(_ manager: RuleManager, receipt: Int64 = 0) {
        self.manager = manager
        self.receipt = receipt
    }

    /// Before every group was evaluated once, silence means nothing.
    package var knowsWhatFires: Bool { unevaluated.isEmpty }

    /// The notifications have everything up to this number on their disk.
    package func confirm(news number: Int64) { manager.confirm(news: number) }

    /// Replaces the rules; resolves owed by rules that are gone are told at once. With `restoring` what fires and what
    /// ended lately is told again, as the last process may have died before it told anybody; who knows hears nothing new.
    package func load(
        _ groups: [RuleGroupDefinition],
        unreadable: Set<String> = [],
        context: RuleContext,
        restoring: Bool = false,
        at now: Timestamp
    ) -> [News] {
        if restoring { manager.restore(receipt: receipt) }
        let transitions = manager.load(groups, unreadable: unreadable, context: context, at: now)
        if !hasReconciled { unevaluated = Set(groups.map(\.key)) }
        // That something fired and that it is over are two pieces of news: in one, the end would be all that is heard. The
        // second bears the number: whoever has that has both.
        let fired = told(transitions.filter { $0.kind == .firing }.map(\.alert), at: now)
        var last = told(transitions.filter { $0.kind == .resolved }.map(\.alert), at: now)
        if restoring { last += told(manager.alerts(includingResolved: true), at: now) }
        let news: [News] = [.alerts(fired, number: 0), .alerts(last, number: manager.lastNews)]
        return news.filter(\.isSomething) + (groups.isEmpty ? reconcile(at: now) : [])
    }

    /// Evaluates one group; nil when there is none of that key.
    package func evaluate(group key: String, at time: Timestamp, steady: Duration) -> (GroupEvaluation, [News])? {
        guard let evaluation = manager.evaluate(group: key, at: time, steady: steady) else { return nil }
        unevaluated.remove(key)
        return (evaluation, told(evaluation))
    }

    /// An extra evaluation of the alerting rules that read one of these metrics.
    package func evaluateEdge(
        metrics: Set<String>,
        at time: Timestamp,
        steady: Duration
    ) -> [(GroupEvaluation, [News])] {
        manager.evaluateEdge(at: time, steady: steady, metrics: metrics).map { ($0, told($0)) }
    }

    /// Once every group was evaluated, what fires is known: the notifications may end what fires no more. From then on
    /// what fires is told each minute with its present value. Call it after the evaluations of a tick.
    package func reconcile(at now: Timestamp) -> [News] {
        guard unevaluated.isEmpty else { return [] }
        if hasReconciled {
            guard now - refreshedAt >= Self.refreshInterval || now < refreshedAt else { return [] }
            refreshedAt = now
            return [.alerts(told(manager.alerts(), at: now), number: 0)].filter(\.isSomething)
        }
        hasReconciled = true
        refreshedAt = now
        let firing = manager.alerts().filter { $0.state == .firing }
        let active = (firing + manager.waiting).map { Alert($0, context: manager.context, at: now).fingerprint }
        return [.active(Set(active)), .alerts(told(firing, at: now), number: 0)]
    }

    private func told(_ alerts: [AlertSnapshot], at now: Timestamp) -> [Alert] {
        alerts.filter { $0.state == .resolved || $0.state == .firing && $0.suppressedBy == nil }
            .map { Alert($0, context: manager.context, at: now) }
    }

    private func told(_ evaluation: GroupEvaluation) -> [News] {
        guard !evaluation.transitions.isEmpty else { return [] }
        let told = evaluation.transitions.lazy.filter { $0.kind == .resolved || $0.alert.suppressedBy == nil }
        let alerts = Array(told.map { Alert($0.alert, context: self.manager.context, at: evaluation.time) })
        return [.alerts(alerts, number: evaluation.news)]
    }
}

extension RuleRunner.News {
    fileprivate var isSomething: Bool {
        switch self {
        case .alerts(let alerts, let number): !alerts.isEmpty || number > 0
        case .active: true
        }
    }
}

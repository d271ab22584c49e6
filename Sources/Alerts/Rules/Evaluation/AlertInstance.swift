// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// One alert of one rule: Prometheus's state machine, plus holding over missing data and flap detection.
///
/// A plain value. It is told what an evaluation saw of it and answers with what changed.
package struct AlertInstance: Sendable, Hashable {
    package enum Phase: String, Sendable, Hashable, CaseIterable { case pending, firing, resolved }

    /// What an evaluation says about the alert.
    package enum Observation: Sendable, Hashable {
        /// The expression returned its label set.
        case present(value: Double)
        /// It did not, though there was data. `value` is the left side of the comparison, where there is one.
        case absent(value: Double?)
        /// It did not, and the data is missing because the target or check behind it fails.
        case noData
        /// It did not, but the rule's `resolve_expr` does not hold yet.
        case unresolved
    }

    package enum Change: String, Sendable, Hashable {
        case none
        /// Something that outlives the process and is no news to anybody: a timer that began or ended, another peak.
        case noted
        case pending
        case firing
        case resolved
        /// To be deleted: a pending alert whose condition ended, or a resolved one after its time.
        case forgotten
        case flapping

        /// Whether people are told of it.
        var isNews: Bool {
            switch self {
            case .firing, .resolved, .flapping: true
            case .none, .noted, .pending, .forgotten: false
            }
        }
    }

    /// The rule's part in the decisions.
    package struct Policy: Sendable, Hashable {
        package var holdDuration: Duration = .zero
        package var keepFiringFor: Duration = .zero
        package var onNoData = RuleExtensions.NoDataPolicy.hold
        package var holdMaximum: Duration = .seconds(600)
        package var flapTransitions = 0
        package var flapWindow: Duration = .zero
        package var peakIsMinimum = false

        package init() {}
    }

    /// Resolved alerts are kept and told again for this long.
    package static let resolvedRetention: Duration = .seconds(900)

    /// The alert's own labels, templates expanded, with `alertname`.
    package let labels: Labels
    /// The label set that the expression returned, without the metric name.
    package var sourceLabels: Labels
    package var annotations: [AlertAnnotation] = []
    package internal(set) var phase = Phase.pending
    package internal(set) var activeAt: Timestamp
    package internal(set) var firedAt: Timestamp?
    package internal(set) var resolvedAt: Timestamp?
    package internal(set) var keepFiringSince: Timestamp?
    package internal(set) var value: Double
    package internal(set) var valueAtResolve: Double?
    package internal(set) var peak: Double
    /// Since when data is missing; nil while it is there.
    package internal(set) var heldSince: Timestamp?
    /// Restored from disk and not seen since: missing data is then no reason to end it.
    package internal(set) var isUnconfirmed = false
    package internal(set) var isFlapping = false
    /// When it fired and resolved, within the flap window.
    package internal(set) var turns: [Timestamp] = []
    /// Since when the condition is false, while flaps are counted.
    package internal(set) var quietSince: Timestamp?
    /// The number of the news that last told of it; 0 when there was none yet.
    package internal(set) var news: Int64 = 0

    package init(labels: Labels, sourceLabels: Labels, value: Double, at time: Timestamp) {
        self.labels = labels
        self.sourceLabels = sourceLabels
        self.value = value
        peak = value
        activeAt = time
    }

    package var isActive: Bool { phase != .resolved }

    /// The value of `ALERTS_FOR_STATE`: since when it is active, in whole seconds of Unix time.
    var stateSeconds: Double {
        let (quotient, remainder) = activeAt.milliseconds.quotientAndRemainder(dividingBy: 1000)
        return Double(remainder < 0 ? quotient - 1 : quotient)
    }

    /// How long it has been going on, or went on.
    package func duration(at time: Timestamp) -> Duration { (resolvedAt ?? time) - (firedAt ?? activeAt) }

    /// One evaluation. `labels` and annotations are the caller's; everything else happens here.
    ///
    /// - Parameter news: the number of the news if there is any.
    package mutating func observe(
        _ observation: Observation,
        at time: Timestamp,
        policy: Policy,
        news number: Int64 = 0
    ) -> Change {
        followClock(back: time)
        let before = lasting
        let change = react(to: observation, at: time, policy)
        if change.isNews { news = number }
        return change == .none && lasting != before ? .noted : change
    }

    /// What has to be on disk although nobody is told of it.
    private struct Lasting: Equatable {
        var keepFiringSince, heldSince, quietSince: Timestamp?
        var peak: UInt64
    }

    private var lasting: Lasting {
        Lasting(
            keepFiringSince: keepFiringSince,
            heldSince: heldSince,
            quietSince: quietSince,
            peak: peak.bitPattern
        )
    }

    private mutating func react(to observation: Observation, at time: Timestamp, _ policy: Policy) -> Change {
        switch observation {
        case .present(let value):
            if phase == .resolved { restart(value: value, at: time) }
            self.value = value
            peak = policy.peakIsMinimum ? min(peak, value) : max(peak, value)
            if peak.isNaN { peak = value }
            (keepFiringSince, heldSince, quietSince, isUnconfirmed) = (nil, nil, nil, false)
            return advance(at: time, policy)
        case .unresolved:
            guard phase == .firing else { return vanish(value: nil, at: time, policy) }
            (keepFiringSince, heldSince, quietSince, isUnconfirmed) = (nil, nil, nil, false)
            return .none
        case .noData:
            guard phase != .resolved else { return vanish(value: nil, at: time, policy) }
            if heldSince == nil { heldSince = time }
            switch policy.onNoData {
            case .fire: return advance(at: time, policy)
            case .resolve: return vanish(value: nil, at: time, policy)
            case .hold:
                guard let since = heldSince, time - since >= policy.holdMaximum else { return .none }
                return vanish(value: nil, at: time, policy)
            }
        case .absent(let value):
            isUnconfirmed = false
            heldSince = nil
            return vanish(value: value, at: time, policy)
        }
    }

    /// A clock that was set back leaves nothing in the future but when it fired, as people were told so.
    private mutating func followClock(back time: Timestamp) {
        activeAt = min(activeAt, time)
        resolvedAt = resolvedAt.map { min($0, time) }
        keepFiringSince = keepFiringSince.map { min($0, time) }
        heldSince = heldSince.map { min($0, time) }
        quietSince = quietSince.map { min($0, time) }
    }

    /// The alert comes again after it had resolved: a new life with the old turns.
    private mutating func restart(value: Double, at time: Timestamp) {
        phase = .pending
        activeAt = time
        peak = value
        (firedAt, resolvedAt, valueAtResolve) = (nil, nil, nil)
        isFlapping = false
    }

    /// The condition holds.
    private mutating func advance(at time: Timestamp, _ policy: Policy) -> Change {
        // What people were told stays, also when `for` was raised meanwhile: nobody could tell them that it is over.
        guard phase == .pending else { return .none }
        let age = time - activeAt
        guard age >= policy.holdDuration else { return activeAt == time ? .pending : .none }
        phase = .firing
        firedAt = time
        turn(at: time, policy)
        return .firing
    }

    /// The condition does not hold.
    private mutating func vanish(value: Double?, at time: Timestamp, _ policy: Policy) -> Change {
        switch phase {
        case .pending: return .forgotten
        case .resolved:
            guard let resolvedAt, time - resolvedAt > Self.resolvedRetention else { return .none }
            return .forgotten
        case .firing: break
        }
        if policy.keepFiringFor > .zero {
            let since = keepFiringSince ?? time
            keepFiringSince = since
            if time - since < policy.keepFiringFor { return .none }
        }
        if policy.flapTransitions > 0 {
            let since = quietSince ?? time
            quietSince = since
            if isFlapping {
                if time - since < policy.flapWindow { return .none }
            } else {
                prune(at: time, policy)
                if turns.count + 1 >= policy.flapTransitions {
                    isFlapping = true
                    return .flapping
                }
            }
        }
        phase = .resolved
        resolvedAt = time
        valueAtResolve = value
        (heldSince, quietSince, keepFiringSince) = (nil, nil, nil)
        isFlapping = false
        turn(at: time, policy)
        return .resolved
    }

    /// Its rule is gone.
    mutating func end(at time: Timestamp) {
        phase = .resolved
        resolvedAt = time
    }

    private mutating func turn(at time: Timestamp, _ policy: Policy) {
        guard policy.flapTransitions > 0 else { return }
        prune(at: time, policy)
        turns.append(time)
    }

    private mutating func prune(at time: Timestamp, _ policy: Policy) {
        turns.removeAll { time - $0 >= policy.flapWindow }
    }

    /// The time that passed while nobody evaluated counts for nothing that is measured.
    mutating func skip(_ pause: Duration) {
        if phase == .pending { activeAt = activeAt + pause }
        moveTimers(by: pause)
    }

    /// The clock was set: what is measured goes on as if it had not been. When it fired and resolved stays, as people were
    /// told so. What was stored before may be out of sight now; until something new comes, silence says nothing.
    mutating func followClock(setBy distance: Duration) {
        activeAt = activeAt + distance
        isUnconfirmed = isActive
        moveTimers(by: distance)
    }

    private mutating func moveTimers(by distance: Duration) {
        keepFiringSince = keepFiringSince.map { $0 + distance }
        heldSince = heldSince.map { $0 + distance }
        quietSince = quietSince.map { $0 + distance }
        turns = turns.map { $0 + distance }
    }
}

/// One annotation of an alert.
package struct AlertAnnotation: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

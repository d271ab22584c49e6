// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// The alerts of one route node that share the values of its `group_by` labels, and when they are looked at next.
struct AlertGroup {
    struct ID: Hashable {
        var node: Int
        var labels: Labels
    }

    let id: ID
    let key: String
    var members: Set<UInt64> = []
    /// When the group is due; always set.
    private(set) var nextFlush: Timestamp
    /// The last look that had something new to see or to say.
    private(set) var lastNews: Timestamp?
    private var hasNews = true
    private(set) var emptySince: Timestamp?
    /// Why a member is not being notified; only changes go to the history.
    var held: [UInt64: HeldReason] = [:]

    /// How long an empty group is kept, so that an alert that comes right back does not start a new one.
    static let emptyLifetime = Duration.seconds(30)
    /// A group that has nothing to say is looked at no more often: an interval of milliseconds is meant for news, which do
    /// not wait for it.
    static let idleInterval = Duration.seconds(1)

    init(id: ID, key: String, at now: Timestamp, groupWait: Duration) {
        self.id = id
        self.key = key
        nextFlush = now + groupWait
    }

    /// An alert came, ended or came back. A group that never notified waits `groupWait` from its first alert, or not at
    /// all for an alert that is older than that. Later changes wait as long to gather company, but never less than
    /// `groupInterval` from the last news.
    mutating func changed(_ alert: Alert, at now: Timestamp, node: RouteTree.Node) {
        emptySince = nil
        hasNews = true
        guard let lastNews else {
            if alert.startsAt + node.groupWait < now { nextFlush = min(nextFlush, now) }
            return
        }
        nextFlush = min(nextFlush, max(now + node.groupWait, lastNews + node.groupInterval))
    }

    mutating func flushed(at now: Timestamp, node: RouteTree.Node, notified: Bool) {
        let isIdle = !hasNews && !notified && held.isEmpty
        if hasNews || notified { lastNews = now }
        hasNews = false
        let idle = isIdle ? min(Self.idleInterval, node.repeatInterval) : .zero
        nextFlush = now + max(node.groupInterval, idle, .milliseconds(1))
        if members.isEmpty, emptySince == nil { emptySince = now }
        if members.isEmpty { nextFlush = min(nextFlush, now + Self.emptyLifetime) }
    }

    mutating func clockWasSetBack(to now: Timestamp, node: RouteTree.Node) {
        nextFlush = min(nextFlush, now + max(node.groupInterval, node.groupWait))
        if let last = lastNews { lastNews = min(last, now) }
        if let since = emptySince { emptySince = min(since, now) }
    }

    func isDisposable(at now: Timestamp) -> Bool {
        guard members.isEmpty, let emptySince else { return false }
        return now - emptySince >= Self.emptyLifetime
    }
}

/// Why nobody is told about an alert.
package enum HeldReason: Hashable, Sendable {
    case inhibited(by: UInt64, rule: String)
    case outsideActiveTime([String])
    case mutedByTime([String])
    case silenced(by: [String])

    /// The closed word for metrics.
    package var word: String {
        switch self {
        case .inhibited: "inhibition"
        case .outsideActiveTime: "active_time_interval"
        case .mutedByTime: "mute_time_interval"
        case .silenced: "silence"
        }
    }

    package var detail: String {
        switch self {
        case .inhibited(let fingerprint, let rule): "by alert \(Alert.hexadecimal(fingerprint)), rule \(rule)"
        case .outsideActiveTime(let names), .mutedByTime(let names): names.joined(separator: ", ")
        case .silenced(let ids): ids.joined(separator: ", ")
        }
    }
}

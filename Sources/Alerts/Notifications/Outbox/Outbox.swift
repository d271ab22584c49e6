// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// What waits to be delivered. Notifications of one group to one integration go in order, one at a time; different
/// groups go side by side; a destination that fails is asked by one attempt at a time until it answers.
struct Outbox {
    /// Attempts under way at once to one destination.
    static let concurrency = 8

    private struct Destination {
        var heads = MinimumHeap()
        var inFlight = 0
        /// Failures in a row; 0 means it answers.
        var failures = 0
        var lastAttemptAt = Timestamp.distantPast
        /// The receiver asked to be left alone until then.
        var quietUntil = Timestamp.distantPast
        /// The wait drawn after the last failure.
        var gap = Duration.zero
    }

    private(set) var items: [Int64: OutboxItem] = [:]
    private var lanes: [LogKey: [Int64]] = [:]
    private var destinations: [String: Destination] = [:]
    private var inFlight: Set<Int64> = []
    private(set) var bytes = 0

    var count: Int { items.count }
    var inFlightCount: Int { inFlight.count }

    func isInFlight(_ id: Int64) -> Bool { inFlight.contains(id) }

    /// Destinations that failed their last attempt, with the number of failures in a row.
    var failingDestinations: [(integration: String, failures: Int)] {
        destinations.filter { $0.value.failures > 0 }.map { key, value in
            (String(key.prefix { $0 != " " }), value.failures)
        }
    }

    // MARK: In

    /// Adds an item behind its group's others. Returns an item that the new one made superfluous: it had not gone out,
    /// and the new one tells everything it told.
    mutating func add(_ item: OutboxItem, mayMerge: Bool = true) -> OutboxItem? {
        var item = item
        var merged: OutboxItem?
        if mayMerge, let lastID = lanes[item.lane]?.last, let last = items[lastID], !inFlight.contains(lastID),
            !last.isAside,
            last.target == item.target, last.firing.isSubset(of: item.firing), last.resolved.isSubset(of: item.resolved)
        {
            merged = last
            remove(last)
            // The wait goes on where it was: news must not turn into a faster knock.
            item.attempts = last.attempts
            item.nextAttemptAt = max(item.nextAttemptAt, last.nextAttemptAt)
            item.firstAttemptAt = last.firstAttemptAt
        }
        items[item.id] = item
        bytes += item.body.count
        lanes[item.lane, default: []].append(item.id)
        if lanes[item.lane]?.first == item.id { pushHead(item) }
        return merged
    }

    /// Puts back what the store kept; everything may be tried at once.
    mutating func restore(_ stored: [OutboxItem], at now: Timestamp) {
        for var item in stored.sorted(by: { $0.id < $1.id }) {
            item.nextAttemptAt = min(item.nextAttemptAt, now)
            items[item.id] = item
            bytes += item.body.count
            if item.isAside {
                pushHead(item)
            } else {
                lanes[item.lane, default: []].append(item.id)
                if lanes[item.lane]?.first == item.id { pushHead(item) }
            }
        }
    }

    // MARK: Out

    /// The items to attempt now; they count as under way until `finish`.
    mutating func takeDue(at now: Timestamp, limit: Int) -> [OutboxItem] {
        var taken: [OutboxItem] = []
        for key in destinations.keys.sorted() {
            while taken.count < limit, let item = takeNext(key, at: now) { taken.append(item) }
        }
        return taken
    }

    private mutating func takeNext(_ key: String, at now: Timestamp) -> OutboxItem? {
        // No copy of the destination may live on: it would make the heap below a copy as well.
        guard hasRoom(key) else { return nil }
        dropStaleHeads(key)
        guard let time = readyAt(key), time <= now, let head = destinations[key]?.heads.popFirst(),
            var item = items[head.id]
        else { return nil }
        item.attempts += 1
        item.firstAttemptAt = item.firstAttemptAt ?? now
        items[head.id] = item
        inFlight.insert(head.id)
        destinations[key]?.inFlight += 1
        destinations[key]?.lastAttemptAt = now
        return item
    }

    /// When the next attempt is due; nil when nothing waits.
    mutating func nextAttempt() -> Timestamp? {
        var result: Timestamp?
        for key in Array(destinations.keys) where hasRoom(key) {
            dropStaleHeads(key)
            guard let time = readyAt(key) else { continue }
            result = min(result ?? time, time)
        }
        return result
    }

    private func hasRoom(_ key: String) -> Bool {
        guard let destination = destinations[key] else { return false }
        return destination.inFlight < (destination.failures > 0 ? 1 : Self.concurrency)
    }

    private func readyAt(_ key: String) -> Timestamp? {
        guard let destination = destinations[key], let head = destination.heads.first else { return nil }
        var time = max(head.time, destination.quietUntil)
        if destination.failures > 0 {
            time = max(time, destination.lastAttemptAt + min(destination.gap, RetrySchedule.probeGap))
        }
        return time
    }

    /// An attempt came back. Returns the item as it stands now; `nil` when it is no longer known.
    mutating func finish(_ id: Int64, _ verdict: DeliveryVerdict, error: String?, random: UInt64, at now: Timestamp)
        -> OutboxItem?
    {
        guard inFlight.remove(id) != nil, var item = items[id] else { return nil }
        let key = item.destination
        destinations[key]?.inFlight -= 1
        item.lastReason = verdict.reason
        item.lastError = error
        switch verdict {
        case .delivered:
            remove(item)
            answered(key, at: now)
        case .gone:
            item.deadSince = now
            remove(item)
        case .retry(_, let wait):
            let delay = wait ?? RetrySchedule.delay(afterFailures: item.attempts, random: random)
            item.nextAttemptAt = now + delay
            failed(key, random: random, quietUntil: wait.map { now + $0 })
            items[id] = item
            pushHead(item)
        case .refused(_, let isDestination):
            item.nextAttemptAt = now + RetrySchedule.refusedDelay
            if now - (item.firstAttemptAt ?? now) >= RetrySchedule.refusedLimit {
                item.deadSince = now
                remove(item)
            } else {
                items[id] = item
                if isDestination {
                    failed(key, random: random, quietUntil: item.nextAttemptAt)
                } else {
                    stepAside(&item)
                    answered(key, at: now)
                }
                pushHead(item)
            }
        }
        return item
    }

    /// Gives an item up, or makes room.
    mutating func discard(_ id: Int64) -> OutboxItem? {
        guard !inFlight.contains(id), let item = items[id] else { return nil }
        remove(item)
        return item
    }

    /// The same for an item that was taken but has nowhere to go.
    mutating func abandon(_ id: Int64) -> OutboxItem? {
        guard let item = items[id] else { return nil }
        if inFlight.remove(id) != nil { destinations[item.destination]?.inFlight -= 1 }
        remove(item)
        return item
    }

    mutating func clockWasSetBack(to now: Timestamp) {
        // Those behind another one, too: they have no place among the heads yet.
        for (id, item) in items {
            let latest = item.attempts == 0 ? now : now + RetrySchedule.refusedDelay
            items[id]?.nextAttemptAt = min(item.nextAttemptAt, latest)
        }
        for key in destinations.keys {
            destinations[key]?.lastAttemptAt = .distantPast
            destinations[key]?.quietUntil = .distantPast
            let waiting = destinations[key]?.heads.all ?? []
            destinations[key]?.heads = MinimumHeap()
            for head in waiting {
                if let item = items[head.id] { pushHead(item) }
            }
        }
    }

    /// Everything may be tried at once, as after a reload.
    mutating func releaseAll(at now: Timestamp) {
        for key in destinations.keys { answered(key, at: now) }
    }

    // MARK: Inside

    private mutating func failed(_ key: String, random: UInt64, quietUntil: Timestamp?) {
        let failures = (destinations[key]?.failures ?? 0) + 1
        destinations[key]?.failures = failures
        destinations[key]?.gap = RetrySchedule.delay(afterFailures: failures, random: random)
        if let quietUntil { destinations[key]?.quietUntil = quietUntil }
    }

    /// A destination that answers again is told everything that waited for it.
    private mutating func answered(_ key: String, at now: Timestamp) {
        guard let destination = destinations[key], destination.failures > 0 else { return }
        destinations[key]?.failures = 0
        destinations[key]?.quietUntil = .distantPast
        let waiting = destination.heads.all
        destinations[key]?.heads = MinimumHeap()
        for head in waiting {
            guard var item = items[head.id] else { continue }
            if !item.isAside {
                item.nextAttemptAt = min(item.nextAttemptAt, now)
                items[head.id] = item
            }
            pushHead(item)
        }
    }

    private mutating func stepAside(_ item: inout OutboxItem) {
        guard !item.isAside else { return }
        item.isAside = true
        items[item.id] = item
        leaveLane(item)
    }

    private mutating func remove(_ item: OutboxItem) {
        guard items.removeValue(forKey: item.id) != nil else { return }
        bytes -= item.body.count
        if !item.isAside { leaveLane(item) }
    }

    private mutating func leaveLane(_ item: OutboxItem) {
        let lane = item.lane
        guard let index = lanes[lane]?.firstIndex(of: item.id) else { return }
        lanes[lane]?.remove(at: index)
        guard let next = lanes[lane]?.first else {
            lanes[lane] = nil
            return
        }
        if index == 0, let head = items[next] { pushHead(head) }
    }

    private mutating func pushHead(_ item: OutboxItem) {
        destinations[item.destination, default: Destination()].heads.push(
            MinimumHeap.Element(time: item.nextAttemptAt, id: item.id)
        )
    }

    /// The heap keeps elements whose item went away or moved; they fall out here.
    private mutating func dropStaleHeads(_ key: String) {
        while let head = destinations[key]?.heads.first {
            if let item = items[head.id], item.nextAttemptAt == head.time, !inFlight.contains(head.id),
                item.isAside || lanes[item.lane]?.first == head.id
            {
                return
            }
            _ = destinations[key]?.heads.popFirst()
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

package import HealthChecks
import SidecarMetrics
import Synchronization

/// Ready-made answers, kept in this process, grouped by the thing they are about.
///
/// Cache-aside: a reader that misses takes a ticket, reads the database and stores the answer under its ticket. A change
/// made meanwhile invalidates the ticket, so an answer older than the change is never kept.
package final class Cache: Sendable {
    /// The label `cache`.
    package enum Name: String, LabelEnum {
        package static let labelName = "cache"
        case venues, slots, events
    }

    /// What a group of answers is about: dropped as one.
    package struct Group: Hashable, Sendable {
        package var name: Name
        package var id: String

        package init(_ name: Name, _ id: String = "") {
            self.name = name
            self.id = id
        }
    }

    private struct Entry: Sendable {
        var body: [UInt8]
        var expires: Duration
    }

    private struct Contents: Sendable {
        var groups: [Group: [String: Entry]] = [:]
        var order: [Group] = []
        var count = 0
        var ticket: UInt64 = 0
        /// The ticket of the last invalidation, by a hash of the group: a collision costs a miss, no more.
        var invalidated = [UInt64](repeating: 0, count: 1_024)
    }

    private let capacity: Int
    private let lifetime: Duration
    private let clock: HealthClock
    private let metrics: BookingMetrics
    private let contents = Mutex(Contents())

    package init(capacity: Int, lifetime: Duration, clock: HealthClock, metrics: BookingMetrics) {
        self.capacity = max(capacity, 0)
        self.lifetime = lifetime
        self.clock = clock
        self.metrics = metrics
    }

    /// The answer from the cache, or from `load`, which is then kept.
    package func answer(
        in group: Group,
        key: String,
        load: () async throws -> [UInt8]
    ) async throws -> [UInt8] {
        let now = clock.now().uptime
        let (found, ticket) = contents.withLock { contents -> (Entry?, UInt64) in
            contents.ticket &+= 1
            return (contents.groups[group]?[key], contents.ticket)
        }
        if let found, found.expires > now {
            metrics.cacheHit(group.name)
            return found.body
        }
        metrics.cacheMiss(group.name)
        let body = try await load()
        store(body, in: group, key: key, ticket: ticket, expires: now + lifetime)
        return body
    }

    /// Drops all answers about something, because it has changed.
    package func invalidate(_ group: Group) {
        contents.withLock { contents in
            contents.ticket &+= 1
            contents.invalidated[Self.stripe(group)] = contents.ticket
            contents.count -= contents.groups.removeValue(forKey: group)?.count ?? 0
        }
    }

    private func store(_ body: [UInt8], in group: Group, key: String, ticket: UInt64, expires: Duration) {
        guard capacity > 0 else { return }
        contents.withLock { contents in
            guard contents.invalidated[Self.stripe(group)] < ticket else { return }
            if contents.groups[group] == nil { contents.order.append(group) }
            let replaced = contents.groups[group, default: [:]].updateValue(
                Entry(body: body, expires: expires),
                forKey: key
            )
            if replaced == nil { contents.count += 1 }
            evict(&contents)
        }
    }

    /// Drops whole groups, the oldest first, until the number of answers is within bounds again.
    private func evict(_ contents: inout Contents) {
        guard contents.count > capacity || contents.order.count > 2 * capacity + 16 else { return }
        var kept: [Group] = []
        for (index, group) in contents.order.enumerated() {
            guard let entries = contents.groups[group] else { continue }
            if contents.count <= capacity * 3 / 4 {
                kept.append(contentsOf: contents.order[index...].filter { contents.groups[$0] != nil })
                break
            }
            contents.groups[group] = nil
            contents.count -= entries.count
        }
        var seen: Set<Group> = []
        contents.order = kept.filter { seen.insert($0).inserted }
    }

    private static func stripe(_ group: Group) -> Int { Int(UInt(bitPattern: group.hashValue) % 1_024) }
}

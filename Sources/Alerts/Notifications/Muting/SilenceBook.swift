// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// All silences, with Alertmanager's rules for making, editing and ending them.
struct SilenceBook {
    /// Silences kept, expired ones included.
    static let limit = 10_000
    static let maximumMatchers = 100

    private(set) var silences: [String: Silence] = [:]
    /// Changes with every change, so that answers can be cached.
    private(set) var generation: UInt64 = 0

    mutating func restore(_ stored: [Silence]) {
        for silence in stored { silences[silence.id] = silence }
        generation &+= 1
    }

    /// Makes a silence or edits the one whose id it carries. Returns the silences to store, the new one last: an edit
    /// that changes what was, rather than when it ends, ends the old silence and makes another.
    mutating func set(_ proposal: Silence, newID: () -> String, at now: Timestamp) throws(SilenceError) -> [Silence] {
        try Self.validate(proposal)
        var stored: [Silence] = []
        if !proposal.id.isEmpty {
            guard let previous = silences[proposal.id] else { throw .notFound(proposal.id) }
            if Self.canUpdate(previous, to: proposal, at: now) {
                var updated = proposal
                updated.updatedAt = now
                return [save(updated)]
            }
            if previous.state(at: now) != .expired { stored.append(save(Self.ended(previous, at: now))) }
        }
        guard silences.count < Self.limit else { throw .tooMany }
        var created = proposal
        created.id = newID()
        created.updatedAt = now
        created.startsAt = max(created.startsAt, now)
        guard created.endsAt > created.startsAt else { throw .invalid("end time must not be in the past") }
        stored.append(save(created))
        return stored
    }

    mutating func expire(_ id: String, at now: Timestamp) throws(SilenceError) -> Silence {
        guard let silence = silences[id] else { throw .notFound(id) }
        guard silence.state(at: now) != .expired else { throw .alreadyExpired(id) }
        return save(Self.ended(silence, at: now))
    }

    /// Forgets what expired before `limit`; returns the ids.
    mutating func removeExpired(before limit: Timestamp) -> [String] {
        let gone = silences.values.filter { $0.endsAt < limit }.map(\.id)
        for id in gone { silences[id] = nil }
        if !gone.isEmpty { generation &+= 1 }
        return gone
    }

    func active(at now: Timestamp) -> [Silence] {
        silences.values.filter { $0.state(at: now) == .active }.sorted { $0.id < $1.id }
    }

    private mutating func save(_ silence: Silence) -> Silence {
        silences[silence.id] = silence
        generation &+= 1
        return silence
    }

    private static func ended(_ silence: Silence, at now: Timestamp) -> Silence {
        var ended = silence
        if silence.state(at: now) == .pending { ended.startsAt = now }
        ended.endsAt = now
        ended.updatedAt = now
        return ended
    }

    private static func canUpdate(_ old: Silence, to new: Silence, at now: Timestamp) -> Bool {
        guard old.matchers == new.matchers else { return false }
        switch old.state(at: now) {
        case .active:
            // Alertmanager compares whole seconds: clients send back what they were shown.
            return old.startsAt.milliseconds / 1000 == new.startsAt.milliseconds / 1000 && new.endsAt >= now
        case .pending: return new.startsAt >= now
        case .expired: return false
        }
    }

    private static func validate(_ silence: Silence) throws(SilenceError) {
        guard !silence.matchers.isEmpty else { throw .invalid("at least one matcher required") }
        guard silence.matchers.count <= maximumMatchers else { throw .invalid("too many matchers") }
        guard silence.matchers.allSatisfy({ !$0.name.isEmpty }) else { throw .invalid("invalid label name") }
        guard silence.matchers.contains(where: { !$0.matches("") }) else {
            throw .invalid("at least one matcher must not match the empty string")
        }
        guard silence.startsAt < silence.endsAt else { throw .invalid("start time must be before end time") }
    }
}

// SPDX-License-Identifier: Apache-2.0

import JSONDocument
package import TimeSeries

/// Alertmanager's API v2 for silences, and the same as plain calls.
extension NotificationEngine {
    /// `GET /api/v2/silences`: active, pending, expired; those that end or begin soonest first, expired ones latest first.
    package func silencesJSON(filter: [String] = [], at now: Timestamp) throws(APIError) -> [UInt8] {
        var matchers: [AlertMatcher] = []
        for text in filter { matchers += try AlertQuery.filter(text) }
        var writer = JSONWriter(reservingCapacity: 1024)
        let announced = maintenance.announced(at: now)
        writer.array((announced + listSilences(at: now)).filter { Self.matches($0, matchers) }) { json, silence in
            Self.write(silence, to: &json, at: now)
        }
        return writer.bytes
    }

    /// `GET /api/v2/silence/{id}`
    package func silenceJSON(id: String, at now: Timestamp) throws(APIError) -> [UInt8] {
        let announced = maintenance.announced(at: now).first { $0.id == id }
        guard let silence = silences.silences[id] ?? announced else {
            throw APIError(404, SilenceError.notFound(id).description)
        }
        var writer = JSONWriter()
        Self.write(silence, to: &writer, at: now)
        return writer.bytes
    }

    /// `POST /api/v2/silences`: makes or edits; answers `{"silenceID": …}`.
    package func postSilence(_ body: [UInt8], at now: Timestamp) throws(APIError) -> [UInt8] {
        let silence = try Self.readSilence(try APIReader.parse(body))
        if silence.endsAt < now { throw APIError(400, "failed to create silence: end time can't be in the past") }
        let id: String
        do {
            id = try setSilence(silence, at: now)
        } catch {
            switch error {
            case .notFound: throw APIError(404, error.description)
            default: throw APIError(400, "failed to create silence: \(error)")
            }
        }
        var writer = JSONWriter()
        writer.object { $0.member("silenceID", id) }
        return writer.bytes
    }

    /// `DELETE /api/v2/silence/{id}`
    package func deleteSilence(id: String, at now: Timestamp) throws(APIError) {
        if maintenance.contains(id) {
            throw APIError(400, "silence \(id) is a maintenance window of the configuration")
        }
        do {
            try expireSilence(id, at: now)
        } catch {
            switch error {
            case .notFound: throw APIError(404, error.description)
            default: throw APIError(500, error.description)
            }
        }
    }

    // MARK: Plain calls

    /// Makes a silence, or edits the one whose id it carries; returns the id it has now.
    package func setSilence(_ silence: Silence, at now: Timestamp) throws(SilenceError) -> String {
        let stored = try silences.set(silence, newID: { [random] in Self.randomUUID(random) }, at: now)
        for silence in stored {
            pending.append(.saveSilence(silence))
            note(silence, kind: silence.state(at: now) == .expired ? .silenceExpired : .silenceSet, at: now)
        }
        commit(at: now)
        return stored.last?.id ?? ""
    }

    package func expireSilence(_ id: String, at now: Timestamp) throws(SilenceError) {
        let silence = try silences.expire(id, at: now)
        pending.append(.saveSilence(silence))
        note(silence, kind: .silenceExpired, at: now)
        commit(at: now)
    }

    package func listSilences(at now: Timestamp) -> [Silence] {
        let rank: [Silence.State: Int] = [.active: 0, .pending: 1, .expired: 2]
        return silences.silences.values.sorted { left, right in
            let states = (left.state(at: now), right.state(at: now))
            if states.0 != states.1 { return rank[states.0] ?? 0 < rank[states.1] ?? 0 }
            switch states.0 {
            case .active where left.endsAt != right.endsAt: return left.endsAt < right.endsAt
            case .pending where left.startsAt != right.startsAt: return left.startsAt < right.startsAt
            case .expired where left.endsAt != right.endsAt: return left.endsAt > right.endsAt
            default: return left.id < right.id
            }
        }
    }

    // MARK: Inside

    private func note(_ silence: Silence, kind: HistoryRecord.Kind, at now: Timestamp) {
        var record = HistoryRecord(at: now, kind: kind)
        record.reason = silence.id
        record.detail = shortened(
            "\(silence.matchers.alertmanagerText) by \(silence.createdBy): \(silence.comment)",
            to: 500
        )
        note(record)
    }

    /// Version 4 from 128 random bits.
    static func randomUUID(_ random: () -> UInt64) -> String {
        var bytes: [UInt8] = []
        for number in [random(), random()] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
            }
        }
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        return Digest.uuidText(bytes)
    }

    /// Every filter must be among the silence's own matchers: by name and value for `=`, or by what the value matches.
    private static func matches(_ silence: Silence, _ filter: [AlertMatcher]) -> Bool {
        filter.allSatisfy { wanted in
            let values = silence.matchers.filter { $0.name == wanted.name }.map(\.value)
            return values.isEmpty ? wanted.matches("") : values.contains(where: wanted.matches)
        }
    }

    private static func readSilence(_ value: JSONValue) throws(APIError) -> Silence {
        let reader = APIReader(value)
        var matchers: [AlertMatcher] = []
        for element in try reader.objects("matchers") {
            guard let name = try element.string("name"), let value = try element.string("value") else {
                throw APIError(400, "matchers need name and value")
            }
            let isRegex = try element.boolean("isRegex") ?? false
            let isEqual = try element.boolean("isEqual") ?? true
            let operation: AlertMatcher.Operation =
                isRegex ? (isEqual ? .regexMatch : .regexNoMatch) : (isEqual ? .equal : .notEqual)
            do {
                matchers.append(try AlertMatcher(name, operation, value))
            } catch {
                throw APIError(400, "invalid matcher: \(error)")
            }
        }
        guard let startsAt = try reader.time("startsAt"), let endsAt = try reader.time("endsAt") else {
            throw APIError(400, "startsAt and endsAt are required")
        }
        guard let createdBy = try reader.string("createdBy"), let comment = try reader.string("comment") else {
            throw APIError(400, "createdBy and comment are required")
        }
        return Silence(
            id: try reader.string("id") ?? "",
            matchers: matchers,
            startsAt: startsAt,
            endsAt: endsAt,
            createdBy: createdBy,
            comment: comment,
            annotations: try reader.labels("annotations")
        )
    }

    private static func write(_ silence: Silence, to writer: inout JSONWriter, at now: Timestamp) {
        writer.object { json in
            json.member("id", silence.id)
            json.member("status", object: { $0.member("state", silence.state(at: now).rawValue) })
            json.member("updatedAt", TimeText.format(silence.updatedAt))
            json.member("comment", silence.comment)
            json.member("createdBy", silence.createdBy)
            json.member("endsAt", TimeText.format(silence.endsAt))
            json.member("matchers", array: silence.matchers) { json, matcher in
                json.object { json in
                    json.member("isEqual", matcher.isPositive)
                    json.member("isRegex", matcher.isRegularExpression)
                    json.member("name", matcher.name)
                    json.member("value", matcher.value)
                }
            }
            json.member("startsAt", TimeText.format(silence.startsAt))
            if !silence.annotations.isEmpty { json.member("annotations", strings: silence.annotations.pairs) }
        }
    }
}
